//! All of Redis: the connection, the log, the lease, snapshots, sessions.

pub mod connection;
pub mod instances;
pub mod lease;
pub mod log;
pub mod sessions;
pub mod snapshots;

pub use connection::Redis;
