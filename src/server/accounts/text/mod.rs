//! The texts about accounts on their pages, in the audit log and on the command line.

pub mod audit_log;
mod devices;
mod passwords;
pub mod people;

pub use devices::device;
pub use passwords::password_refused;
