//! What `admin` commands do to people who are signed in.

use axum::http::StatusCode;
use chargedeck::server::{
    auth::{audit_log::Initiator, email::Email},
    ops::admin_cli::{AdminCommand, run},
};

use crate::app::{ADA, App, PASSWORD};

#[tokio::test]
async fn disabling_an_account_ends_its_sessions_and_keeps_it_out() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    run(AdminCommand::Disable { email: "Ada@example.org".into() }, "Our network", &app.db, &app.redis).await.unwrap();
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED);
    assert!(app.session_keys().await.is_empty());
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_and_opens_the_account() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let email = Email::parse(ADA).unwrap();
    app.auth.users.disable(&email, &Initiator::command_line()).await.unwrap().expect("an account");
    let hash = app.auth.passwords.hash("another long password".into()).await.unwrap();
    app.auth.users.reset(&email, hash, &Initiator::command_line()).await.unwrap().expect("an account");
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.login(ADA, "another long password").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_address_has_one_account() {
    let app = App::with_ada().await;
    let create = AdminCommand::Create { email: "ADA@example.org".into() };
    let why = run(create, "Our network", &app.db, &app.redis).await.unwrap_err().to_string();
    assert!(why.contains("already has an account"), "{why}");
    let email = Email::parse(ADA).unwrap();
    assert!(
        app.auth.users.create_admin(&email, "x".into(), &Initiator::command_line()).await.unwrap().is_none(),
        "whatever was checked before"
    );
    for command in [
        AdminCommand::Disable { email: "nobody@example.org".into() },
        AdminCommand::Reset { email: "nobody@example.org".into() },
    ] {
        let why = run(command, "Our network", &app.db, &app.redis).await.unwrap_err().to_string();
        assert!(why.contains("no account nobody@example.org"), "{why}");
    }
}
