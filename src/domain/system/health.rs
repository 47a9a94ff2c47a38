//! The pipeline's health, as the System page shows it: codes and numbers, which the page words.

mod assess;

use serde::{Deserialize, Serialize};

pub use assess::fields;

use crate::domain::{collections::Collection, status::Role};

/// Prefixes of the names of the board's values. A digit that orders them follows.
pub const STOP: &str = "stop:";
pub const TABLE: &str = "table:";

/// A part of the pipeline: how it is, and its figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartStatus {
    pub part: PipelinePart,
    pub condition: Condition,
    /// How long after MongoDB's commit a change arrives here.
    pub lag_ms: Option<u32>,
    pub figures: Vec<PartFigure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelinePart {
    Writers,
    Mongo,
    Relay,
    Log,
    Instances,
    Sockets,
    Browsers,
}

/// A figure of a part. `None` is not known. All times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartFigure {
    ChangesPerS(i64),
    /// How long ago the relay last heard of MongoDB.
    HeardAgo(Option<i64>),
    OplogWindow(Option<i64>),
    RelayId(Option<String>),
    /// For how long that instance has been the relay.
    RelayFor(Option<i64>),
    LogEntries(Option<i64>),
    LogBytes(Option<i64>),
    LogWindow(Option<i64>),
    InstancesHeard(i64),
    SocketsOpen(i64),
    FramesPerS(i64),
}

/// The condition of a part, of an instance, of its audit, or of a collection's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Writing,
    Quiet,
    Answers,
    NoNews,
    Reads,
    Waits,
    NoRelay,
    Away,
    Follow,
    SomeSilent,
    Open,
    Paint,
    NoSockets,
    Slow,
    Serves,
    WaitsForNews,
    /// For so many seconds.
    Silent(i64),
    FiguresEqual,
    FiguresWrong,
    NotAudited,
    AllReadable,
    SomeMarked,
}

impl Condition {
    pub const fn role(self) -> Role {
        match self {
            Self::Writing
            | Self::Answers
            | Self::Reads
            | Self::Follow
            | Self::Open
            | Self::Paint
            | Self::Serves
            | Self::FiguresEqual
            | Self::AllReadable => Role::Ok,
            Self::Waits | Self::SomeSilent | Self::Slow | Self::WaitsForNews | Self::SomeMarked => Role::Wait,
            Self::NoNews | Self::NoRelay | Self::Away | Self::Silent(_) | Self::FiguresWrong => Role::Bad,
            Self::Quiet | Self::NoSockets | Self::NotAudited => Role::Off,
        }
    }
}

/// A table below the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemTable {
    /// While Redis does not answer, the rows are what was last heard.
    Instances {
        redis: bool,
        rows: Vec<InstanceRow>,
    },
    Audits(Vec<AuditRow>),
    Documents(Vec<DocumentsRow>),
    Resyncs(Vec<ResyncRow>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRow {
    pub id: String,
    /// Whether it is the instance that makes this view.
    pub own: bool,
    pub version: String,
    pub up_s: i64,
    pub relay: bool,
    pub sockets: i64,
    pub lag_ms: Option<u32>,
    pub condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub id: String,
    /// How long ago the last one was, in seconds.
    pub ago: Option<i64>,
    pub equal: i64,
    pub different: i64,
    pub condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentsRow {
    pub of: Collection,
    pub documents: i64,
    pub unreadable: i64,
    pub condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResyncRow {
    pub id: String,
    pub of: Collection,
    /// The reason that the sockets were given.
    pub reason: String,
    pub sockets: i64,
}
