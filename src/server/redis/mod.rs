//! All of Redis: the connection, the log, the lease, snapshots, sessions.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own counts, and instants that we wrote"))]

pub mod connection;
pub mod instances;
pub mod lease;
pub mod log;
pub mod sessions;
pub mod snapshots;
pub mod subscription;

pub use connection::Redis;
