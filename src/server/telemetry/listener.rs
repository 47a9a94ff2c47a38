//! `GET /metrics` on an address of its own, open to whoever can reach it. It serves nothing else, and needs no
//! sign-in.

use axum::{Router, http::header, response::IntoResponse, routing::get};

use super::metrics::metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The only route of this address.
pub fn routes() -> Router {
    // Encoding fails only if the writer is full, and a `String` never is.
    let text = async || ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics().text().unwrap_or_default()).into_response();
    Router::new().route("/metrics", get(text))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn nothing_but_the_metrics_is_told() {
        for (path, status) in [("/metrics", 200), ("/", 404), ("/healthz", 404), ("/metrics/x", 404)] {
            let answer = routes().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
        let refused = routes().oneshot(Request::post("/metrics").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(refused.status().as_u16(), 405);
    }
}
