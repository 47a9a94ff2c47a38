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

pub use connect::Mongo;

/// The code of an error that says that a right is missing.
pub const UNAUTHORIZED: i32 = 13;

/// The server's error code, where a command failed with one.
pub fn error_code(error: &mongodb::error::Error) -> Option<i32> {
    match &*error.kind {
        mongodb::error::ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}
