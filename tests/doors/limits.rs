//! Requests that are larger or deeper than any of ours.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::http::router::MAX_BODY;

use crate::app::{ADA, App, PASSWORD, request};

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_and_harms_nobody() {
    let app = App::with_ada().await;
    let post = async |body: String| {
        let request = request(Method::POST, "/api/v1/session").header(header::CONTENT_TYPE, "application/json");
        app.send(request.body(Body::from(body)).unwrap()).await
    };
    let large = post(format!("{{\"email\": \"{}\", \"password\": \"x\"}}", "x".repeat(MAX_BODY))).await;
    assert_eq!((large.status, large.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "invalid_body"));
    for open in ["[", "{\"a\":"] {
        let deep = post(format!("{{\"email\": {}", open.repeat(10_000))).await;
        assert_eq!((deep.status.is_client_error(), deep.code().as_str()), (true, "invalid_body"));
    }
    let unknown = post("{\"email\": \"a\", \"password\": \"b\", \"role\": \"admin\"}".to_owned()).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"));
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::NO_CONTENT, "everybody else is served");
}
