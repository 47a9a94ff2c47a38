//! A record of a source: typed, or refused.

use super::held::HeldMark;
use crate::{domain::money::Wh, server::ops::ingest::report::Remark};

/// One session as the source gives it. Instants are milliseconds since 1970.
#[derive(Debug)]
pub struct SessionRow {
    /// Line in the file, from 1, the header included.
    pub line: u64,
    pub session: String,
    pub client: Option<String>,
    pub station: Option<String>,
    pub connector: String,
    pub start: i64,
    pub end: Option<i64>,
    pub energy: Option<Wh>,
    /// The source gives a negative energy, which no meter delivers. Then `energy` is not known.
    pub negative: bool,
    /// In minor units.
    pub cost: Option<i64>,
    pub about: StationDetails,
    /// What is odd about the row.
    pub doubts: Vec<Remark>,
    pub(super) _held: HeldMark,
}

/// What a row says about its station.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StationDetails {
    pub site: Option<String>,
    pub model: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
}

/// A record of the file.
#[derive(Debug)]
pub struct SourceRecord {
    pub line: u64,
    /// Id of the session, if it can be read.
    pub session: Option<String>,
    pub row: Result<SessionRow, Remark>,
}
