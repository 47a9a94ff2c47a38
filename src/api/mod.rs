//! What pages ask of the server. Every function asks first who is asking; none of them writes.

mod error;

use leptos::{prelude::*, server_fn::codec::Json};
use serde::{Deserialize, Serialize};

pub use error::AppError;

use crate::model::{
    fields::Fields,
    ids::Collection,
    position::Position,
    snapshot::Snapshot,
    time::{UtcMs, Zone},
};

/// What every page needs to know before it draws anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShellInfo {
    /// The network's name.
    pub network: String,
    /// In which all times are shown.
    pub zone: Zone,
    pub silent_after_s: i64,
    /// E-mail of the admin who is signed in.
    pub admin: String,
    /// MongoDB's operation time.
    pub now: UtcMs,
}

/// What every page needs.
///
/// # Errors
/// [`AppError::SignIn`] without a session, [`AppError::Unavailable`] until MongoDB was heard.
#[server(prefix = "/api/page", endpoint = "shell", input = Json)]
pub async fn load_shell() -> Result<ShellInfo, AppError> {
    use crate::http::app::App;
    let admin = App::admin().await?;
    App::here()?.shell(admin)
}

/// A list's rows, brought up to the log's head; not older than `min_position`.
///
/// # Errors
/// [`AppError::SignIn`] without a session, [`AppError::Unavailable`] while MongoDB or Redis is away.
#[server(prefix = "/api/page", endpoint = "list", input = Json)]
pub async fn load_list(collection: Collection, min_position: Option<Position>) -> Result<Snapshot, AppError> {
    use crate::http::app::App;
    App::admin().await?;
    App::here()?.list(collection, min_position).await
}

/// The figures of the network's zone by name, and the latest changes.
///
/// # Errors
/// [`AppError::SignIn`] without a session, [`AppError::Unavailable`] until the documents are counted.
#[server(prefix = "/api/page", endpoint = "overview", input = Json)]
pub async fn load_overview() -> Result<Fields, AppError> {
    use crate::http::app::App;
    App::admin().await?;
    App::here()?.overview().await
}
