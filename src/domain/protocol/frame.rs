//! The frames of the WebSocket, all of them JSON. Pages speak the compact form (fields by place, not by name), which
//! may change with [`PROTOCOL`]. Everyone else speaks the form of `docs/live.md`, which may not change.
//!
//! Long, because both forms of all frames are beside each other.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeSeq,
};
use serde_json::{Value, json};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use super::{
    change::{Change, Op},
    position::{ClusterTime, Position, Seq},
    topic::Topic,
};
use crate::domain::{
    collections::Collection,
    fields::Fields,
    value::{parse, read},
};

/// The problem code that the guard returns for a request without a session.
pub const UNAUTHENTICATED: &str = "unauthenticated";

/// Version of the compact form; a page of another version reloads once.
pub const PROTOCOL: u16 = 1;
/// WebSocket subprotocol of the compact form.
pub const COMPACT: &str = "chargedeck.v1";
/// The prefix that the subprotocols of all versions share.
pub const VERSIONS: &str = "chargedeck.v";
/// WebSocket subprotocol of the public JSON form.
pub const JSON: &str = "chargedeck.v1.json";

/// Close codes of the socket.
pub mod close {
    /// The session ended; sign in again.
    pub const SIGN_IN: u16 = 4001;
    /// The session goes on under a new id: connect again, with the new cookie.
    pub const RENEWED: u16 = 4002;
    /// The rights were revoked.
    pub const REVOKED: u16 = 4003;
    /// The client reads too slowly or does not answer.
    pub const SLOW: u16 = 4008;
    /// The server is being replaced; come back after the time given.
    pub const DEPLOY: u16 = 4009;
    /// The protocol is too old; reload once.
    pub const PROTOCOL: u16 = 4400;
    /// A message was too large, too frequent or not understood (RFC 6455).
    pub const POLICY: u16 = 1008;
}

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Frame {
    Welcome(Welcome),
    Subscribed(Subscribed),
    #[serde(rename = "d")]
    Delta(Delta),
    Reset(Reset),
    Ping(Ping),
    Unfollowed(Unfollowed),
    Error(Refusal),
    Bye(Bye),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Welcome {
    pub protocol: u16,
}

/// The answer to a subscription. Deltas of `topic` follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Subscribed {
    /// The request id that the client gave.
    pub rid: u32,
    pub topic: Topic,
    pub head: Position,
}

/// The rows of `topic` must be fetched anew, not older than `min_position`, at a random moment within `retry_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Reset {
    pub topic: Topic,
    pub min_position: Position,
    pub reason: String,
    pub retry_ms: u32,
}

/// The reason of a reset after the database itself was set back. Rows and figures may then be of an earlier time than
/// those shown.
pub const RESTORED: &str = "database_restored";

/// If the relay was not heard for longer than this (ms), a screen counts as stale.
pub const STALE_MS: u32 = 6_000;

/// The value of [`Ping::checked_ms`] if the relay was never heard.
pub const UNHEARD_MS: u32 = u32::MAX;

/// How fresh the server's data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Ping {
    pub n: u32,
    /// From MongoDB's commit to this socket, as last measured.
    pub lag_ms: u32,
    /// How long ago the relay was last heard.
    pub checked_ms: u32,
}

/// The collections that cannot be followed. What is shown of them may be old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Unfollowed {
    pub topics: Vec<Collection>,
}

/// The code of a refusal because the account looks at too many boards. It passes when one of its pages is closed.
pub const TOO_MANY_BOARDS: &str = "too_many_boards";

/// After what time to ask again for what was refused with [`TOO_MANY_BOARDS`].
const BOARDS_RETRY_MS: u32 = 5_000;

/// Refuses what the client asked for. The public form says after what time to ask again, if that helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Refusal {
    pub rid: u32,
    pub code: String,
    pub message: String,
}

/// The server closes the socket with `code`; come back after `retry_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize_tuple, Deserialize_tuple)]
pub struct Bye {
    pub code: u16,
    pub retry_ms: u32,
}

/// The changes of one topic after `from`, up to and including `to`. Without changes it only reports progress.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    pub topic: Topic,
    pub from: Position,
    /// In the same epoch as `from`.
    pub to: Position,
    /// Cluster time of the last change.
    pub ct: ClusterTime,
    pub changes: Vec<Change>,
    /// Whether another delta up to the same position follows.
    pub more: bool,
}

/// Writes `[topic, to, steps, ct, changes]`, with `true` at the end if more follows. `from` is so many steps before
/// `to`. The form is short because most deltas hold one changed field, and this is half of such a delta.
impl Serialize for Delta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_seq(None)?;
        parts.serialize_element(&self.topic)?;
        parts.serialize_element(&self.to)?;
        parts.serialize_element(&self.to.seq.0.saturating_sub(self.from.seq.0))?;
        parts.serialize_element(&self.ct)?;
        parts.serialize_element(&self.changes)?;
        if self.more {
            parts.serialize_element(&true)?;
        }
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FrameParts;
        impl<'de> Visitor<'de> for FrameParts {
            type Value = Delta;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a delta")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Delta, A::Error> {
                let short = || de::Error::invalid_length(0, &self);
                let topic = parts.next_element()?.ok_or_else(short)?;
                let to: Position = parts.next_element()?.ok_or_else(short)?;
                let steps: u64 = parts.next_element()?.ok_or_else(short)?;
                let from = Position::new(to.epoch, Seq(to.seq.0.checked_sub(steps).ok_or_else(short)?));
                let ct = parts.next_element()?.ok_or_else(short)?;
                let changes = parts.next_element()?.ok_or_else(short)?;
                Ok(Delta { topic, from, to, ct, changes, more: parts.next_element()?.unwrap_or(false) })
            }
        }
        deserializer.deserialize_seq(FrameParts)
    }
}

/// A text that is not a frame of this protocol.
#[derive(Debug, thiserror::Error)]
#[error("not a frame of this protocol")]
pub struct UnreadableFrame;

impl Frame {
    /// The compact form.
    ///
    /// # Errors
    /// If a value cannot be written, which does not happen with ours.
    pub fn compact(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads the compact form by way of a JSON value, because the program can already read texts into values. A
    /// second set of text readers, one for every type, would be a tenth of what a browser downloads.
    ///
    /// # Errors
    /// If the text is not a frame of this protocol.
    pub fn read(text: &str) -> Result<Self, UnreadableFrame> {
        parse(text).and_then(|value| read(&value)).ok_or(UnreadableFrame)
    }

    /// The public JSON form.
    pub fn json(&self) -> Value {
        match self {
            Self::Welcome(Welcome { protocol }) => json!({"type": "welcome", "protocol": protocol}),
            Self::Subscribed(Subscribed { rid, topic, head }) => {
                json!({"type": "subscribed", "rid": rid, "topic": topic, "head": head})
            }
            Self::Delta(delta) => delta.json(),
            Self::Reset(Reset { topic, min_position, reason, retry_ms }) => {
                json!({"type": "reset", "topic": topic, "min_position": min_position, "reason": reason, "retry_ms": retry_ms})
            }
            Self::Ping(Ping { n, lag_ms, checked_ms }) => {
                json!({"type": "ping", "n": n, "lag_ms": lag_ms, "checked_ms": checked_ms})
            }
            Self::Unfollowed(Unfollowed { topics }) => json!({"type": "unfollowed", "topics": topics}),
            Self::Error(Refusal { rid, code, message }) if code == TOO_MANY_BOARDS => {
                let retry_ms = BOARDS_RETRY_MS;
                json!({"type": "error", "rid": rid, "code": code, "message": message, "retry_ms": retry_ms})
            }
            Self::Error(Refusal { rid, code, message }) => {
                json!({"type": "error", "rid": rid, "code": code, "message": message})
            }
            Self::Bye(Bye { code, retry_ms }) => json!({"type": "bye", "code": code, "retry_ms": retry_ms}),
        }
    }
}

impl Delta {
    fn json(&self) -> Value {
        let changes: Vec<Value> = self.changes.iter().map(change_json).collect();
        let Value::Object(mut delta) = json!({
            "type": self.topic.event(), "from": self.from, "to": self.to, "ct": self.ct, "changes": changes,
        }) else {
            return Value::Null;
        };
        // The event names a collection. Boards need a topic, because many of them share one event.
        if let Topic::Board(_) = self.topic {
            delta.insert("topic".to_owned(), json!(self.topic));
        }
        if self.more {
            delta.insert("more".to_owned(), true.into());
        }
        delta.into()
    }
}

fn change_json(change: &Change) -> Value {
    match &change.op {
        Op::Put(row) => json!({"id": change.id, "put": row}),
        Op::Patch(set, unset) if unset.is_empty() => json!({"id": change.id, "patch": set}),
        Op::Patch(set, unset) => json!({"id": change.id, "patch": set, "unset": unset}),
        Op::Delete => json!({"id": change.id, "delete": true}),
    }
}

/// A message from the client, in JSON on both subprotocols. Unknown keys are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    Subscribe {
        #[serde(default)]
        rid: u32,
        /// Strings, so that one wrong name is refused by name and the others still count.
        topics: Vec<String>,
        /// Positions to go on from, as strings by topic. A topic without one begins at the head. `Fields` is the one
        /// map type that the browser's program has for values by name.
        #[serde(default, skip_serializing_if = "Fields::is_empty")]
        positions: Fields,
    },
    Unsubscribe {
        topics: Vec<String>,
    },
    Visibility {
        hidden: bool,
    },
    Pong {
        n: u32,
        /// Milliseconds from receipt to painting of what came last, by the client's own clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paint_ms: Option<u32>,
    },
}

#[cfg(test)]
mod tests;
