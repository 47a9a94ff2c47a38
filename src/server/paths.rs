//! What a URL leads to, as far as its path shows.

use axum::http::Method;

/// The socket's route.
pub const LIVE: &str = "/live";

/// Where a page reports that a user is active.
pub const ALIVE: &str = "/api/v1/session/alive";

/// The paths that load balancers and supervisors ask.
pub fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// The build's output, and files that browsers request by themselves. An odd path never counts, whatever it begins
/// with, because this layer cannot know how a later one would read it.
pub fn is_asset(path: &str) -> bool {
    let odd = path.contains("..") || path.contains("//") || path.contains(['\\', '%']);
    !odd && ["/pkg/", "/vendor/", "/assets/", "/fonts/", "/favicon", "/theme.js"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

/// Whether a browser would show the answer. It shows everything that is read, except the API, the socket and assets.
pub fn is_page(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && !path.starts_with("/api/") && path != LIVE && !is_asset(path)
}
