//! The routes for signing in and for accounts, and the one list of layers that every request passes.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody, to_bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state, map_request},
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate, SizeAbove},
    },
    csrf::ConfigError,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::{DefaultOnResponse, TraceLayer},
};
use tracing::{Instrument, Level, Span};

use super::{client, csrf, exports, headers, limiter::Limiter};
use crate::server::{
    accounts::{self, documents::AccountPages},
    auth::{AuthService, guard, login, session},
    pace::FairShare,
    problem::{self, Problem},
};

/// Largest request body. No request to ChargeDeck comes near it.
pub const MAX_BODY: usize = 64 * 1024;

/// Longest time to the first byte of an answer. A socket's handshake is answered at once and its later traffic is not
/// counted, so the socket's route needs no exception.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How long a body may take, counted from the end of its head. Shorter than [`ANSWER_WITHIN`], because that limit
/// does not stop a request that runs [to its end](to_the_end).
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// Bytes from which an answer is compressed. What fits a packet gains nothing, and a refusal must be cheap.
const COMPRESSED_FROM: u64 = 1 << 10;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Signing in and out, and the pages of accounts.
pub fn routes(documents: AccountPages) -> Router {
    let auth = documents.auth.clone();
    Router::new()
        .route("/api/v1/session", post(login::create_session))
        .route("/api/v1/session", delete(login::delete_session))
        .route(crate::server::paths::ALIVE, post(login::alive))
        .route("/logout", post(login::submit_logout))
        .with_state(auth)
        .merge(accounts::routes(documents))
}

/// Wraps all routes, the fallback included. Read from the bottom up, because a request meets the last layer first.
///
/// # Errors
/// Never for an origin that the settings accepted.
pub fn layers(router: Router, auth: &AuthService) -> Result<Router, ConfigError> {
    let origin = &auth.origin;
    Ok(router
        .layer(from_fn_with_state((Limiter::default(), auth.clone()), exports::limit))
        .layer(from_fn(read_body))
        .layer(from_fn_with_state(auth.clone(), guard::guard))
        .layer(session::layer(auth))
        .layer(from_fn_with_state(origin.clone(), csrf::refuse_unnamed))
        .layer(csrf::layer(origin)?)
        .layer(from_fn_with_state(origin.clone(), csrf::refuse_foreign_host))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(from_fn(to_the_end))
        .layer(from_fn(refuse_unmeasured))
        .layer(from_fn(refuse_pathless))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(problem::render))
        .layer(from_fn_with_state(origin.clone(), headers::harden))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESSED_FROM))))
        .layer(from_fn_with_state(FairShare::default(), exports::pace))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        // No line for failures, because the code that answers 5xx has logged the reason.
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(Level::INFO))
                .on_failure(()),
        )
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(map_request(forget_request_id))
        .layer(from_fn_with_state(auth.proxies.clone(), client::locate)))
}

/// Runs a request that changes something to its end, even if the client no longer waits for the answer. Half of a
/// sign-out would leave an open socket without an entry in the audit log.
async fn to_the_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => Problem::unavailable().into_response(),
        },
    }
}

/// Refuses a body that does not declare its length first. Nobody has to send us one. If a body declares its length in
/// two ways, a proxy could believe the other (RFC 9112, 11.2).
async fn refuse_unmeasured(request: Request, next: Next) -> Response {
    if !request.headers().contains_key(header::TRANSFER_ENCODING) {
        return next.run(request).await;
    }
    const DETAIL: &str = "Send the body's length in the header Content-Length.";
    last(Problem::new(StatusCode::LENGTH_REQUIRED, "length_required", DETAIL))
}

/// Refuses an address that is a host alone, which only a proxy could be asked for. Leptos panics at it.
async fn refuse_pathless(request: Request, next: Next) -> Response {
    match request.uri().path_and_query() {
        Some(_) => next.run(request).await,
        None => last(Problem::of(StatusCode::BAD_REQUEST)),
    }
}

/// Reads the whole body before a handler begins, so that every handler has the same time limit. The guard has refused
/// unauthorised requests before that.
async fn read_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match tokio::time::timeout(BODY_WITHIN, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, body.into())).await,
        // The client has gone.
        Ok(Err(_)) => last(Problem::of(StatusCode::BAD_REQUEST)),
        Err(_) => {
            const DETAIL: &str = "The request's body did not arrive in time.";
            last(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", DETAIL))
        }
    }
}

/// Makes this the last answer of its connection, because the unread body would follow on it.
fn last(refusal: Problem) -> Response {
    ([(header::CONNECTION, HeaderValue::from_static("close"))], refusal).into_response()
}

/// Removes a request id from outside, because it could be anything, and anyone's. The id that we use is our own.
async fn forget_request_id(mut request: Request) -> Request {
    request.headers_mut().remove(&REQUEST_ID);
    request
}

/// Without the query, because what people search for is private.
fn span(request: &Request<Body>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("http", method = %request.method(), path = request.uri().path(), request.id = id)
}

/// The panic hook has already logged where and why.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked");
    Problem::of(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}
