//! Ids of documents, the error for a name that is no topic, and types that travel as a text.

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

/// Lets a type with `#[serde(into = "String", try_from = "String")]` travel as the text that it is written as.
macro_rules! travels_as_text {
    ($type:ty) => {
        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = <$type as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

pub(crate) use travels_as_text;
