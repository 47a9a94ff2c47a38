//! The program: see [`chargedeck::server::cli`].

use std::process::ExitCode;

/// Most frees happen on another thread than the allocation; the system allocator spends 40 % of the pipeline's CPU on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chargedeck::server::cli::main()
}
