//! `GET /api/v1/snapshot/{topic}`: what the pages use, for scripts and other clients.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{app::App, problem::Problem};
use crate::{
    auth::CurrentAdmin,
    model::{ids::Collection, position::Position},
};

#[derive(Deserialize)]
pub struct Asked {
    min_position: Option<String>,
}

/// The rows of a list with the position to subscribe from; `ETag` is the position.
///
/// # Errors
/// 404 for an unknown topic, 400 for a malformed position, 503 while MongoDB or Redis is away.
pub async fn snapshot(
    _: CurrentAdmin,
    State(app): State<App>,
    Path(topic): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let collection: Collection =
        topic.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, "unknown_topic", "There is no such topic."))?;
    let min_position: Option<Position> =
        asked.min_position.map(|text| text.parse()).transpose().map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_position", "Give a position back as it was given.")
        })?;
    let snapshot = app.list(collection, min_position).await.map_err(|_| Problem::unavailable())?;
    let etag = format!("\"{}\"", snapshot.position);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut response = Json(snapshot).into_response();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}
