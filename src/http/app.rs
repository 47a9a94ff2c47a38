//! What the handlers, the server functions and the sockets of this instance share.

use std::sync::Arc;

use axum::extract::FromRef;
use leptos::prelude::{LeptosOptions, use_context};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::{Answer, AppError, Ask, Desk, Events},
    auth::{CurrentAdmin, Doors},
    config::NetworkSettings,
    events::{self, Page},
    hub::{Hub, zones},
    model::{
        board::{Board, Filter},
        fields::Fields,
        ids::Collection,
        latest,
        position::Position,
        range::BadChoice,
        selection::Selection,
        snapshot::Snapshot,
    },
    snapshots::{SnapshotError, Snapshots},
};

#[derive(Clone)]
pub struct App {
    pub network: Arc<NetworkSettings>,
    pub hub: Hub,
    pub events: events::Events,
    pub snapshots: Snapshots,
    pub doors: Doors,
    pub leptos: LeptosOptions,
    /// Cancelled when the process begins to stop.
    pub closing: CancellationToken,
    /// Open sockets, which the server's own shutdown does not wait for.
    pub sockets: TaskTracker,
}

impl FromRef<App> for LeptosOptions {
    fn from_ref(app: &App) -> Self {
        app.leptos.clone()
    }
}

impl App {
    /// The app of the request that is being answered.
    ///
    /// # Errors
    /// Outside of a request.
    pub fn here() -> Result<Self, AppError> {
        use_context().ok_or_else(|| AppError::Internal { request_id: String::new() })
    }

    /// Who asks. Every server function begins with this.
    ///
    /// # Errors
    /// [`AppError::SignIn`] for everyone but an active admin.
    pub async fn admin() -> Result<CurrentAdmin, AppError> {
        leptos_axum::extract::<CurrentAdmin>().await.map_err(|_| AppError::SignIn)
    }

    /// See [`crate::api::load`].
    ///
    /// # Errors
    /// Until MongoDB's time was heard, and while MongoDB or Redis is away.
    pub async fn answer(&self, ask: Ask, admin: CurrentAdmin) -> Result<Answer, AppError> {
        match ask {
            Ask::Desk => Answer::of(&self.desk(admin).await?),
            Ask::List { of, selection, min_position } => Answer::of(&self.list(of, selection, min_position).await?),
            Ask::Activity { of, before } => Answer::of(&self.activity(&of, before).await?),
        }
    }

    /// Events from MongoDB. What the log has after `upto` comes by the socket.
    async fn activity(&self, of: &str, before: Option<Position>) -> Result<Events, AppError> {
        let filter = Filter::of_name(of).ok_or_else(|| AppError::Invalid(format!("no events are called “{of}”")))?;
        let read = async {
            let upto = self.events.written().await?.unwrap_or_default();
            let Page { events, more } = self.events.page(filter, before).await?;
            let fields =
                events.iter().filter_map(|(at, news)| Some((latest::key(*at), serde_json::to_value(news).ok()?)));
            Ok(Events { upto: latest::key(upto), fields: fields.collect(), more })
        };
        read.await.map_err(|error: mongodb::error::Error| {
            tracing::warn!(%error, "no events");
            AppError::Unavailable
        })
    }

    async fn desk(&self, admin: CurrentAdmin) -> Result<Desk, AppError> {
        let figures = self.overview().await?;
        let now = self.hub.now().ok_or(AppError::Unavailable)?;
        let zone = &self.network.time_zone;
        Ok(Desk {
            network: self.network.name.clone(),
            zone: zones::zone(zone, zone.iana_name().unwrap_or("UTC"), now),
            silent_after_s: i64::try_from(self.network.silent_after.as_secs()).unwrap_or(i64::MAX),
            admin: admin.email,
            now,
            figures,
        })
    }

    /// A list's snapshot, not older than `min_position`.
    ///
    /// # Errors
    /// For a selection that cannot be asked; while MongoDB or Redis is away, the cause of which is logged.
    pub async fn list(
        &self,
        collection: Collection,
        selection: Selection,
        min_position: Option<Position>,
    ) -> Result<Snapshot, AppError> {
        self.snapshots.list(collection, selection, min_position).await.map_err(|error| match error {
            SnapshotError::Choice(BadChoice(why)) => AppError::Invalid(why),
            error => {
                tracing::warn!(%collection, %error, "no snapshot");
                AppError::Unavailable
            }
        })
    }

    /// Waits a little for a count that is under way.
    async fn overview(&self) -> Result<Fields, AppError> {
        let board = Board::Overview(self.network.time_zone.iana_name().unwrap_or("UTC").to_owned());
        let mut changes = self.hub.changes();
        let counted = async {
            loop {
                changes.mark_unchanged();
                if let Some(overview) = self.hub.board(&board) {
                    return Ok(overview.fields.clone());
                }
                changes.changed().await.map_err(|_| AppError::Unavailable)?;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), counted).await.unwrap_or(Err(AppError::Unavailable))
    }
}
