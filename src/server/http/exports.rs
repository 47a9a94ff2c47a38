//! Limits exports: how many run at once for one admin and for all admins, and how long one may take. All together
//! leave room for live traffic. Each is an entry in the audit log, and so is a refused one.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use bson::doc;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::limiter::{Limiter, Permit};
use crate::server::{
    auth::{
        AuthService, CurrentAdmin, Unavailable,
        audit_log::{Action, AuditEntry, Reason},
        place::ClientInfo,
        user::UserId,
    },
    pace::FairShare,
    problem::Problem,
};

/// Exports of one admin at once.
pub const EACH: usize = 2;
/// Exports of all admins at once, on this instance.
pub const ALL: usize = 8;
/// Time limit from the first byte. A longer export breaks off, like one whose source fails.
const WITHIN: Duration = Duration::from_secs(10 * 60);
/// After what time a refused client should ask again.
const WAIT: Duration = Duration::from_secs(5);

/// An export that is allowed.
#[derive(Clone)]
struct UnderWay {
    _permit: Arc<Permit<UserId>>,
    end: Instant,
}

/// Files, and reports as JSON, which cost the same work. None of our URLs contains `%`, so an oddly encoded spelling
/// of an export counts as well.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "so is the router")]
fn is_export(path: &str) -> bool {
    path.ends_with(".csv") || path == "/api/v1/report" || path.contains('%')
}

/// Lets a request for a file pass if few are under way, and records it. It belongs behind the guard, which knows
/// whose request it is.
///
/// # Errors
/// 429 while too many are under way, 503 if it cannot be noted.
pub async fn limit(
    State((limiter, auth)): State<(Limiter<UserId>, AuthService)>,
    place: ClientInfo,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let admin = request.extensions().get::<CurrentAdmin>().filter(|_| is_export(request.uri().path())).cloned();
    let Some(admin) = admin else { return Ok(next.run(request).await) };
    // Without the query, as in the log, because what people search for is private.
    let file = request.uri().path().to_owned();
    let Some(permit) = limiter.take(&admin.user, ALL, EACH) else {
        const DETAIL: &str = "Other exports are still under way. Wait until they are done, then try again.";
        refused(&auth, &admin, &place, &file).await?;
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_exports", DETAIL).retry_after(WAIT));
    };
    let mut response = next.run(request).await;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        refused(&auth, &admin, &place, &file).await?;
    }
    if !response.status().is_success() {
        return Ok(response);
    }
    // Nothing of the export has been sent yet, so it can still be refused.
    auth.audit.record(&AuditEntry::new(Action::Exported, &admin, &place).after(doc! { "file": file })).await?;
    response.extensions_mut().insert(UnderWay { _permit: Arc::new(permit), end: Instant::now() + WITHIN });
    Ok(response)
}

/// Notes an export that the account was refused. A flood makes few entries, each with the number so far: the first,
/// second, fourth, eighth…
async fn refused(auth: &AuthService, admin: &CurrentAdmin, place: &ClientInfo, file: &str) -> Result<(), Unavailable> {
    let tries = auth.throttles.export_refused(admin.user).await?;
    if tries.is_power_of_two() {
        let entry = AuditEntry::new(Action::Exported, admin, place).refused(Reason::TooMuch);
        auth.audit.record(&entry.after(doc! { "file": file, "tries": tries })).await?;
    }
    Ok(())
}

/// Produces the parts of what [`limit`] let pass one at a time. This layer stands next to the sender, outside of layers
/// that transform the body, such as compression. Such a layer may keep a part while it waits for the next one, and
/// would keep the turn from everybody else meanwhile.
pub async fn pace(State(pace): State<FairShare>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(under_way) = response.extensions_mut().remove::<UnderWay>() else { return response };
    response.map(|body| {
        // The permit is released when the last part was sent, or when the client is gone.
        let parts = stream::unfold((body.into_data_stream(), pace, under_way), async |(mut parts, pace, under_way)| {
            let part = pace.of(parts.next()).await?;
            let in_time = Instant::now() < under_way.end;
            let part = if in_time { part } else { Err(axum::Error::new("an export took too long")) };
            Some((part, (parts, pace, under_way)))
        });
        // The sender may poll once more after the end.
        Body::from_stream(parts.fuse())
    })
}
