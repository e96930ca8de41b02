//! The `kubeprof` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubeprof::cli::main()
}
