//! The program: see [`chargedeck::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    chargedeck::cli::main()
}
