//! What an operator runs from the command line, beside the server.

#![cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        reason = "a run from the command line ends with a panic, and nobody else notices"
    )
)]

pub mod admin_cli;
pub mod check;
pub mod ingest;
pub mod prepare;
