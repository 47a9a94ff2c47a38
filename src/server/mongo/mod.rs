//! MongoDB: the handles, documents as fields, the change stream, and reads at one cluster time.

pub mod collections;
pub mod connect;
pub mod documents;
pub mod indexes;
pub mod oplog;
pub mod prepare;
pub mod privileges;
pub mod reading;
pub mod selection;
pub mod snapshot;
pub mod watch;

use std::time::Duration;

pub use connect::Mongo;

/// How long MongoDB may take for a read that a request waits for. Pages give up after the same time.
pub const READ_WITHIN: Duration = Duration::from_secs(10);

/// The code of an error that says that a right is missing.
pub const UNAUTHORIZED: i32 = 13;
/// The code of an error that says that MongoDB took longer than it may, such as [`READ_WITHIN`].
pub const TIME_EXPIRED: i32 = 50;

/// The server's error code, where a command failed with one.
pub fn error_code(error: &mongodb::error::Error) -> Option<i32> {
    match &*error.kind {
        mongodb::error::ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}
