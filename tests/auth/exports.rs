//! The number of exports under way is limited, and so is the work for all of them.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use chargedeck::server::http::exports::{ALL, EACH};
use futures_util::{StreamExt, future::join_all, stream};
use tokio::task::yield_now;
use tower::ServiceExt;

use crate::app::{ADA, App, PASSWORD, TREASURE, request};

fn export(cookie: &str) -> Request<Body> {
    request(Method::GET, "/api/v1/treasure.csv").header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}

/// The number of exports being worked on, and the maximum so far.
static WORKED_ON: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// An export whose parts each take a while.
pub async fn pieces() -> impl IntoResponse {
    let pieces = Body::from_stream(stream::iter(0..10).then(async |_| {
        let [now, most] = &WORKED_ON;
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        yield_now().await;
        now.fetch_sub(1, SeqCst);
        Ok::<_, Infallible>("piece\r\n")
    }));
    ([(header::CONTENT_TYPE, "text/csv")], pieces)
}

/// Starts an export that nobody reads yet.
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
    // One is read to its end, and another is abandoned.
    let whole = to_bytes(all.pop().unwrap().into_body(), 1 << 10).await.unwrap();
    assert_eq!(whole, TREASURE);
    drop(all.pop());
    for _ in 0..EACH {
        all.push(under_way(&app, last).await);
    }
    // A flood of them makes few entries.
    for _ in 0..3 {
        refused(&app, last).await;
    }
    let entries = app.entries().await;
    let noted = entries.iter().filter(|entry| entry.get_str("reason").ok() == Some("too_much"));
    let noted = noted.map(|entry| {
        let logged = ["action", "result"].map(|name| entry.get_str(name).unwrap());
        assert_eq!(logged, ["exported", "refused"], "{entry:?}");
        let after = entry.get_document("after").unwrap();
        (after.get_str("file").unwrap(), after.get_i32("tries").unwrap())
    });
    const FILE: &str = "/api/v1/treasure.csv";
    assert_eq!(noted.collect::<Vec<_>>(), [(FILE, 1), (FILE, 1), (FILE, 2), (FILE, 4)]);
}

#[tokio::test]
async fn an_export_is_an_entry_and_what_cannot_be_noted_is_not_made() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let before = app.entries().await.len();
    assert_eq!(app.get("/api/v1/treasure.csv?search=secret", &cookie).await.status, StatusCode::OK);
    assert_eq!(app.get("/api/v1/none.csv", &cookie).await.status, StatusCode::NOT_FOUND);
    let entries = app.entries().await.split_off(before);
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.get_str("action").unwrap(), "exported");
    assert_eq!(entry.get_document("actor").unwrap().get_str("email").unwrap(), ADA);
    assert_eq!(entry.get_document("after").unwrap().get_str("file").unwrap(), "/api/v1/treasure.csv");
    assert!(!format!("{entry:?}").contains("secret"), "{entry:?}");
    app.close_the_log().await;
    let answer = app.send(export(&cookie)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
}

#[tokio::test]
async fn of_all_exports_one_is_worked_on_at_a_time_and_who_reads_no_more_is_in_nobodys_way() {
    let app = App::with_ada().await;
    let cookie = app.login(ADA, PASSWORD).await.cookie();
    let export = async |coding| {
        let asked = request(Method::GET, "/api/v1/pieces.csv").header(header::COOKIE, &cookie);
        let asked = asked.header(header::ACCEPT_ENCODING, coding).body(Body::empty()).unwrap();
        app.router.clone().oneshot(asked).await.unwrap().into_body()
    };
    let whole = async |coding| {
        let read = to_bytes(export(coding).await, 1 << 10);
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("it waits for another").unwrap()
    };
    let files = join_all((0..EACH).map(|_| whole("identity"))).await;
    assert!(files.iter().all(|file| *file == "piece\r\n".repeat(10)), "{files:?}");
    assert_eq!(WORKED_ON[1].load(SeqCst), 1);
    // Compression passes on what it has while its own source waits.
    assert!(whole("gzip").await.starts_with(&[0x1f, 0x8b]));
    let mut left = export("gzip").await.into_data_stream();
    for _ in 0..3 {
        left.next().await.unwrap().unwrap();
        assert_eq!(whole("identity").await, files[0]);
    }
}
