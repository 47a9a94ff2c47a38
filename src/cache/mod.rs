//! All of Redis.
pub mod connection;
