//! The texts about accounts on their pages and in the audit log.

pub mod accounts;
pub mod audit_log;
mod devices;

pub use devices::device;
