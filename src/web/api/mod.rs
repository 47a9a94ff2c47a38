//! What pages ask of the server. It asks first who is asking; nothing here writes.

#[cfg(feature = "ssr")]
mod backend;
mod error;

use std::{collections::BTreeMap, convert::Infallible, fmt, str::FromStr};

use leptos::{prelude::*, server_fn::codec::Json};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[cfg(feature = "ssr")]
pub use backend::Backend;
pub use error::AppError;

use crate::domain::{
    address::Refused,
    collections::Collection,
    fields::Fields,
    money::Currency,
    protocol::position::{ClusterTime, Position},
    report::Report,
    selection::Selection,
    time::{UtcMs, Zone},
    value::{parse, read},
};

/// What a page asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum PageRequest {
    /// A [`PageContext`].
    Context,
    /// A [`Snapshot`](crate::domain::protocol::snapshot::Snapshot) of the documents that match, as they are now; not older than
    /// `min_position`, nor than the cluster time `min_ct`: a number, which costs the browser's program less than its text.
    List {
        of: Collection,
        #[serde(default)]
        selection: Selection,
        min_position: Option<Position>,
        #[serde(default)]
        min_ct: u64,
    },
    /// [`Events`] of a filter's name, the newest or those before a position.
    Activity { of: String, before: Option<Position> },
    /// [`Charts`] of a query as it stands in the address, or why there are none, in words; with the revenue of a currency; without one that of the network's,
    /// or of what there is.
    Analytics { query: String, currency: Option<Currency> },
    /// The values of the System page's board.
    System,
    /// A [`ReportPage`] report of a query as it stands in the address, or why there is none, in words.
    Report { query: String },
}

/// What every page needs to know before it draws anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageContext {
    /// The network's name.
    pub network: String,
    /// In which all times are shown.
    pub zone: Zone,
    pub silent_after_s: i64,
    /// E-mail of the admin who is signed in.
    pub admin: String,
    /// MongoDB's operation time.
    pub now: UtcMs,
    /// The collections that cannot be followed, in the order of [`Collection::ALL`].
    pub unfollowed: Vec<Collection>,
    /// The figures of the network's zone by name, and the latest changes; none where a collection is not followed of which
    /// they are counted.
    pub figures: Fields,
    /// Cluster time of the figures.
    pub ct: ClusterTime,
}

/// Events from MongoDB, by [`key`](crate::domain::latest::key), and whether [older ones](crate::domain::latest::OLDER) are
/// kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    pub fields: Fields,
    /// The key of the place up to which these are all; where that is before the place they were asked for, those between
    /// are not written yet.
    pub upto: String,
    /// Cluster time of the last that is written.
    pub ct: ClusterTime,
}

/// A period's figures, and how they are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// As it was read: equal choices read the same.
    pub query: String,
    /// In which the period's days begin.
    pub zone: Zone,
    /// Of which the revenue is shown.
    pub currency: Currency,
    /// The board's values.
    pub fields: Fields,
    /// Cluster time of the values.
    pub ct: ClusterTime,
    /// What the charts' library is told, as JSON, by the chart's name.
    pub options: BTreeMap<String, String>,
}

/// Why a choice has no answer, or none yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unanswered {
    Refused(Refused),
    /// The report is still being read.
    Reading,
}

/// A report with its first rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportPage {
    pub report: Report,
    /// What draws its chart first, as JSON.
    pub option: String,
}

/// What the server answers, read by whoever asked: one type of answer for all pages, so that what loads, waits and
/// fails is in the browser's program once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageData(Value);

impl PageData {
    /// # Errors
    /// For a value that is none in JSON, which no value of ours is.
    pub fn of(value: &impl Serialize) -> Result<Self, AppError> {
        serde_json::to_value(value).map(Self).map_err(|_| AppError::Internal { request_id: String::new() })
    }

    /// # Errors
    /// If the server is of another version than this page.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, AppError> {
        read(&self.0).ok_or(AppError::Unavailable)
    }
}

/// What was answered, as it travels with the document to the browser: JSON, which it reads as all else, see [`parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct PageResult(pub Result<PageData, AppError>);

impl fmt::Display for PageResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

/// What cannot be read is an answer of another version.
impl FromStr for PageResult {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(parse(text).and_then(|value| read(&value)).unwrap_or(Err(AppError::Unavailable))))
    }
}

/// # Errors
/// [`AppError::SignIn`] without a session, [`AppError::Unavailable`] while MongoDB or Redis is away or the figures are
/// still being counted.
#[server(prefix = "/api/page", endpoint = "load", input = Json)]
pub async fn load(ask: PageRequest) -> Result<PageData, AppError> {
    let backend: std::sync::Arc<dyn Backend> =
        use_context().ok_or_else(|| AppError::Internal { request_id: String::new() })?;
    backend.answer(ask).await
}
