//! What the pages of accounts, the audit log and the command line say of accounts.

pub mod audit_log;
mod devices;
mod passwords;
pub mod people;

pub use devices::device;
pub use passwords::password_refused;
