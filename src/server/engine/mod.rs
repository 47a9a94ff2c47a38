//! What figures need of every document, held in memory: some 200 bytes for a session with its payment. Whatever it is
//! asked, it looks at all of them, without a database. No I/O.
//!
//! It holds numbers for the texts that documents share, and resolves them when it is asked. So a station's new name is
//! one change, however many sessions it has.

#![cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        reason = "its own slots and sizes; what documents say is added up in `domain`"
    )
)]

mod columns;
mod document;
mod links;
mod report;
mod rows;
mod texts;

pub use columns::Engine;
pub use document::HeldDocument;
pub use report::EngineQuery;

#[cfg(test)]
mod tests;
