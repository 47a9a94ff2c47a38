//! All of Redis.
pub mod connection;
pub mod sessions;
