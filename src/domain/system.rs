//! What is known of the installation, and what the System page shows of it: texts, made by the server, so that the browser
//! only draws them. Figures for machines are metrics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use super::{collections::Collection, status::Role};

/// The stops of the road, in its order; a hop's lag is from MongoDB's commit to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Relay,
    Log,
    Hub,
    Socket,
    Paint,
}

impl Stage {
    pub const ALL: [Self; 5] = [Self::Relay, Self::Log, Self::Hub, Self::Socket, Self::Paint];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Log => "log",
            Self::Hub => "hub",
            Self::Socket => "socket",
            Self::Paint => "paint",
        }
    }
}

/// A longer lag is not kept as the last one once nothing is behind.
pub const SLOW_MS: u32 = 1_000;

/// One instance, as it tells of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    pub id: String,
    pub version: String,
    pub up_s: i64,
    pub sockets: i64,
    /// For how long it has been the relay.
    pub relay_s: Option<i64>,
    /// How long ago the relay was heard; `None`: never.
    pub checked_ms: Option<u64>,
    /// By [`Stage`], as last measured.
    pub lags: [Option<u32>; 5],
    pub changes_per_s: u64,
    pub frames_per_s: u64,
    /// By topic and reason.
    pub resyncs: Vec<([String; 2], u64)>,
    /// By outcome.
    pub audits: BTreeMap<String, u64>,
    pub audited_s: Option<i64>,
    /// Entries, bytes, seconds; of the relay.
    pub log: [i64; 3],
    /// Of the relay; 0 where it is not known.
    pub oplog_s: i64,
}

/// All that is known of the installation.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Each with how long ago it was heard, milliseconds; by id.
    pub instances: Vec<(u64, Status)>,
    /// The instance that looks.
    pub own: Status,
    /// Whether Redis answered.
    pub redis: bool,
    /// Documents, and how many of them cannot be fully read.
    pub documents: Vec<(Collection, i64, i64)>,
}

/// The names of the board's values begin with these, and a digit that orders them.
pub const STOP: &str = "stop:";
pub const TABLE: &str = "table:";

/// A stop of the road.
#[derive(Clone, Debug, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct Stop {
    pub title: String,
    pub role: Role,
    pub word: String,
    /// How long after MongoDB's commit a change is here.
    pub lag: Option<String>,
    /// Label and value.
    pub figures: Vec<(String, String)>,
}

/// A table below the road.
#[derive(Clone, Debug, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// What is said beside the rows, or instead of them.
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct Row {
    /// Where the first cell leads.
    pub href: Option<String>,
    /// Of the last cell, where that is a state.
    pub role: Option<Role>,
    pub cells: Vec<String>,
}
