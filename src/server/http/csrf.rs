//! Other sites cannot act with our users' sessions.
//!
//! Browsers say where a request comes from (`Sec-Fetch-Site`, `Origin`), and requests from another site are refused.
//! A request that says nothing comes from a program. It may sign in, but it may not act on a cookie: a program that
//! does so sends the site's address in `Origin`.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::csrf::{ConfigError, CsrfLayer, ProtectionError};

use crate::server::paths::is_health;
use crate::server::{auth::session::cookie_name, config::PublicOrigin, problem::Problem};

type CsrfRefusal = fn(ProtectionError) -> Response;

/// Refuses requests that change something and come from another site. Behind a proxy that rewrites `Host`, they are
/// compared with the public origin.
///
/// # Errors
/// Never for an origin that the settings accepted.
pub fn layer(origin: &PublicOrigin) -> Result<CsrfLayer<CsrfRefusal>, ConfigError> {
    let layer = CsrfLayer::new().add_trusted_origin(origin.as_origin())?;
    Ok(layer.with_rejection_response(|_| cross_site().into_response()))
}

/// Refuses requests for another host name than ours, which a browser sends when another site has led it here. Load
/// balancers check health by any name or none, and an attacker gains nothing there.
pub async fn refuse_foreign_host(State(origin): State<PublicOrigin>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let ours = host.or(request.uri().host()).is_some_and(|host| origin.answers_to(host));
    if ours || is_health(request.uri().path()) {
        return next.run(request).await;
    }
    const DETAIL: &str = "No site of this name is here.";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", DETAIL).into_response()
}

/// Refuses requests that change something, act on the session cookie and do not say where they come from.
pub async fn refuse_unnamed(State(origin): State<PublicOrigin>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let login = request.method() == Method::POST && matches!(request.uri().path(), "/login" | "/api/v1/session");
    let headers = request.headers();
    let named = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if !safe && !login && !named && has_cookie(headers, cookie_name(&origin)) {
        return cross_site().into_response();
    }
    next.run(request).await
}

/// Whether the page that opens a socket is ours. Sockets have no other protection, because browsers let any site open
/// one, with the cookie. A missing `Origin` is refused, since every browser sends it.
pub fn is_same_origin(headers: &HeaderMap, origin: &PublicOrigin) -> bool {
    headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).is_some_and(|value| origin.accepts(value))
}

fn has_cookie(headers: &HeaderMap, name: &str) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).any(|pair| pair.split('=').next().is_some_and(|key| key.trim() == name))
}

fn cross_site() -> Problem {
    const DETAIL: &str =
        "The request does not come from this site. Programs send the site's address in the header Origin.";
    Problem::new(StatusCode::FORBIDDEN, "cross_site", DETAIL)
}
