//! Exports are bounded: in how many an admin and all admins have under way, and in how long one may take. All of them
//! together leave room for what is live.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};

use super::{problem::Problem, seats::Seats};
use crate::{
    auth::{CurrentAdmin, users::UserId},
    pace::Pace,
};

/// Of one admin at once.
pub const EACH: usize = 2;
/// Of all admins at once, on this instance.
pub const ALL: usize = 8;
/// From its first byte; one that takes longer breaks off, as one does whose source fails.
const WITHIN: Duration = Duration::from_secs(10 * 60);
/// When to ask again.
const WAIT: Duration = Duration::from_secs(5);

/// What all of them share; clones share it too.
#[derive(Clone, Default)]
pub struct Exports {
    seats: Seats<UserId>,
    pace: Pace,
}

/// Files, and reports as JSON, which are the same work. None of our addresses is written with `%`: an odd spelling of one
/// of these counts as well.
fn is_export(path: &str) -> bool {
    path.ends_with(".csv") || path == "/api/v1/report" || path.contains('%')
}

/// Lets a request for a file pass if few are under way. It belongs behind the guard, which tells whose request it is.
pub async fn limit(State(Exports { seats, pace }): State<Exports>, request: Request, next: Next) -> Response {
    let admin = request.extensions().get::<CurrentAdmin>().map(|admin| admin.user);
    let Some(user) = admin.filter(|_| is_export(request.uri().path())) else { return next.run(request).await };
    let Some(seat) = seats.take(&user, ALL, EACH) else {
        const DETAIL: &str = "Other exports are still under way. Wait until they are done, then try again.";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_exports", DETAIL)
            .retry_after(WAIT)
            .into_response();
    };
    let end = tokio::time::Instant::now() + WITHIN;
    next.run(request).await.map(|body| {
        // The seat is free again when the last part was sent, or nobody is there any more to send it to.
        let parts = stream::unfold((body.into_data_stream(), pace, seat), move |(mut parts, pace, seat)| async move {
            let part = pace.of(parts.next()).await?;
            let part =
                if tokio::time::Instant::now() < end { part } else { Err(axum::Error::new("an export took too long")) };
            Some((part, (parts, pace, seat)))
        });
        // What compresses it asks once more after its end.
        Body::from_stream(parts.fuse())
    })
}
