//! MongoDB or Redis is away: nobody is let in, nobody is told that a password is wrong, and everything recovers by
//! itself.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;

use chargedeck::server::telemetry::metrics::now;
use mongodb::bson::doc;

use crate::{
    app::{ADA, Answer, App, AppSetup, PASSWORD, TREASURE, until},
    http,
    program::{Program, SERVE},
    support,
};

#[tokio::test]
async fn without_redis_nobody_is_let_in_and_the_process_lives() {
    let mut server = support::Redis::start().await;
    let app = App::at(&AppSetup { redis_url: server.url(), ..AppSetup::default().await }).await;
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
    let app = App::at(&AppSetup { mongodb_uri: server.uri(), ..AppSetup::default().await }).await;
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

/// Both databases answer, and only the change stream does not.
#[tokio::test]
async fn a_change_stream_that_stands_is_told() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let program = Program::of(&mongod, &[], SERVE).await;
    program.ready().await;
    let port = program.port();
    let stood = async || -> i64 {
        let metrics = http::metrics(port).await.unwrap().body;
        let moved = metrics.lines().find_map(|line| line.strip_prefix("chargedeck_stream_moved_timestamp_seconds "));
        now().seconds() - moved.unwrap().parse::<i64>().unwrap()
    };
    until(Duration::from_secs(30), "the stream moves", || async { stood().await < 5 }).await;
    let admin = mongod.client().await.database("admin");
    let interrupt = async |mode: &str| {
        let namespace = format!("{}.$cmd.aggregate", program.db.name());
        let data = doc! { "failCommands": ["aggregate", "getMore"], "namespace": namespace, "errorCode": 11_601 };
        admin.run_command(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data }).await.unwrap();
    };
    let answers = async |status: u16, ready: &str| {
        http::get(port, "/readyz", "").await.is_ok_and(|answer| answer.status == status && answer.body == ready)
    };
    interrupt("alwaysOn").await;
    let stands = r#"{"ready":false,"mongodb":"ok","redis":"ok","stream":"stands","leaving":false}"#;
    until(Duration::from_secs(60), "it is told that the stream stands", || answers(503, stands)).await;
    until(Duration::from_secs(10), "the metric tells it", || async { stood().await >= 30 }).await;
    assert_eq!(http::get(port, "/healthz", "").await.unwrap().status, 200, "no restart would help");
    interrupt("off").await;
    let moves = r#"{"ready":true,"mongodb":"ok","redis":"ok","stream":"ok","leaving":false}"#;
    until(Duration::from_secs(30), "it is told that the stream moves", || answers(200, moves)).await;
    until(Duration::from_secs(10), "the metric tells it", || async { stood().await < 5 }).await;
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
