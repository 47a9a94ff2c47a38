//! What admins do to the operator's documents. An [`Action`](action::Action) is a value: the right that it needs, the
//! change of status, and the wording. One place (`perform.rs`) writes every action: once, with its audit entry, in
//! the operator's own names and words. One place (`routes.rs`) has its page and its URL.
//!
//! What a new action takes stands in `docs/contributing.md`.

mod action;
mod attempt;
mod block;
mod perform;
mod registry;
mod routes;
mod view;
mod write;

pub use perform::Actions;
pub use routes::routes;
