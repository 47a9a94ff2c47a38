//! Ids of documents, and the error for a name that is no topic.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name that is no topic.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no topic is called “{0}”")]
pub struct UnknownTopic(pub String);

/// A document's `_id` as text: an ObjectId's hex digits, any other value in canonical extended JSON,
/// so that two different `_id`s never read the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocId(pub String);

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
