//! What an address leads to, as far as its path tells.

use axum::http::Method;

/// The socket's route.
pub const LIVE: &str = "/live";

/// Where a page tells that someone uses it.
pub const ALIVE: &str = "/api/v1/session/alive";

/// Where load balancers and supervisors ask.
pub fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// The build's output, and what browsers ask for by themselves. An odd path is none, whatever it begins with: how a
/// later layer would read it is not for this one to guess.
pub fn is_asset(path: &str) -> bool {
    let odd = path.contains("..") || path.contains("//") || path.contains(['\\', '%']);
    !odd && ["/pkg/", "/vendor/", "/assets/", "/fonts/", "/favicon", "/theme.js"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

/// Whether a browser would show the answer: everything that is read, save the API and the socket.
pub fn is_page(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && !path.starts_with("/api/") && path != LIVE && !is_asset(path)
}
