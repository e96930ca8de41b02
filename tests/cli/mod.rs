//! The commands, through the binary.

mod bundle;
mod bundle_copies;
mod bundle_doctored;
mod cases;
mod changes;
mod check;
mod check_formats;
mod check_rules;
mod ci_page;
mod compat;
mod diagnose;
mod diagnose_odd;
mod diagnose_says;
mod diagnose_signals;
mod diagnose_waits;
mod documents;
mod drawings;
mod evidence;
mod formats;
mod goroutine_kinds;
mod goroutines;
mod honest;
mod inspect;
mod listings;
mod machines;
pub(crate) mod made_profile;
mod manual;
mod mistakes;
#[cfg(feature = "debuginfod")]
mod pprof_urls;
mod scope;
#[cfg(feature = "shell")]
mod shell;
mod sides;
pub(crate) mod support;
mod terminal;
