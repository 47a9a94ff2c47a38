//! Whether the process lives, and whether it can serve. The answer is public, so it only says which part is away.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use bson::doc;
use mongodb::Database;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::collections::Collection,
    server::{hub::Hub, mongo::collections, redis::connection::Redis},
};

/// Time limit for a part to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A relay takes over from another within this time. It also skips an event within it that cannot be read, or that
/// makes MongoDB fail.
const STANDS: Duration = Duration::from_secs(30);

/// The parts that a serving process needs.
#[derive(Clone)]
pub struct Health {
    pub mongo: Database,
    /// The operator's database, which is watched.
    pub operator: Database,
    pub redis: Redis,
    pub hub: Hub,
    /// Cancelled when the process is asked to stop, because load balancers must look elsewhere before it closes.
    pub leaving: CancellationToken,
}

/// `/healthz` and `/readyz`
pub fn routes(health: Health) -> Router {
    let (live, ready) = (get(healthz).options(healthz), get(readyz).options(readyz));
    Router::new().route("/healthz", live).route("/readyz", ready).with_state(health)
}

/// The process lives. It asks no database, because restarting this process would not end a database's outage.
async fn healthz() -> Json<Liveness> {
    Json(Liveness { live: true })
}

async fn readyz(State(health): State<Health>) -> (StatusCode, Json<Ready>) {
    let (mongodb, redis, unfollowed) = tokio::join!(
        answers(health.mongo.run_command(doc! { "ping": 1 }).into_future()),
        answers(health.redis.ping()),
        unfollowed(&health.operator)
    );
    let stream = moves(health.hub.stands_for());
    let leaving = health.leaving.is_cancelled();
    let ready = !leaving && [mongodb, redis, stream] == [HealthPart::Ok; 3] && unfollowed.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, mongodb, redis, stream, unfollowed, leaving }))
}

/// Whether the change stream moves, judged by how long nothing was heard of it.
fn moves(unheard: Duration) -> HealthPart {
    if unheard < STANDS { HealthPart::Ok } else { HealthPart::Stands }
}

async fn answers<T, E>(question: impl Future<Output = Result<T, E>>) -> HealthPart {
    match tokio::time::timeout(TIMEOUT, question).await {
        Ok(Ok(_)) => HealthPart::Ok,
        Ok(Err(_)) | Err(_) => HealthPart::Away,
    }
}

/// The collections that are views or time series, for which MongoDB reports no changes. If MongoDB does not permit
/// the question or does not answer, the list is empty.
async fn unfollowed(operator: &Database) -> Vec<Collection> {
    let found = tokio::time::timeout(TIMEOUT, collections::found(operator)).await;
    let found = found.ok().and_then(Result::ok).unwrap_or_default();
    collections::unfollowed(&found)
}

#[derive(Serialize)]
struct Liveness {
    live: bool,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "as the answer calls it")]
struct Ready {
    ready: bool,
    mongodb: HealthPart,
    redis: HealthPart,
    stream: HealthPart,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unfollowed: Vec<Collection>,
    leaving: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum HealthPart {
    Ok,
    Away,
    Stands,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_stands_that_nobody_has_heard_for_long() {
        let hub = Hub::of_new_clients(1);
        assert!(moves(hub.stands_for()) == HealthPart::Ok, "heard just now");
        assert!(moves(STANDS.saturating_sub(Duration::from_millis(1))) == HealthPart::Ok);
        assert!(moves(STANDS) == HealthPart::Stands);
    }
}
