//! Requests of pages to the server. The server authenticates each one, and none writes.

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
    /// A [`Snapshot`](crate::domain::protocol::snapshot::Snapshot) of the documents that match now. It is not older
    /// than `min_position`, nor than the cluster time `min_ct`. That is a number, because its text would cost the
    /// browser's program more.
    List {
        of: Collection,
        #[serde(default)]
        selection: Selection,
        min_position: Option<Position>,
        #[serde(default)]
        min_ct: u64,
    },
    /// [`EventPage`] that the filter named `of` selects: the newest, or those before a position.
    Activity { of: String, before: Option<Position> },
    /// [`Charts`] of a query as it stands in the address. The revenue is in `currency`; without one it is in the
    /// network's currency, or if that has no revenue, in the first that has some.
    Analytics { query: String, currency: Option<Currency> },
    /// The values of the System page's board.
    System,
    /// A [`ReportPage`] of a query as it stands in the address, or nothing while it is still being read.
    Report { query: String },
}

/// What every page needs to know before it draws anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageContext {
    /// The version of the browser's program that the server has.
    pub version: String,
    /// The network's name.
    pub network: String,
    /// The time zone in which all times are shown.
    pub zone: Zone,
    pub silent_after_s: i64,
    /// E-mail of the admin who is signed in.
    pub admin: String,
    /// MongoDB's operation time.
    pub now: UtcMs,
    /// The collections that cannot be followed, in the order of [`Collection::ALL`].
    pub unfollowed: Vec<Collection>,
    /// The figures of the network's zone by name, and the latest changes. Empty while a collection that they are
    /// counted from cannot be followed.
    pub figures: Fields,
    /// Cluster time of the figures.
    pub ct: ClusterTime,
}

/// Events from MongoDB by their [`key`](crate::domain::latest::key), and whether [older
/// ones](crate::domain::latest::OLDER) are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventPage {
    pub fields: Fields,
    /// The key up to which these are all events. If it is before the position asked for, the events between are not
    /// written yet.
    pub upto: String,
    /// Cluster time of the last written event.
    pub ct: ClusterTime,
}

/// A period's figures, and the options that draw them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// The query in canonical form: equal choices have equal texts.
    pub query: String,
    /// The time zone in which the period's days begin.
    pub zone: Zone,
    /// The currency of the shown revenue.
    pub currency: Currency,
    /// The board's values.
    pub fields: Fields,
    /// Cluster time of the values.
    pub ct: ClusterTime,
    /// The options for ECharts, as JSON, by the chart's name.
    pub options: BTreeMap<String, String>,
}

/// A report with its first rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportPage {
    pub report: Report,
    /// The option that first draws its chart, as JSON.
    pub option: String,
}

/// The server's answer, which the caller deserialises. One type serves all pages, so that the code that loads, waits
/// and fails is in the browser's program once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageData(Value);

impl PageData {
    /// # Errors
    /// If the value cannot be written as JSON. Every type that travels can.
    pub fn of(value: &impl Serialize) -> Result<Self, AppError> {
        serde_json::to_value(value).map(Self).map_err(|_| AppError::Internal { request_id: String::new() })
    }

    /// # Errors
    /// If the server is of another version than this page.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, AppError> {
        read(&self.0).ok_or(AppError::Unavailable)
    }
}

/// The answer as it travels with the document to the browser: JSON, which the browser reads like everything else, see
/// [`parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct PageResult(pub Result<PageData, AppError>);

impl fmt::Display for PageResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

/// An unreadable text is an answer of another version, and becomes an error.
impl FromStr for PageResult {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(parse(text).and_then(|value| read(&value)).unwrap_or(Err(AppError::Unavailable))))
    }
}

/// # Errors
/// [`AppError::SignIn`] without a session, [`AppError::Refused`] and [`AppError::Invalid`] for what cannot be followed,
/// [`AppError::TooMuch`] for an account over its budget, [`AppError::Unavailable`] while MongoDB or Redis is away or the
/// figures are still being counted.
#[server(prefix = "/api/page", endpoint = "load", input = Json)]
pub async fn load(ask: PageRequest) -> Result<PageData, AppError> {
    let backend: std::sync::Arc<dyn Backend> =
        use_context().ok_or_else(|| AppError::Internal { request_id: String::new() })?;
    backend.answer(ask).await
}
