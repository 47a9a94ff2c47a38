//! Confirming the password: who must, for what, and what becomes of the session.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::server::auth::{
    revocation::Ended,
    session::{Activity, SessionLimits},
};

use crate::{
    app::{ADA, Answer, App, AppSetup, PASSWORD, TREASURE, request},
    sessions::{admin, listeners},
};

/// An app where a given password counts as too old at once.
async fn forgetful() -> App {
    let limits = SessionLimits { confirmed: Duration::ZERO, ..SessionLimits::default() };
    let app = App::at(&AppSetup { limits, ..AppSetup::default().await }).await;
    app.add(ADA).await;
    app
}

async fn sensitive(app: &App, cookie: &str) -> Answer {
    let request = request(Method::POST, "/api/v1/sensitive").header(header::COOKIE, cookie);
    app.send(request.header(header::ORIGIN, "http://127.0.0.1:3000").body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn what_is_sensitive_asks_for_the_password_again() {
    let app = forgetful().await;
    let cookie = app.enter().await;
    let answer = sensitive(&app, &cookie).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "reauth_required"));
    for page in ["/users/invite", "/users/0123456789abcdef01234567?x=1"] {
        let answer = app.get(page, &cookie).await;
        let next: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, &*format!("/confirm?next={next}"))
        );
    }
    for (path, fields) in [
        ("/users/invite", vec![("email", "eve@example.org")]),
        ("/users/0123456789abcdef01234567", vec![("act", "disable")]),
        ("/account", vec![("end", "others")]),
    ] {
        let answer = app.form(path, &cookie, &fields).await;
        assert!(answer.header("location").starts_with("/confirm?next="), "{path}: {} {}", answer.status, answer.body);
        assert!(
            answer.header("location").ends_with("%3Fdone%3Dconfirmed"),
            "{path}: it is not told that nothing was done"
        );
    }
    assert_eq!(app.auth.users.list().await.unwrap().len(), 1);
    assert_eq!(sensitive(&app, "").await.status, StatusCode::UNAUTHORIZED);

    // With the default limits a login suffices for a while.
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    assert_eq!(sensitive(&app, &cookie).await.body, TREASURE);
    assert_eq!(app.get("/users/invite", &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn confirming_gives_a_new_id_and_the_sockets_of_the_old_one_may_come_back() {
    let setup = AppSetup::default().await;
    let (app, other) = (App::at(&setup).await, App::at(&setup).await);
    app.add(ADA).await;
    crate::app::until(Duration::from_secs(10), "both instances listen", || listeners(&app, 2)).await;
    let (old, bystander) = (app.enter().await, app.enter().await);
    let before = admin(&other, &old).await;
    let watch = other.auth.revocations.watch(before.session.clone(), before.user);
    let quiet = other.auth.revocations.watch(admin(&other, &bystander).await.session, before.user);

    let answer = app.form("/confirm", &old, &[("password", PASSWORD), ("next", "/users/invite")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/users/invite"));
    let new = answer.cookie();
    assert_ne!(new, old);
    assert_eq!(app.get("/live", &old).await.status, StatusCode::UNAUTHORIZED);
    assert!(!other.auth.still_valid(&before).await.unwrap());
    // The old sockets stay open for now, because one that reconnected would not have the new cookie yet.
    assert!(!watch.token().is_cancelled());

    assert_eq!(app.get("/users/invite", &new).await.status, StatusCode::OK);
    let ended = tokio::time::timeout(Duration::from_secs(1), watch.revoked()).await.expect("told within a second");
    assert_eq!(ended, Ended::Renewed);
    assert!(!quiet.token().is_cancelled());
    assert_eq!(app.get("/live", &bystander).await.status, StatusCode::OK);
    assert_eq!(app.session_keys().await.len(), 2);
    let created = |cookie: String| {
        let app = &app;
        async move {
            let user = app.auth.users.by_id(before.user).await.unwrap().unwrap();
            let name = admin(app, &cookie).await.session;
            app.auth.sessions_of(&user).await.unwrap().into_iter().find(|open| open.name == name).unwrap().created_at
        }
    };
    assert!(created(new.clone()).await < created(bystander).await, "it is the same login, as old as it was");
    let entry = app.entries().await.pop().unwrap();
    assert_eq!(entry.get_str("action").unwrap(), "password_confirmed");
}

#[tokio::test]
async fn a_wrong_password_confirms_nothing_and_too_many_are_not_heard() {
    let app = forgetful().await;
    let cookie = app.enter().await;
    for n in 0..10 {
        let answer = app.form("/confirm", &cookie, &[("password", "wrong password, wrong"), ("next", "/users")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
        assert!(answer.body.contains("Wrong password") && answer.body.contains("value=\"/users\""));
        assert!(answer.body.contains("aria-invalid=\"true\""), "{}", answer.body);
        assert_eq!(answer.set_cookie(), "");
    }
    let before = app.auth.passwords.runs();
    let answer = app.form("/confirm", &cookie, &[("password", PASSWORD), ("next", "/users")]).await;
    assert!(answer.body.contains("Too many wrong passwords"), "{}", answer.body);
    assert_eq!(app.auth.passwords.runs(), before, "no hash runs");
    let entries = app.entries().await;
    let refused = entries.iter().filter(|entry| entry.get_str("action").unwrap() == "password_refused").count();
    assert_eq!(refused, 11, "{entries:#?}");
}

#[tokio::test]
async fn a_session_that_is_ended_meanwhile_is_not_brought_back() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let session = crate::sessions::session(&app, &cookie);
    // The guard has let the request in and knows its session. Then someone ends it.
    let admin = app.auth.admit(&session, Activity::Program).await.unwrap().expect("a login");
    app.auth.end_sessions_of(admin.user).await.unwrap();
    let place = chargedeck::server::auth::place::ClientInfo::default();
    let answer = app.auth.confirm(&session, &admin, PASSWORD.into(), &place).await.unwrap();
    assert_eq!(answer, chargedeck::server::auth::session::OwnPassword::SignedOut);
    assert!(session.is_empty().await, "a cookie of what has ended is not sent again");
    assert!(app.session_keys().await.is_empty());
}

#[tokio::test]
async fn confirming_leads_only_to_pages_of_this_site() {
    let app = App::with_ada().await;
    let mut cookie = app.enter().await;
    for (next, place) in
        [("/users?x=1", "/users?x=1"), ("//evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/")]
    {
        let answer = app.form("/confirm", &cookie, &[("password", PASSWORD), ("next", next)]).await;
        assert_eq!(answer.header("location"), place, "{next}");
        cookie = answer.cookie();
    }
}
