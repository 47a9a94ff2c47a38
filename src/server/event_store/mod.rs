//! The `events` collection of our own database: every change of the log, once, with what it was and what it became.
//!
//! ```text
//! log --(lease)--> writer --(position as _id)--> events --> Activity, and whatever asks for a past
//! ```
//! With the position as `_id` a second write of the same change is a duplicate. So a lease that two hold for a
//! moment, a lost answer or a restart can neither lose nor double a change.

mod clean;
mod document;
mod past;
mod store;
mod writer;

pub use store::{Events, StoredEvents};
pub use writer::write;
