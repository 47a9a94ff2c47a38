//! The guard: every request passes it, and only the paths on its list pass without a session.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use tower_sessions::Session;
use url::form_urlencoded;

use super::{AuthService, session::Activity};
use crate::{
    domain::protocol::frame::UNAUTHENTICATED,
    server::{
        paths::{ALIVE, LIVE, is_asset, is_health, is_page},
        problem::Problem,
    },
};

/// Whether a user caused a request. Open pages also ask the API by themselves.
fn activity(path: &str) -> Activity {
    let by_itself = path == LIVE || path.starts_with("/api/") && path != ALIVE;
    if by_itself { Activity::Program } else { Activity::User }
}

/// Lets a request through with its [`CurrentAdmin`](super::CurrentAdmin), or turns it away: redirects a page to the
/// login, and answers 401 to anything else.
pub async fn guard(State(auth): State<AuthService>, mut request: Request, next: Next) -> Response {
    if is_public(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    let Some(session) = request.extensions().get::<Session>().cloned() else {
        tracing::error!("the guard stands outside the session layer");
        return Problem::of(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    match auth.admit(&session, activity(request.uri().path())).await {
        Ok(Some(admin)) => {
            request.extensions_mut().insert(admin);
            next.run(request).await
        }
        Ok(None) => turn_away(&request),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// What needs no session: signing in and out, health checks, and files that hold no data.
pub fn is_public(method: &Method, path: &str) -> bool {
    let read = matches!(*method, Method::GET | Method::HEAD);
    match path {
        // `/invitation` and `/setup` check the link themselves.
        "/login" | "/invitation" | "/setup" => read || method == Method::POST,
        "/logout" | "/api/v1/session" => method == Method::POST,
        // HAProxy asks with OPTIONS by default.
        _ if is_health(path) => read || method == Method::OPTIONS,
        _ => read && is_asset(path),
    }
}

fn turn_away(request: &Request<Body>) -> Response {
    if !is_page(request.method(), request.uri().path()) {
        return Problem::new(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, "Sign in first.").into_response();
    }
    match request.uri().path_and_query().map_or("/", |target| target.as_str()) {
        "/" => Redirect::to("/login"),
        target => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", target).finish();
            Redirect::to(&format!("/login?{query}"))
        }
    }
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_is_public() {
        let read = [
            "/login",
            "/invitation",
            "/setup",
            "/healthz",
            "/readyz",
            "/pkg/chargedeck.js",
            "/vendor/charts.GIZBPVGZ.js",
            "/favicon.ico",
            "/fonts/inter.woff2",
            "/assets/a.svg",
        ];
        for path in read {
            assert!(is_public(&Method::GET, path) && is_public(&Method::HEAD, path), "{path}");
            assert!(!is_public(&Method::DELETE, path), "{path}");
        }
        for path in ["/login", "/logout", "/invitation", "/setup", "/api/v1/session"] {
            assert!(is_public(&Method::POST, path), "{path}");
        }
        let closed = [
            "/",
            "/stations",
            "/live",
            "/api/v1/session",
            "/api/v1/snapshot/stations",
            "/login/",
            "/invitation/x",
            "/setup/",
            "/account",
            "/users",
            "/confirm",
            "/loginx",
            "/pkg",
            "/pkg/../",
            "/pkg/..%2fapi",
            "/pkg//",
            "/assets\\x",
            "/healthz/x",
            "/metrics",
            "/logout",
        ];
        for path in closed {
            assert!(!is_public(&Method::GET, path), "{path}");
        }
        for path in ["/pkg/chargedeck.js", "/healthz", "/api/overview"] {
            assert!(!is_public(&Method::POST, path), "{path}");
        }
        assert!(!is_public(&Method::DELETE, "/api/v1/session"));
    }
}
