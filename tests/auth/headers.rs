//! The headers of every answer, errors and panics included.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::server::{config::Settings, csp::page_policy};

use crate::app::{App, AppSetup, request};

#[tokio::test]
async fn every_answer_is_hardened_and_kept_only_where_it_may_be() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let large = request(Method::POST, "/api/v1/session").header(header::CONTENT_LENGTH, 1 << 17);
    let answers = [
        ("a page", app.get("/stations", &cookie).await, 200, "no-store"),
        ("a redirect", app.get("/stations", "").await, 303, "no-store"),
        ("refused", app.get("/live", "").await, 401, "no-store"),
        ("missing", app.get("/no/such/page", &cookie).await, 404, "no-store"),
        ("a panic", app.get("/panic", &cookie).await, 500, "no-store"),
        ("a large body", app.send(large.body(Body::empty()).unwrap()).await, 413, "no-store"),
        ("another method", app.form("/live", &cookie, &[]).await, 405, "no-store"),
        ("health", app.get("/healthz", "").await, 200, "no-store"),
        ("an asset", app.get("/pkg/chargedeck.js", "").await, 200, "no-cache"),
        ("a missing asset", app.get("/pkg/chargedeck.AAAAAAAAAAAAAAAAAAAAAA.js", "").await, 404, "no-store"),
    ];
    for (what, answer, status, cache) in &answers {
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (*status, *cache), "{what}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{what}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{what}");
        assert!(answer.header("permissions-policy").contains("camera=()"), "{what}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{what}");
        assert!(!answer.header("x-request-id").is_empty(), "{what}");
        for absent in ["access-control-allow-origin", "server", "x-powered-by", "strict-transport-security"] {
            assert_eq!(answer.header(absent), "", "{what}");
        }
        if *status >= 400 {
            answer.problem();
        }
    }
}

#[tokio::test]
async fn behind_tls_every_answer_says_so() {
    let app = App::at(&AppSetup { origin: "https://deck.example.org", ..AppSetup::default().await }).await;
    for path in ["/", "/live", "/healthz"] {
        assert_eq!(app.get(path, "").await.header("strict-transport-security"), "max-age=63072000", "{path}");
    }
}

#[tokio::test]
async fn people_get_a_page_for_an_error_and_programs_a_problem() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let ask = |path: &str| {
        request(Method::GET, path)
            .header(header::COOKIE, &cookie)
            .header(header::ACCEPT, "text/html,*/*")
            .body(Body::empty())
            .unwrap()
    };
    let page = app.send(ask("/panic")).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (StatusCode::INTERNAL_SERVER_ERROR, "text/html; charset=utf-8")
    );
    assert!(page.body.contains(page.header("x-request-id")) && !page.body.contains("on purpose"), "{}", page.body);
    assert_eq!(app.send(ask("/api/no/such")).await.code(), "not_found");
}

#[tokio::test]
async fn the_request_id_is_ours() {
    let app = App::new().await;
    let request = request(Method::GET, "/healthz").header("x-request-id", "evil").body(Body::empty()).unwrap();
    assert_eq!(app.send(request).await.header("x-request-id").len(), 36);
}

#[test]
fn a_page_has_its_own_policy() {
    let env = [
        ("CHARGEDECK_PUBLIC_ORIGIN", "https://deck.example.org"),
        ("CHARGEDECK_TIME_ZONE", "UTC"),
        ("CHARGEDECK_CURRENCY", "EUR"),
    ];
    let origin =
        Settings::from_sources("", &env.map(|(k, v)| (k.into(), v.into())).into()).unwrap().server.public_origin;
    assert_eq!(
        page_policy("abc", &origin, &["ws://127.0.0.1:3001"]),
        "default-src 'self'; script-src 'self' 'nonce-abc' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' wss://deck.example.org ws://127.0.0.1:3001; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'self'; object-src 'none'"
    );
}
