//! `GET /api/v1/snapshot/{topic}`: what the pages use, for scripts and other clients.

use std::{str::FromStr, time::Duration};

use crate::{
    domain::{
        collections::Collection,
        protocol::position::{BadPosition, ClusterTime, Position},
        selection::Selection,
    },
    server::{
        auth::CurrentAdmin,
        hub::Reach,
        problem::Problem,
        queries::{App, Failure},
        snapshots::NotBefore,
    },
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// After what time to ask again for a position that the server has already waited for.
const AGAIN: Duration = Duration::from_secs(1);

/// The rows of a list with the position to subscribe from; `ETag` is the position. All parameters but `min_position`
/// and `min_ct` are filters, with the names that pages' URLs use; other names are refused.
///
/// # Errors
/// 404 for an unknown topic, 400 for a malformed position or selection, 409 for a position of an epoch that ended or is
/// unknown, 422 for a selection that takes MongoDB too long, 503 for a position that is not reached yet, and while MongoDB
/// or Redis is away.
pub async fn snapshot(
    admin: CurrentAdmin,
    State(app): State<App>,
    Path(topic): Path<String>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let collection: Collection =
        topic.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, "unknown_topic", "There is no such topic."))?;
    let (minima, parts): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|(name, _)| matches!(name.as_str(), "min_position" | "min_ct"));
    let position: Option<Position> = minimum(&minima, "min_position")?;
    let ct: Option<ClusterTime> = minimum(&minima, "min_ct")?;
    let not_before = NotBefore { position, ct: ct.unwrap_or_default() };
    let selection = Selection::read(&mut parts.into_iter()).map_err(Failure::Selection)?;
    if let Some(position) = position {
        let reach = app.hub.reach(position).await;
        // A later epoch was waited for, too. If it is still unknown it may never come, as after MongoDB and Redis were
        // both set back.
        let is_unknown = app.hub.head().is_some_and(|head| head.epoch < position.epoch);
        match reach {
            Reach::Reached => {}
            Reach::NotYet if !is_unknown => {
                const WHY: &str = "This position was not reached yet. Ask again.";
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_yet", WHY).retry_after(AGAIN));
            }
            Reach::NotYet | Reach::Gone => {
                const WHY: &str = "This position is of an epoch that ended or is unknown. Ask without it.";
                return Err(Problem::new(StatusCode::CONFLICT, "epoch_gone", WHY));
            }
        }
    }
    let snapshot = app.list(admin.user, collection, selection, not_before).await?;
    if let Some(refused) = snapshot.unknown_status() {
        return Err(Failure::Selection(refused).into());
    }
    let mut etag = format!("\"{}\"", snapshot.position);
    if snapshot.selection.follows_clock() {
        etag = format!("\"{}-{}\"", snapshot.position, snapshot.context.minute());
    }
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut response = Json(snapshot).into_response();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// The value of this parameter: what the rows must not be older than.
fn minimum<T: FromStr<Err = BadPosition>>(given: &[(String, String)], of: &str) -> Result<Option<T>, Problem> {
    const WHY: &str = "Give a position or a cluster time back as it was given, once.";
    let bad = || Problem::new(StatusCode::BAD_REQUEST, "bad_position", WHY);
    let mut texts = given.iter().filter(|(name, _)| name == of).map(|(_, text)| text);
    match (texts.next(), texts.next()) {
        (None, _) => Ok(None),
        (Some(text), None) => text.parse().map(Some).map_err(|_| bad()),
        (Some(_), Some(_)) => Err(bad()),
    }
}
