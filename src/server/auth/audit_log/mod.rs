//! The audit log: who did what to which account, when, from where, and what came of it. (`crate::server::audit` is another
//! thing: it counts the figures anew.)
//!
//! Each authentication event and each write of an admin is one entry of the collection `audit_log` in our own database.
//! A write and its entry are one transaction; an authentication event is in the log before it is answered. What cannot be
//! written down does not happen, save for signing out. Entries are inserted and read, never changed; MongoDB itself
//! removes those that are older than is kept. `docs/security.md` has the role with which MongoDB allows no more.

mod entry;
mod read;
mod store;

pub use entry::{Action, Actor, By, Entry, Reason, Subject};
pub use read::{Cursor, Filter, PAGE, Page, Record};
pub use store::{AuditLog, COLLECTION, create_indexes, keep_for};
