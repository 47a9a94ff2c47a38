//! The audit log: who did what to which account, when, from where, and with what result. (`crate::server::audit` is
//! something else: it recomputes the figures.)
//!
//! Each authentication event and each write of an admin is one entry of the collection `audit_log` in our own
//! database. A write and its entry are one transaction; an authentication event is in the log before it is answered.
//! An event that cannot be recorded does not happen, except signing out. Entries are inserted and read, never
//! changed; MongoDB itself removes those past the retention time. `docs/security.md` has the MongoDB role that
//! permits no more than that.

mod entry;
mod read;
mod store;

pub use entry::{Action, Actor, AuditEntry, Initiator, Reason, Subject};
pub use read::{AuditFilter, AuditRecord, Cursor, EntriesPage, PAGE};
pub use store::{AuditLog, COLLECTION, create_indexes, keep_for};
