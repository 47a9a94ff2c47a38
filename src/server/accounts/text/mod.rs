//! The texts about accounts on their pages and in the audit log.

pub mod audit_log;
mod devices;
pub mod people;

pub use devices::device;
