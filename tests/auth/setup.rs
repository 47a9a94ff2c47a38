//! The setup of the first admin.

use axum::http::StatusCode;
use chargedeck::server::{
    auth::setup::FirstAdmin,
    ops::admin_cli::{AdminCommand, run},
};
use futures_util::future::join_all;
use mongodb::bson::{DateTime, Document, doc};

use crate::app::{ADA, Answer, App, AppSetup, PASSWORD};

async fn link(app: &App) -> String {
    match app.auth.first_admin().await.unwrap() {
        FirstAdmin::ByLink { token, .. } => token.expose().to_owned(),
        FirstAdmin::Exists => panic!("there is an admin"),
        FirstAdmin::LoggedElsewhere { .. } => panic!("there is a link"),
    }
}

async fn set_up(app: &App, token: &str, email: &str) -> Answer {
    app.form("/setup", "", &[("token", token), ("email", email), ("password", PASSWORD), ("again", PASSWORD)]).await
}

#[tokio::test]
async fn no_account_exists_by_default_and_the_link_makes_the_first_once() {
    let app = App::new().await;
    app.auth.users.ensure_indexes().await.unwrap();
    for (email, password) in
        [("admin", "admin"), ("admin@example.org", "admin"), ("root@localhost", "password"), ("", "")]
    {
        assert_eq!(app.login(email, password).await.status, StatusCode::UNAUTHORIZED, "{email}");
    }
    let token = link(&app).await;
    let kept =
        format!("{:?}", app.db.collection::<Document>("doors").find_one(doc! { "_id": "setup_link" }).await.unwrap());
    assert!(kept.contains("hash") && !kept.contains(&token), "{kept}");
    let form = app.get(&format!("/setup?token={token}"), "").await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    for guess in ["", "x", &"0".repeat(64)] {
        assert_eq!(set_up(&app, guess, "eve@example.org").await.status, StatusCode::GONE);
        assert_eq!(app.get(&format!("/setup?token={guess}"), "").await.status, StatusCode::GONE);
    }
    let wrong = set_up(&app, &token, "no address").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("Not a valid e-mail address") && wrong.body.contains("no address"), "{}", wrong.body);
    let weak =
        [("token", token.as_str()), ("email", ADA), ("password", "passwordpassword"), ("again", "passwordpassword")];
    assert!(app.form("/setup", "", &weak).await.body.contains("one of the most commonly guessed"));

    let emails: Vec<String> = (0..8).map(|n| format!("admin{n}@example.org")).collect();
    let tries = join_all(emails.iter().map(|email| set_up(&app, &token, email))).await;
    let done = tries.iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count();
    let gone = tries.iter().filter(|answer| answer.status == StatusCode::GONE).count();
    assert_eq!((done, gone), (1, 7), "of those who use it at once one becomes the admin");
    let users = app.auth.users.list().await.unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(app.login(&users[0].email, PASSWORD).await.status, StatusCode::NO_CONTENT);
    for answer in [set_up(&app, &token, ADA).await, app.get(&format!("/setup?token={token}"), "").await] {
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(answer.body.contains("There is an admin already"), "{}", answer.body);
    }
    let actions: Vec<String> =
        app.entries().await.iter().map(|entry| entry.get_str("action").unwrap().into()).collect();
    assert_eq!(actions.iter().filter(|action| *action == "setup_link_used").count(), 1, "{actions:?}");
    assert!(matches!(app.auth.first_admin().await.unwrap(), FirstAdmin::Exists));
}

#[tokio::test]
async fn all_instances_have_one_link_and_an_old_one_is_replaced() {
    let setup = AppSetup::default().await;
    let apps = join_all((0..4).map(|_| App::at(&setup))).await;
    let outcomes = join_all(apps.iter().map(|app| app.auth.first_admin())).await;
    let links: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcomes| match outcomes.unwrap() {
            FirstAdmin::ByLink { token, .. } => Some(token.expose().to_owned()),
            FirstAdmin::LoggedElsewhere { .. } => None,
            FirstAdmin::Exists => panic!("there is no admin"),
        })
        .collect();
    assert_eq!(links.len(), 1, "the first who starts makes it");
    let app = &apps[0];
    let doors = app.db.collection::<Document>("doors");
    let link_until = doors.find_one(doc! { "_id": "setup_link" }).await.unwrap().unwrap();
    let hour = link_until.get_datetime("expires_at").unwrap().timestamp_millis() - DateTime::now().timestamp_millis();
    assert!((3_540_000..=3_600_000).contains(&hour), "{hour} ms");
    let past = DateTime::from_millis(DateTime::now().timestamp_millis() - 1);
    doors.update_one(doc! { "_id": "setup_link" }, doc! { "$set": { "expires_at": past } }).await.unwrap();
    assert_eq!(set_up(app, &links[0], ADA).await.status, StatusCode::GONE, "after an hour");
    let next = link(app).await;
    assert_ne!(next, links[0]);
    assert_eq!(set_up(app, &links[0], ADA).await.status, StatusCode::GONE);
    assert_eq!(set_up(app, &next, ADA).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_admin_from_the_command_line_voids_the_link() {
    let app = App::new().await;
    app.auth.users.ensure_indexes().await.unwrap();
    let token = link(&app).await;
    app.add(ADA).await;
    assert!(app.db.collection::<Document>("doors").find_one(doc! { "_id": "setup_link" }).await.unwrap().is_none());
    assert_eq!(set_up(&app, &token, "eve@example.org").await.status, StatusCode::GONE);
    // The link stays closed even when that admin is disabled, because an admin account exists.
    run(AdminCommand::Disable { email: ADA.into() }, "Test network", &app.db, &app.redis).await.unwrap();
    assert!(matches!(app.auth.first_admin().await.unwrap(), FirstAdmin::Exists));
    assert_eq!(set_up(&app, &token, "eve@example.org").await.status, StatusCode::GONE);
}
