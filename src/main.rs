//! The program: see [`chargedeck::server::cli`].

use std::process::ExitCode;

/// What one thread makes another drops here, all day: the system's own spends two fifths of the road's work on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chargedeck::server::cli::main()
}
