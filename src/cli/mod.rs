//! Argv -> all of the above: parse, dispatch, exit code.
//!
//! The only room that knows clap, a terminal and the process.

mod exit;
mod pprof;

use std::ffi::OsString;
use std::process::ExitCode;

pub use exit::Exit;

/// The `kubeprof` command: reads the process's arguments, answers on stdout, exits.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    run(args).into()
}

fn run(args: Vec<OsString>) -> Exit {
    if args.first().is_some_and(|a| a == "pprof") {
        return pprof::run(&args[1..]);
    }
    Exit::Failed
}
