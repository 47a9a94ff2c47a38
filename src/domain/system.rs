//! What is known of the installation. What the System page shows of it stands in [`health`]. Figures for machines are
//! metrics.

pub mod health;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::collections::Collection;

/// The stages of the pipeline, in its order. A stage's lag is the time from MongoDB's commit to there.
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

    /// Its place in [`ALL`](Self::ALL), and among [lags](Status::lags).
    pub const fn place(self) -> usize {
        match self {
            Self::Relay => 0,
            Self::Log => 1,
            Self::Hub => 2,
            Self::Socket => 3,
            Self::Paint => 4,
        }
    }
}

/// A last lag above this (ms) is dropped once nothing is behind.
pub const SLOW_MS: u32 = 1_000;

/// What one instance reports about itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    pub id: String,
    pub version: String,
    pub up_s: i64,
    pub sockets: i64,
    /// For how many seconds it has been the relay; `None` if it is not.
    pub relay_s: Option<i64>,
    /// How long ago the relay was heard; `None` if never.
    pub checked_ms: Option<u64>,
    /// The last measured lag of each [`Stage`], milliseconds.
    pub lags: [Option<u32>; 5],
    pub changes_per_s: u64,
    pub frames_per_s: u64,
    /// Number of resyncs by topic and reason.
    pub resyncs: Vec<([String; 2], u64)>,
    /// Number of audits by outcome.
    pub audits: BTreeMap<String, u64>,
    pub audited_s: Option<i64>,
    /// Entries, bytes and seconds of the log. Only the relay measures them.
    pub log: [i64; 3],
    /// Seconds that the oplog covers. Only the relay measures it; 0 if it is not known.
    pub oplog_s: i64,
}

impl Status {
    /// The last measured lag of a stage, milliseconds.
    pub fn lag(&self, stage: Stage) -> Option<u32> {
        self.lags.get(stage.place()).copied().flatten()
    }
}

/// All that is known of the installation.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The instances by id, each with the milliseconds since it was last heard.
    pub instances: Vec<(u64, Status)>,
    /// The instance that makes this view.
    pub own: Status,
    /// Whether Redis answered.
    pub redis: bool,
    /// For each collection, the documents, and how many of them cannot be fully read.
    pub documents: Vec<(Collection, i64, i64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_stands_in_its_place() {
        assert_eq!(Stage::ALL.map(Stage::place), [0, 1, 2, 3, 4]);
    }
}
