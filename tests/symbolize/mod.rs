//! Names of addresses, through the public API.

mod dwarf;
mod evidence;
mod hostile;
mod identity;
mod kubelet;
mod made_go;
mod oracle;
mod pclntab;
