//! An admin's own sessions and password.

use std::time::Duration;

use axum::http::{StatusCode, header};
use chargedeck::server::auth::{own_account::PasswordChange, revocation::Ended, session::OwnPassword};

use crate::{
    app::{ADA, App, AppSetup, PASSWORD, from, login_request, request, until},
    sessions::{admin, listeners},
};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0";
const OTHER_PASSWORD: &str = "seven wet umbrellas sing";

/// Logs in with a browser's name and address. Returns the cookie.
async fn enter_with(app: &App, user_agent: &str, address: &str) -> String {
    let mut request = login_request(ADA, PASSWORD);
    request.headers_mut().insert(header::USER_AGENT, user_agent.parse().unwrap());
    app.send(from(address, request)).await.cookie()
}

#[tokio::test]
async fn a_session_knows_its_device_and_address() {
    let app = App::with_ada().await;
    let cookie = enter_with(&app, FIREFOX, "203.0.113.7").await;
    enter_with(&app, &"<b>".repeat(200), "198.51.100.1").await;
    let page = app.get("/account", &cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for part in ["Firefox on Linux", "203.0.113.7", "198.51.100.1", "this one", ADA] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("<b>"), "{}", page.body);
    let id = cookie.split_once('=').unwrap().1;
    assert!(!page.body.contains(id), "no session's id is on a page");
    let user = app.auth.users.by_id(admin(&app, &cookie).await.user).await.unwrap().unwrap();
    let agents = app.auth.sessions_of(&user).await.unwrap().into_iter().map(|open| open.user_agent.unwrap().len());
    assert_eq!(agents.max(), Some(256));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(page.body.contains("/assets/away.js"), "it stays readable while the server is away");
    let login = app.get("/login", "").await;
    assert!(!login.header("content-security-policy").contains("connect-src") && !login.body.contains("away.js"));
}

#[tokio::test]
async fn ending_a_session_ends_its_sockets_on_every_instance_and_no_other() {
    let setup = AppSetup::default().await;
    let (app, other) = (App::at(&setup).await, App::at(&setup).await);
    let ada = app.add(ADA).await;
    app.add("bob@example.org").await;
    until(Duration::from_secs(10), "both instances listen", || listeners(&app, 2)).await;
    let (here, there, third) = (app.enter().await, app.enter().await, app.enter().await);
    let bob = app.login("bob@example.org", PASSWORD).await.cookie();
    let named = |cookie: String| {
        let other = &other;
        async move { admin(other, &cookie).await.session }
    };
    let watch = other.auth.revocations.watch(named(there.clone()).await, ada);
    let quiet = other.auth.revocations.watch(named(here.clone()).await, ada);

    // No one can end someone else's session, one that never existed, or delete another key of ours.
    for foreign in [named(bob.clone()).await.to_string(), "0".repeat(64), "*".into(), "../sessions_of".into()] {
        let answer = app.form("/account", &here, &[("end", &foreign)]).await;
        assert_eq!(answer.header("location"), "/account?done=session_gone", "{foreign}");
    }
    assert_eq!(app.session_keys().await.len(), 4);

    let answer = app.form("/account", &here, &[("end", &named(there.clone()).await.to_string())]).await;
    assert_eq!(answer.header("location"), "/account?done=session_ended");
    let ended = tokio::time::timeout(Duration::from_secs(1), watch.revoked()).await.expect("told within a second");
    assert_eq!(ended, Ended::Revoked);
    assert_eq!(app.get("/live", &there).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get("/live", &third).await.status, StatusCode::OK);

    let answer = app.form("/account", &here, &[("end", "others")]).await;
    assert_eq!(answer.header("location"), "/account?done=sessions_ended");
    assert_eq!(app.get("/live", &third).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get("/live", &here).await.status, StatusCode::OK);
    assert_eq!(app.get("/live", &bob).await.status, StatusCode::OK);
    assert!(!quiet.token().is_cancelled());
    let actions: Vec<String> =
        app.entries().await.iter().map(|entry| entry.get_str("action").unwrap().into()).collect();
    let ended: Vec<&str> = actions.iter().map(String::as_str).filter(|action| action.contains("ended")).collect();
    assert_eq!(ended, ["session_ended", "sessions_ended"]);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_all_other_sessions() {
    let setup = AppSetup::default().await;
    let (app, other) = (App::at(&setup).await, App::at(&setup).await);
    let ada = app.add(ADA).await;
    until(Duration::from_secs(10), "both instances listen", || listeners(&app, 2)).await;
    let (here, there) = (app.enter().await, app.enter().await);
    let change = |current: &'static str, new: &'static str, again: &'static str| {
        let (app, here) = (&app, &here);
        async move {
            app.form("/account/password", here, &[("current", current), ("password", new), ("again", again)]).await
        }
    };
    for (current, new, again, why) in [
        ("wrong password, wrong", OTHER_PASSWORD, OTHER_PASSWORD, "Wrong password"),
        ("", OTHER_PASSWORD, OTHER_PASSWORD, "Wrong password"),
        (PASSWORD, OTHER_PASSWORD, "seven wet umbrellas sang", "do not match"),
        (PASSWORD, "short", "short", "at least 15 characters"),
        (PASSWORD, "passwordpassword", "passwordpassword", "most commonly guessed"),
        (PASSWORD, "Ada@Example.Org", "Ada@Example.Org", "easily guessed names"),
    ] {
        let answer = change(current, new, again).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(answer.body.contains(why), "{why} in {}", answer.body);
        assert!(answer.body.contains("-error\""), "the error stands beside its field");
        for secret in [current, new] {
            assert!(secret.is_empty() || !answer.body.contains(&format!("value=\"{secret}\"")), "{}", answer.body);
        }
    }
    assert_eq!(app.get("/live", &there).await.status, StatusCode::OK);

    let own = admin(&other, &here).await;
    let mine = other.auth.revocations.watch(own.session.clone(), ada);
    let theirs = other.auth.revocations.watch(admin(&other, &there).await.session, ada);
    let answer = change(PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(answer.header("location"), "/account?done=password_changed", "{}", answer.body);
    let ended = tokio::time::timeout(Duration::from_secs(1), theirs.revoked()).await.expect("told within a second");
    assert_eq!(ended, Ended::Revoked);
    for cookie in [&here, &there] {
        assert_eq!(other.get("/live", cookie).await.status, StatusCode::UNAUTHORIZED);
    }
    let new = answer.cookie();
    let page = other.get("/account?done=password_changed", &new).await;
    assert!(page.body.contains("Your password was changed"), "{}", page.body);
    let ended = tokio::time::timeout(Duration::from_secs(1), mine.revoked()).await.expect("told within a second");
    assert_eq!(ended, Ended::Renewed);
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.login(ADA, OTHER_PASSWORD).await.status, StatusCode::NO_CONTENT);
    let entries = app.entries().await;
    assert_eq!(entries.iter().filter(|entry| entry.get_str("action").unwrap() == "password_changed").count(), 1);
    assert!(!format!("{entries:?}").contains("$argon2"), "no hash in the log");
}

#[tokio::test]
async fn whoever_was_put_out_meanwhile_changes_no_password() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let (session, admin) = (crate::sessions::session(&app, &cookie), admin(&app, &cookie).await);
    // The guard has let the request in. Then the account's sessions are ended.
    app.alter(ADA, mongodb::bson::doc! { "version": 9_i64 }).await;
    let place = chargedeck::server::auth::place::ClientInfo::default();
    let changed = app.auth.change_password(&session, &admin, PASSWORD.into(), OTHER_PASSWORD.into(), &place).await;
    assert_eq!(changed.unwrap(), PasswordChange::NotProven(OwnPassword::SignedOut));
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn without_a_session_there_is_no_account() {
    let app = App::with_ada().await;
    for path in ["/account", "/users", "/users/invite", "/confirm"] {
        assert!(app.get(path, "").await.header("location").starts_with("/login"), "{path}");
        let post = request(axum::http::Method::POST, path).header(header::ORIGIN, "http://127.0.0.1:3000");
        assert_eq!(app.send(post.body("x=1".into()).unwrap()).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
