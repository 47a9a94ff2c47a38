//! Each authentication event and each write is one entry, and what cannot be logged is not done.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::server::{
    auth::{
        audit_log::{self, Initiator},
        email::Email,
    },
    ops::admin_cli::{AdminCommand, run},
};
use futures_util::TryStreamExt;
use mongodb::{
    IndexModel,
    bson::{Document, doc},
};

use crate::app::{ADA, App, PASSWORD, from, login_request, request};

const A: &str = "203.0.113.7";
const WRONG: &str = "wrong password, wrong";

/// Returns action, result, reason, who acted, and on whom.
fn summary(entry: &Document) -> [&str; 5] {
    let actor = entry.get_document("actor").unwrap();
    let who = actor.get_str("email").or_else(|_| actor.get_str("kind")).unwrap();
    let subject = entry.get_document("subject").ok().and_then(|subject| subject.get_str("email").ok()).unwrap_or("-");
    let field = |name| entry.get_str(name).unwrap_or("-");
    [field("action"), field("result"), field("reason"), who, subject]
}

#[tokio::test]
async fn every_way_in_and_out_is_one_entry_that_tells_what_the_answer_does_not() {
    let app = App::with_ada().await;
    for (email, set) in
        [("closed@example.org", doc! { "disabled": true }), ("viewer@example.org", doc! { "role": "viewer" })]
    {
        app.add(email).await;
        app.alter(email, set).await;
    }
    let made = app.entries().await.len();
    for (email, password) in [
        (ADA, WRONG),
        ("nobody@example.org", PASSWORD),
        // Someone typed a password into the wrong field.
        ("correct horse", PASSWORD),
        ("closed@example.org", PASSWORD),
        ("viewer@example.org", PASSWORD),
        ("viewer@example.org", WRONG),
        (ADA, &"x".repeat(2000)),
    ] {
        assert_eq!(app.login_from(A, email, password).await.status, StatusCode::UNAUTHORIZED);
    }
    let mut login = from(A, login_request(ADA, PASSWORD));
    login.headers_mut().insert(header::USER_AGENT, format!("Deck/1 {}", "x".repeat(300)).parse().unwrap());
    let entered = app.send(login).await;
    assert_eq!(entered.status, StatusCode::NO_CONTENT);
    app.form("/logout", &entered.cookie(), &[]).await;
    // A sign-out without a session gets no entry.
    app.form("/logout", &entered.cookie(), &[]).await;
    app.form("/logout", "", &[]).await;

    let entries = app.entries().await.split_off(made);
    assert_eq!(
        entries.iter().map(summary).collect::<Vec<_>>(),
        [
            ["login_refused", "refused", "wrong_password", "nobody", ADA],
            ["login_refused", "refused", "unknown_account", "nobody", "nobody@example.org"],
            ["login_refused", "refused", "unknown_account", "nobody", "-"],
            ["login_refused", "refused", "disabled", "nobody", "closed@example.org"],
            ["login_refused", "refused", "not_admin", "nobody", "viewer@example.org"],
            ["login_refused", "refused", "wrong_password", "nobody", "viewer@example.org"],
            ["login_refused", "refused", "wrong_password", "nobody", ADA],
            ["login", "ok", "-", ADA, ADA],
            ["logout", "ok", "-", ADA, ADA],
        ]
    );
    let login = &entries[7];
    assert_eq!(login.get_str("address").ok(), Some(A));
    let agent = login.get_str("user_agent").unwrap();
    assert!(agent.starts_with("Deck/1 x") && agent.len() == 256, "{agent}");
    assert_eq!(login.get_str("request_id").ok(), Some(entered.header("x-request-id")));
    let ada = app.auth.users.by_email(&Email::parse(ADA).unwrap()).await.unwrap().unwrap();
    assert_eq!(login.get_document("subject").unwrap().get_object_id("id").unwrap().to_hex(), ada.id.to_string());
    let age = mongodb::bson::DateTime::now().timestamp_millis() - login.get_datetime("at").unwrap().timestamp_millis();
    assert!((0..60_000).contains(&age), "{age}");

    let all = format!("{entries:?}");
    let session = entered.cookie().split_once('=').unwrap().1.to_owned();
    for secret in [PASSWORD, WRONG, "correct horse", "$argon2", ada.password_hash.as_deref().unwrap(), &session] {
        assert!(!all.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_flood_that_is_turned_away_is_few_entries() {
    let app = App::with_ada().await;
    for _ in 0..30 {
        app.login_from(A, ADA, WRONG).await;
    }
    let entries = app.entries().await;
    let throttled: Vec<_> =
        entries.iter().filter(|entry| entry.get_str("action").ok() == Some("login_throttled")).collect();
    let tries: Vec<_> =
        throttled.iter().map(|entry| entry.get_document("after").unwrap().get_i32("tries").unwrap()).collect();
    assert_eq!(tries, [1, 2, 4, 8, 16]);
    assert_eq!(summary(throttled[0]), ["login_throttled", "refused", "throttled", "nobody", ADA]);
}

#[tokio::test]
async fn what_the_command_line_does_is_one_entry_each_with_before_and_after() {
    let app = App::with_ada().await;
    run(AdminCommand::Disable { email: ADA.into() }, "Our network", &app.db, &app.redis).await.unwrap();
    run(AdminCommand::Disable { email: "nobody@example.org".into() }, "Our network", &app.db, &app.redis)
        .await
        .unwrap_err();
    let hash = app.auth.passwords.hash("another long password".into()).await.unwrap();
    app.auth
        .users
        .reset(&Email::parse(ADA).unwrap(), hash, &Initiator::command_line())
        .await
        .unwrap()
        .expect("an account");
    let entries = app.entries().await;
    assert_eq!(
        entries.iter().map(summary).collect::<Vec<_>>(),
        [
            ["admin_created", "ok", "-", "command_line", ADA],
            ["user_disabled", "ok", "-", "command_line", ADA],
            ["password_reset", "ok", "-", "command_line", ADA],
        ]
    );
    let state = |disabled| doc! { "email": ADA, "role": "admin", "disabled": disabled };
    let changes: Vec<_> =
        entries.iter().map(|e| (e.get_document("before").ok(), e.get_document("after").ok())).collect();
    let (open, closed) = (state(false), state(true));
    assert_eq!(changes, [(None, Some(&open)), (Some(&open), Some(&closed)), (Some(&closed), Some(&open))]);
    assert!(!format!("{entries:?}").contains("argon2"));
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done_save_for_signing_out() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    app.close_the_log().await;
    let before = app.entries().await.len();
    for password in [PASSWORD, WRONG] {
        let answer = app.login(ADA, password).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
        assert!(!answer.set_cookie().contains("chargedeck=") || answer.set_cookie().starts_with("chargedeck=;"));
    }
    assert_eq!(app.session_keys().await.len(), 1, "the one from before");
    let (ada, by) = (Email::parse(ADA).unwrap(), Initiator::command_line());
    app.auth.users.disable(&ada, &by).await.unwrap_err();
    app.auth.users.reset(&ada, "x".into(), &by).await.unwrap_err();
    app.auth.users.create_admin(&Email::parse("bob@example.org").unwrap(), "x".into(), &by).await.unwrap_err();
    let accounts = app.auth.users.list().await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert!(
        accounts[0].is_active_admin() && accounts[0].version == 1 && accounts[0].password_hash.as_deref() != Some("x")
    );
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::OK);
    assert_eq!(app.form("/logout", &cookie, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED);
    assert!(app.session_keys().await.is_empty());
    assert_eq!(app.entries().await.len(), before);
}

#[tokio::test]
async fn line_ends_in_what_is_sent_stay_in_their_entry() {
    let app = App::with_ada().await;
    let odd = from(A, login_request("a\r\nb@example.org", WRONG));
    assert_eq!(app.send(odd).await.status, StatusCode::UNAUTHORIZED);
    let last = app.entries().await.pop().unwrap();
    assert_eq!(summary(&last), ["login_refused", "refused", "unknown_account", "nobody", "-"]);
}

#[tokio::test]
async fn entries_are_kept_as_long_as_set_also_when_that_changes() {
    let app = App::new().await;
    for days in [400, 30] {
        app.auth.audit.prepare(Duration::from_secs(days * 24 * 3600)).await.unwrap();
        let log = app.db.collection::<Document>(audit_log::COLLECTION);
        let indexes: Vec<IndexModel> = log.list_indexes().await.unwrap().try_collect().await.unwrap();
        let kept: Vec<_> = indexes.iter().filter_map(|index| index.options.as_ref()?.expire_after).collect();
        assert_eq!(kept, [Duration::from_secs(days * 24 * 3600)]);
    }
}

#[tokio::test]
async fn nobody_writes_an_entry_by_asking() {
    let app = App::with_ada().await;
    let before = app.entries().await.len();
    for path in ["/", "/stations", "/login", "/healthz", "/api/v1/session"] {
        app.send(from(A, request(Method::GET, path).body(Body::empty()).unwrap())).await;
    }
    assert_eq!(app.entries().await.len(), before);
}
