//! Without a session only the public list is reachable, and from another site nothing at all.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use chargedeck::server::auth::user::User;
use mongodb::bson::{Document, doc};

use crate::app::{ADA, App, AppSetup, PASSWORD, TREASURE, request};

const COOKIES: [&str; 4] = ["", "chargedeck=", "chargedeck=AAAAAAAAAAAAAAAAAAAAAA", "chargedeck=../../etc/passwd"];

#[tokio::test]
async fn whatever_is_not_public_is_refused_without_a_session() {
    let app = App::with_ada().await;
    let pages = [
        "/",
        "/stations",
        "/forgotten",
        "/clients/block?id=C-1",
        "/no/such/page",
        "/pkg/../forgotten",
        "/login/x",
        "/logout",
    ];
    let others = [
        (Method::GET, "/live"),
        (Method::GET, "/api/v1/snapshot/stations"),
        (Method::GET, "/api/v1/report"),
        (Method::GET, "/api/v1/report.csv?by=client"),
        (Method::GET, "/api/v1/analytics/energy.csv?last=7d"),
        (Method::GET, "/api/no/such"),
        (Method::GET, "/api/v1/session"),
        (Method::POST, "/api/v1/clients/C-1/block"),
        (Method::POST, "/clients/unblock?id=C-1"),
        (Method::POST, "/api/overview"),
        (Method::POST, "/forgotten"),
        (Method::POST, "/"),
        (Method::POST, "/pkg/chargedeck.js"),
        (Method::PUT, "/stations"),
        (Method::PATCH, "/no/such/page"),
        (Method::DELETE, "/api/v1/session"),
        (Method::OPTIONS, "/forgotten"),
        (Method::TRACE, "/forgotten"),
    ];
    for cookie in COOKIES {
        for page in pages {
            let answer = app.get(page, cookie).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page} {cookie}");
            assert!(answer.header("location").starts_with("/login"), "{page}");
            assert!(!answer.body.contains(TREASURE), "{page}");
        }
        for (method, path) in &others {
            let request = request(method.clone(), path)
                .header(header::COOKIE, cookie)
                .header(header::ORIGIN, "http://127.0.0.1:3000");
            let answer = app.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (StatusCode::UNAUTHORIZED, "unauthenticated"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(
        app.get("/stations?q=a b&page=2".replace(' ', "%20").as_str(), "").await.header("location"),
        "/login?next=%2Fstations%3Fq%3Da%2520b%26page%3D2"
    );
    assert_eq!(app.get("/", "").await.header("location"), "/login");
    assert!(app.session_keys().await.is_empty(), "no visitor makes a session");
    for public in ["/login", "/healthz", "/readyz", "/pkg/chargedeck.js"] {
        assert_eq!(app.get(public, "").await.status, StatusCode::OK, "{public}");
    }
    assert_eq!(app.get("/pkg/no-such.js", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_admin_reaches_everything() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    for path in ["/", "/stations", "/forgotten", "/live", "/api/v1/snapshot/stations"] {
        let answer = app.get(path, &cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.contains(TREASURE), "{path}");
    }
    assert!(app.get("/", &cookie).await.body.contains(ADA));
    let missing = app.get("/no/such/page", &cookie).await;
    assert_eq!((missing.status, missing.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
}

#[tokio::test]
async fn a_session_ends_with_what_entitled_it() {
    let app = App::with_ada().await;
    for (what, set, back) in [
        ("another role", doc! { "role": "viewer" }, doc! { "role": "admin" }),
        ("a role spelt otherwise", doc! { "role": "Admin" }, doc! { "role": "admin" }),
        ("disabled", doc! { "disabled": true }, doc! { "disabled": false }),
        ("a raised version", doc! { "version": 7_i64 }, doc! { "version": 1_i64 }),
    ] {
        let cookie = app.enter().await;
        assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::OK);
        app.alter(ADA, set).await;
        assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::SEE_OTHER, "{what}");
        app.alter(ADA, back).await;
        assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::SEE_OTHER, "{what}: it stays ended");
    }
    let cookie = app.enter().await;
    app.db.collection::<mongodb::bson::Document>("users").delete_one(doc! { "email": ADA }).await.unwrap();
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_id_opens_only_as_the_cookie() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let id = cookie.split_once('=').unwrap().1;
    let tries = [
        request(Method::GET, &format!("/live?chargedeck={id}")).header("x-session", id),
        request(Method::GET, "/live").header(header::AUTHORIZATION, format!("Bearer {id}")),
        request(Method::GET, "/live")
            .header(header::COOKIE, format!("id={id}; __Host-chargedeck={id}; xchargedeck={id}")),
    ];
    for request in tries {
        assert_eq!(app.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let ours = Some("http://127.0.0.1:3000");
    let evil = Some("https://evil.example");
    // Sec-Fetch-Site, Origin, with the cookie?, status
    let table = [
        (Some("same-origin"), ours, true, 200),
        (Some("none"), None, true, 200),
        (None, ours, true, 200),
        (Some("cross-site"), evil, true, 403),
        (Some("same-site"), Some("http://127.0.0.1:4000"), true, 403),
        (Some("cross-site"), None, true, 403),
        (None, evil, true, 403),
        (None, Some("null"), true, 403),
        (None, Some("http://127.0.0.1:3001"), true, 403),
        (None, None, true, 403),
        (None, None, false, 401),
        (Some("cross-site"), evil, false, 403),
    ];
    for (site, origin, with_cookie, status) in table {
        let mut request = request(Method::POST, "/forgotten");
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        if with_cookie {
            request = request.header(header::COOKIE, format!("theme=dark; {cookie}"));
        }
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{site:?} {origin:?} {with_cookie}");
    }
    // Not even a login may come from another site, because it would sign the victim in to the attacker's account.
    let login = request(Method::POST, "/login")
        .header("sec-fetch-site", "cross-site")
        .header(header::ORIGIN, "https://evil.example");
    let body = format!("email={ADA}&password={PASSWORD}").replace(' ', "+");
    let answer = app
        .send(login.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.into()).unwrap())
        .await;
    assert_eq!((answer.status, answer.set_cookie()), (StatusCode::FORBIDDEN, ""));
}

#[tokio::test]
async fn on_this_machine_no_other_name_is_answered() {
    let app = App::with_ada().await;
    let here = async |app: &App, host: Option<&str>| {
        let mut request = Request::builder().uri("/login");
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        app.send(request.body(Body::empty()).unwrap()).await.status
    };
    for ours in ["127.0.0.1:3000", "localhost", "[::1]:80", "deck.localhost:3000"] {
        assert_eq!(here(&app, Some(ours)).await, StatusCode::OK, "{ours}");
    }
    for foreign in [Some("evil.example"), Some("127.0.0.1.evil.example"), Some("10.0.0.1"), Some("a b"), Some(""), None]
    {
        assert_eq!(here(&app, foreign).await, StatusCode::MISDIRECTED_REQUEST, "{foreign:?}");
    }
    let behind_a_proxy = App::at(&AppSetup { origin: "https://deck.example.org", ..AppSetup::default().await }).await;
    assert_eq!(here(&behind_a_proxy, Some("chargedeck-3000.internal")).await, StatusCode::OK);
}

/// After a fault thousands of sockets ask for the same few accounts at once.
#[tokio::test]
async fn however_many_ask_for_accounts_at_once_they_are_read_at_once_and_never_too_early() {
    let app = App::new().await;
    let (ada, eve) = (app.add(ADA).await, app.add("eve@example.org").await);
    app.db.run_command(doc! { "profile": 2 }).await.unwrap();
    let asks = (0..500).map(|n| app.auth.lookup.by_id(if n % 2 == 0 { ada } else { eve }));
    let found = futures_util::future::try_join_all(asks).await.unwrap();
    app.db.run_command(doc! { "profile": 0 }).await.unwrap();
    assert!(found.iter().all(|user| user.as_ref().is_some_and(User::is_active_admin)));
    let profile = app.db.collection::<Document>("system.profile");
    let reads = profile.count_documents(doc! { "command.find": "users" }).await.unwrap();
    assert!((1..=3).contains(&reads), "{reads} reads of accounts");

    // A lookup that began before a change must not answer a request that came after it.
    for n in 0..50 {
        let disabled = n % 2 == 0;
        let earlier = app.auth.lookup.by_id(ada);
        let change = async {
            app.alter(ADA, doc! { "disabled": disabled }).await;
            app.auth.lookup.by_id(ada).await.unwrap().unwrap().is_active_admin()
        };
        let (_, active) = tokio::join!(earlier, change);
        assert_eq!(active, !disabled, "round {n}");
    }
}
