//! A panic costs the part of the page, or the request, in which it happens, and nothing else: over real connections,
//! through all layers.

use std::net::Ipv4Addr;

use axum::{Router, body::Body, extract::Request, http::StatusCode, response::Response, routing::get};
use chargedeck::server::http::{
    router,
    server::{Limits, serve},
};
use leptos::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, TREASURE},
    http,
};

/// A page as `site.rs` draws its own. It panics within one of its parts, or outside of them.
async fn page(within: bool, request: Request<Body>) -> Response {
    let odd = move |fails: bool| move || if fails { panic!("an odd document") } else { "drawn" };
    let draw = leptos_axum::render_app_async_with_context(
        || {},
        move || {
            view! {
                <html>
                    <head></head>
                    <body>
                        <p>{odd(!within)}</p>
                        <section>{odd(within)}</section>
                        <section>"the part after it"</section>
                    </body>
                </html>
            }
        },
    );
    draw(request).await
}

#[tokio::test]
async fn a_panic_costs_its_part_or_its_request_and_the_server_goes_on() {
    // As in `site.rs`, a second call in the process changes nothing.
    drop(any_spawner::Executor::init_tokio());
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let pages = Router::new()
        .route("/part", get(|request| page(true, request)))
        .route("/whole", get(|request| page(false, request)))
        .route("/handler", get(async || -> StatusCode { panic!("an odd request") }))
        .route("/stations", get(async || TREASURE));
    let router = router::layers(pages, &app.auth).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, stop) = (listener.local_addr().unwrap().port(), CancellationToken::new());
    let serving = tokio::spawn(serve(listener, router, Limits::of(16), stop.clone()));
    // More often than there are permits, none of which may stay taken.
    for _ in 0..8 {
        let part = http::get(port, "/part", &cookie).await.unwrap();
        assert_eq!(part.status, 200, "{}", part.body);
        assert!(part.body.contains("could not be drawn") && part.body.contains("the part after it"), "{}", part.body);
        for path in ["/whole", "/handler"] {
            let failed = http::get(port, path, &cookie).await.unwrap();
            assert_eq!(failed.status, 500, "{path}: {}", failed.body);
            assert!(failed.head.contains("x-request-id: ") && !failed.body.contains("odd"), "{}", failed.body);
        }
    }
    // The next request on the same connection is answered, too.
    let head = format!("HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n");
    let requests = format!("GET /handler {head}\r\nGET /stations {head}Connection: close\r\n\r\n");
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    connection.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    connection.read_to_string(&mut answers).await.unwrap();
    let (failed, next) = answers.split_once("HTTP/1.1 200 OK").expect(&answers);
    assert!(failed.starts_with("HTTP/1.1 500 ") && next.contains(TREASURE), "{answers}");
    stop.cancel();
    serving.await.unwrap();
}

/// What changes something runs as a task of its own, to its end.
#[tokio::test]
async fn a_panic_in_what_changes_something_is_an_answer() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let failed = app.form("/panic", &cookie, &[]).await;
    assert_eq!((failed.status, failed.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error"));
    assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::OK);
}
