//! Argv -> all of the above: parse, dispatch, exit code.
//!
//! The only room that knows clap, a terminal and the process.

mod binary;
mod exit;
mod pprof;
mod symbolize;

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
    if args.first().is_some_and(|a| a == "binary") {
        return binary::run(&args[1..]);
    }
    if args.first().is_some_and(|a| a == "symbolize") {
        return symbolize::run(&args[1..]);
    }
    Exit::Failed
}

/// Prints what went wrong and turns it into an exit code.
fn finish(result: anyhow::Result<Exit>) -> Exit {
    result.unwrap_or_else(|error| {
        eprintln!("kubeprof: {error:#}");
        Exit::Failed
    })
}

/// Prints help, or what is wrong with the arguments.
fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() { Exit::Failed } else { Exit::Fine }
}
