//! Exports under way are bounded.

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use chargedeck::http::exports::{ALL, EACH};
use tower::ServiceExt;

use crate::app::{App, PASSWORD, TREASURE, request};

fn export(cookie: &str) -> Request<Body> {
    request(Method::GET, "/api/v1/treasure.csv").header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}

/// An export that nobody reads yet.
async fn under_way(app: &App, cookie: &str) -> Response {
    let response = app.router.clone().oneshot(export(cookie)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response
}

async fn refused(app: &App, cookie: &str) {
    let answer = app.send(export(cookie)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_exports"));
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn exports_under_way_are_bounded_for_each_admin_and_in_all() {
    let app = App::new().await;
    let mut cookies = Vec::new();
    for n in 0..=ALL / EACH {
        let email = format!("admin{n}@example.org");
        app.add(&email).await;
        cookies.push(app.login(&email, PASSWORD).await.cookie());
    }
    let (last, first) = cookies.split_last().unwrap();
    let mut all = Vec::new();
    for _ in 0..EACH {
        all.push(under_way(&app, &first[0]).await);
    }
    refused(&app, &first[0]).await;
    assert_eq!(app.get("/stations", &first[0]).await.status, StatusCode::OK, "pages are no exports");
    for cookie in &first[1..] {
        for _ in 0..EACH {
            all.push(under_way(&app, cookie).await);
        }
    }
    assert_eq!(all.len(), ALL);
    refused(&app, last).await;
    // One is read to its end, nobody waits for another any more.
    let whole = to_bytes(all.pop().unwrap().into_body(), 1 << 10).await.unwrap();
    assert_eq!(whole, TREASURE);
    drop(all.pop());
    for _ in 0..EACH {
        all.push(under_way(&app, last).await);
    }
    refused(&app, last).await;
}
