//! What admins do to the operator's documents. An [`Action`](action::Action) is a value: who may, from what to what, and how it is
//! worded. How it is written, once, with its audit entry and in the operator's own names and words, is in one place
//! (`perform.rs`), and so are its page and its address (`routes.rs`).
//!
//! A new action is a file beside `block.rs`, a line in `registry.rs`, its link on a page, and its row in `docs/security.md`.

mod action;
mod block;
mod perform;
mod registry;
mod routes;
mod view;
mod write;

pub use perform::Actions;
pub use routes::routes;
