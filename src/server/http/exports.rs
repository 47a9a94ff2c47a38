//! Exports are bounded: in how many an admin and all admins have under way, and in how long one may take. All of them
//! together leave room for what is live. Each is an entry in the audit log.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bson::doc;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::limiter::{Limiter, Permit};
use crate::server::{
    auth::{
        CurrentAdmin,
        audit_log::{Action, AuditLog, Entry},
        place::ClientInfo,
        user::UserId,
    },
    pace::FairShare,
    problem::Problem,
};

/// Of one admin at once.
pub const EACH: usize = 2;
/// Of all admins at once, on this instance.
pub const ALL: usize = 8;
/// From its first byte; one that takes longer breaks off, as one does whose source fails.
const WITHIN: Duration = Duration::from_secs(10 * 60);
/// When to ask again.
const WAIT: Duration = Duration::from_secs(5);

/// An export that is allowed.
#[derive(Clone)]
struct UnderWay {
    _seat: Arc<Permit<UserId>>,
    end: Instant,
}

/// Files, and reports as JSON, which are the same work. None of our addresses is written with `%`: an odd spelling of one
/// of these counts as well.
fn is_export(path: &str) -> bool {
    path.ends_with(".csv") || path == "/api/v1/report" || path.contains('%')
}

/// Lets a request for a file pass if few are under way, and notes it. It belongs behind the guard, which tells whose request
/// it is.
pub async fn limit(
    State((seats, audit)): State<(Limiter<UserId>, AuditLog)>,
    place: ClientInfo,
    request: Request,
    next: Next,
) -> Response {
    let admin = request.extensions().get::<CurrentAdmin>().filter(|_| is_export(request.uri().path())).cloned();
    let Some(admin) = admin else { return next.run(request).await };
    let Some(seat) = seats.take(&admin.user, ALL, EACH) else {
        const DETAIL: &str = "Other exports are still under way. Wait until they are done, then try again.";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_exports", DETAIL)
            .retry_after(WAIT)
            .into_response();
    };
    // Without the query, as in the log: what people search for is theirs.
    let file = doc! { "file": request.uri().path() };
    let mut response = next.run(request).await;
    if !response.status().is_success() {
        return response;
    }
    // Nothing of it was sent yet.
    if let Err(error) = audit.record(&Entry::new(Action::Exported, &admin, &place).after(file)).await {
        tracing::error!(%error, "an export that cannot be noted is not made");
        return Problem::unavailable().into_response();
    }
    response.extensions_mut().insert(UnderWay { _seat: Arc::new(seat), end: Instant::now() + WITHIN });
    response
}

/// Makes the parts of what [`limit`] let pass one at a time. It belongs outside of whatever works on them, as what compresses
/// does, and next to what sends them: a body that holds back a part while its own source waits would hold the turn of all.
pub async fn pace(State(pace): State<FairShare>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(under_way) = response.extensions_mut().remove::<UnderWay>() else { return response };
    response.map(|body| {
        // The seat is free again when the last part was sent, or nobody is there any more to send it to.
        let parts = stream::unfold((body.into_data_stream(), pace, under_way), async |(mut parts, pace, under_way)| {
            let part = pace.of(parts.next()).await?;
            let in_time = Instant::now() < under_way.end;
            let part = if in_time { part } else { Err(axum::Error::new("an export took too long")) };
            Some((part, (parts, pace, under_way)))
        });
        // Whoever sends it may ask once more after its end.
        Body::from_stream(parts.fuse())
    })
}
