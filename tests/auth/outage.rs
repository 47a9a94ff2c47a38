//! MongoDB or Redis is away: nobody is let in, nobody is told that a password is wrong, and everything recovers by
//! itself.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;

use crate::{
    app::{ADA, Answer, App, PASSWORD, Place, TREASURE, until},
    support,
};

#[tokio::test]
async fn without_redis_nobody_is_let_in_and_the_process_lives() {
    let mut server = support::Redis::start().await;
    let app = App::at(&Place { redis_url: server.url(), ..Place::default().await }).await;
    app.add(ADA).await;
    let cookie = app.enter().await;
    assert_eq!(
        app.get("/readyz", "").await.body,
        r#"{"ready":true,"mongodb":"ok","redis":"ok","stream":"ok","leaving":false}"#
    );
    server.signal("STOP");
    closed(&app, &cookie).await;
    server.signal("CONT");
    ready(&app).await;
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::OK, "one that stood still has lost nothing");
    server.kill9();
    closed(&app, &cookie).await;
    assert_eq!(
        app.get("/readyz", "").await.body,
        r#"{"ready":false,"mongodb":"ok","redis":"away","stream":"ok","leaving":false}"#
    );
    server.restart().await;
    ready(&app).await;
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED, "that Redis kept nothing");
    let cookie = app.enter().await;
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_mongodb_nobody_is_let_in_and_the_process_lives() {
    let mut server = support::Mongod::start().await;
    let app = App::at(&Place { mongodb_uri: server.uri(), ..Place::default().await }).await;
    app.add(ADA).await;
    let cookie = app.enter().await;
    server.signal("STOP");
    closed(&app, &cookie).await;
    server.signal("CONT");
    ready(&app).await;
    server.kill9();
    closed(&app, &cookie).await;
    assert_eq!(
        app.get("/readyz", "").await.body,
        r#"{"ready":false,"mongodb":"away","redis":"ok","stream":"ok","leaving":false}"#
    );
    server.restart().await;
    ready(&app).await;
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::OK, "the session outlived the outage");
}

#[tokio::test]
async fn a_stopping_process_is_not_ready_but_alive() {
    let app = App::new().await;
    app.leaving.cancel();
    assert_eq!(app.get("/readyz", "").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/healthz", "").await.status, StatusCode::OK);
}

async fn ready(app: &App) {
    let ready = || async { app.get("/readyz", "").await.status == StatusCode::OK };
    until(Duration::from_secs(30), "both are back", ready).await;
}

/// Asserts what must hold while one of the two is away or hangs.
async fn closed(app: &App, cookie: &str) {
    assert_eq!(app.get("/healthz", "").await.status, StatusCode::OK);
    let paths = ["/", "/stations", "/forgotten", "/live", "/api/v1/snapshot/stations", "/no/such/page"];
    for (answer, path) in join_all(paths.map(|path| app.get(path, cookie))).await.iter().zip(paths) {
        unavailable(answer, path);
    }
    unavailable(&app.login(ADA, PASSWORD).await, "login");
    let answer = app.form("/login", "", &[("email", ADA), ("password", PASSWORD), ("next", "/stations")]).await;
    assert_eq!((answer.status, answer.set_cookie()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    assert!(answer.body.contains("not possible right now") && answer.body.contains(ADA), "{}", answer.body);
}

fn unavailable(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{what}");
    assert!(!answer.body.contains(TREASURE) && answer.set_cookie().is_empty(), "{what}");
    assert!(!answer.header("retry-after").is_empty(), "{what}");
}
