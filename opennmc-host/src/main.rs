//! The program `opennmc`. Everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    opennmc_host::cli::main()
}
