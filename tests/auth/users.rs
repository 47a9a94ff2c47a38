//! Actions of admins on accounts.
//!
//! Long, because each action on an account is refused for reasons of its own.

use std::time::Duration;

use axum::http::StatusCode;
use chargedeck::server::auth::{
    email::Email,
    revocation::Ended,
    user::{User, UserId, UserState},
};
use futures_util::future::join_all;
use mongodb::bson::{DateTime, Document, doc};

use crate::{
    app::{ADA, Answer, App, AppSetup, PASSWORD, until},
    sessions::{admin, listeners},
};

const BOB: &str = "bob@example.org";
const HIS_PASSWORD: &str = "seven wet umbrellas sing";

async fn account(app: &App, email: &str) -> User {
    app.auth.users.by_email(&Email::parse(email).unwrap()).await.unwrap().expect("an account")
}

async fn act(app: &App, cookie: &str, user: UserId, fields: &[(&str, &str)]) -> Answer {
    app.form(&format!("/users/{user}"), cookie, fields).await
}

/// Returns the token in a page that shows a link.
fn token(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("/invitation?token=").unwrap_or_else(|| panic!("no link in {}", page.body));
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

async fn choose(app: &App, token: &str, password: &str) -> Answer {
    app.form("/invitation", "", &[("token", token), ("password", password), ("again", password)]).await
}

fn actions(entries: &[Document]) -> Vec<&str> {
    entries.iter().map(|entry| entry.get_str("action").unwrap()).collect()
}

#[tokio::test]
async fn an_invitation_is_used_once_by_whoever_has_the_link() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let page = app.form("/users/invite", &cookie, &[("email", "Bob@Example.org ")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let token = token(&page);
    assert_eq!(token.len(), 64);
    let bob = account(&app, BOB).await;
    assert_eq!((bob.state(), bob.is_active_admin()), (UserState::Invited, false));
    let kept = format!(
        "{:?}{:?}",
        app.entries().await,
        app.db.collection::<Document>("users").find_one(doc! { "email": BOB }).await
    );
    assert!(!kept.contains(&token), "the token is kept nowhere: {kept}");
    for password in ["", HIS_PASSWORD] {
        assert_eq!(app.login(BOB, password).await.status, StatusCode::UNAUTHORIZED);
    }

    let form = app.get(&format!("/invitation?token={token}"), "").await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.body.contains(BOB) && form.body.contains("new-password"), "{}", form.body);
    for (password, again, why) in
        [("short", "short", "at least 15"), (HIS_PASSWORD, "another one entirely", "do not match")]
    {
        let answer = app.form("/invitation", "", &[("token", &token), ("password", password), ("again", again)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains(why) && !answer.body.contains(HIS_PASSWORD), "{}", answer.body);
    }
    let tries = join_all((0..8).map(|_| choose(&app, &token, HIS_PASSWORD))).await;
    let done = tries.iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count();
    let gone = tries.iter().filter(|answer| answer.status == StatusCode::GONE).count();
    assert_eq!((done, gone), (1, 7), "of those who use it at once one is let in");
    for answer in [choose(&app, &token, HIS_PASSWORD).await, app.get(&format!("/invitation?token={token}"), "").await] {
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(answer.body.contains("This link no longer works"), "{}", answer.body);
    }
    assert_eq!(app.login(BOB, HIS_PASSWORD).await.status, StatusCode::NO_CONTENT);
    let entries = app.entries().await;
    assert_eq!(actions(&entries).iter().filter(|action| **action == "invitation_used").count(), 1);
    let invited = entries.iter().find(|entry| entry.get_str("action").unwrap() == "user_invited").unwrap();
    assert_eq!(invited.get_document("actor").unwrap().get_str("email").unwrap(), ADA);
    assert_eq!(invited.get_document("subject").unwrap().get_str("email").unwrap(), BOB);
    assert_eq!(invited.get_document("after").unwrap().get_str("role").unwrap(), "admin");
}

#[tokio::test]
async fn a_link_that_is_old_or_replaced_or_no_link_works_no_more() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let first = token(&app.form("/users/invite", &cookie, &[("email", BOB)]).await);
    let bob = account(&app, BOB).await;
    let in_three_days = DateTime::now().timestamp_millis() + 72 * 3_600_000;
    let expires = bob.link.as_ref().unwrap().expires_at.timestamp_millis();
    assert!((in_three_days - 60_000..=in_three_days).contains(&expires), "{expires}");

    let second = token(&act(&app, &cookie, bob.id, &[("act", "link")]).await);
    app.alter(BOB, doc! { "link.expires_at": DateTime::from_millis(DateTime::now().timestamp_millis() - 1) }).await;
    let hash = bob.link.unwrap().hash.to_string();
    for gone in [first.as_str(), &second, &hash, "", "x"] {
        assert_eq!(choose(&app, gone, HIS_PASSWORD).await.status, StatusCode::GONE, "{gone}");
        assert_eq!(app.get(&format!("/invitation?token={gone}"), "").await.status, StatusCode::GONE, "{gone}");
    }
    // Eight tries are counted, and two more were no links. The first, second, fourth and eighth are logged.
    let entries = app.entries().await;
    let tries = |entry: &Document| entry.get_document("after").unwrap().get_i32("tries").unwrap();
    let refused = entries.iter().filter(|entry| entry.get_str("reason").ok() == Some("link_gone"));
    assert_eq!(refused.map(tries).collect::<Vec<_>>(), [1, 2, 4, 8]);
    // After very many tries the log says how many there were from all addresses together.
    let connection = &mut app.redis.connection();
    redis::cmd("SET").arg(app.redis.key("links_refused")).arg(1022).exec_async(connection).await.unwrap();
    for _ in 0..3 {
        assert_eq!(choose(&app, "x", HIS_PASSWORD).await.status, StatusCode::GONE);
    }
    let later = app.entries().await.split_off(entries.len());
    let logged: Vec<_> = later.iter().map(|entry| entry.get_document("after").unwrap().clone()).collect();
    assert_eq!(logged, [doc! { "tries_in_all": 1024 }]);
    let third = token(&act(&app, &cookie, bob.id, &[("act", "link")]).await);
    act(&app, &cookie, bob.id, &[("act", "disable")]).await;
    act(&app, &cookie, bob.id, &[("act", "enable")]).await;
    assert_eq!(choose(&app, &third, HIS_PASSWORD).await.status, StatusCode::GONE, "disabling takes the link back");
    assert_eq!(account(&app, BOB).await.state(), UserState::Invited);
    let taken = app.form("/users/invite", &cookie, &[("email", BOB)]).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.body.contains("already has an account") && taken.body.contains(BOB), "{}", taken.body);
    let before = app.entries().await;
    assert_eq!(before.last().unwrap().get_str("reason").ok(), Some("taken"));
    let alike = app.form("/users/invite", &cookie, &[("email", "b\u{43e}b@example.org")]).await;
    assert_eq!(alike.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(alike.body.contains("could be mistaken for another"), "{}", alike.body);
    let secret = app.form("/users/invite", &cookie, &[("email", HIS_PASSWORD)]).await;
    assert_eq!(secret.status, StatusCode::UNPROCESSABLE_ENTITY);
    let noted = app.entries().await.split_off(before.len());
    assert_eq!(actions(&noted), ["user_invited"; 2]);
    assert!(noted.iter().all(|entry| entry.get_str("reason").unwrap() == "bad_address"), "{noted:?}");
    let text = format!("{noted:?}");
    assert!(!text.contains("subject") && !text.contains('\u{43e}') && !text.contains(HIS_PASSWORD), "{text}");
}

#[tokio::test]
async fn a_reset_link_changes_nothing_until_it_is_used_and_then_ends_all_sessions() {
    let app = App::with_ada().await;
    app.add(BOB).await;
    let (cookie, his) = (app.enter().await, app.login(BOB, PASSWORD).await.cookie());
    let bob = account(&app, BOB).await;
    let page = act(&app, &cookie, bob.id, &[("act", "link")]).await;
    assert_eq!(app.get("/live", &his).await.status, StatusCode::OK);
    let form = app.get(&format!("/invitation?token={}", token(&page)), "").await;
    assert_eq!(form.status, StatusCode::OK);
    assert_eq!(choose(&app, &token(&page), HIS_PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_eq!(app.get("/live", &his).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.login(BOB, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.login(BOB, HIS_PASSWORD).await.status, StatusCode::NO_CONTENT);
    let entries = app.entries().await;
    assert!(actions(&entries).contains(&"password_reset_link") && actions(&entries).contains(&"password_reset"));
}

#[tokio::test]
async fn whoever_loses_the_rights_is_out_everywhere_within_a_second() {
    let setup = AppSetup::default().await;
    let (app, other) = (App::at(&setup).await, App::at(&setup).await);
    app.add(ADA).await;
    let bob = app.add(BOB).await;
    until(Duration::from_secs(10), "both instances listen", || listeners(&app, 2)).await;
    let cookie = app.enter().await;
    for (fields, back) in [
        (vec![("act", "disable")], vec![("act", "enable")]),
        (vec![("act", "role"), ("role", "none")], vec![("act", "role"), ("role", "admin")]),
        (vec![("act", "end_sessions")], vec![]),
    ] {
        let his = app.login(BOB, PASSWORD).await.cookie();
        let watched = admin(&other, &his).await;
        let watch = other.auth.revocations.watch(watched.session.clone(), bob);
        let answer = act(&app, &cookie, bob, &fields).await;
        assert!(answer.header("location").starts_with(&format!("/users/{bob}?done=")), "{}", answer.body);
        let ended = tokio::time::timeout(Duration::from_secs(1), watch.revoked()).await.expect("told within a second");
        assert_eq!(ended, Ended::Revoked);
        assert!(!other.auth.still_valid(&watched).await.unwrap());
        assert_eq!(other.get("/live", &his).await.status, StatusCode::UNAUTHORIZED, "{fields:?}");
        assert_eq!(app.session_keys().await.len(), 1);
        if !back.is_empty() {
            assert_eq!(app.login(BOB, PASSWORD).await.status, StatusCode::UNAUTHORIZED, "{fields:?}");
            act(&app, &cookie, bob, &back).await;
        }
        assert_eq!(app.get("/live", &his).await.status, StatusCode::UNAUTHORIZED, "it stays ended");
        assert_eq!(app.login(BOB, PASSWORD).await.status, StatusCode::NO_CONTENT);
        app.auth.end_sessions_of(bob).await.unwrap();
    }
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::OK);
    let entries = app.entries().await;
    let role = entries.iter().find(|entry| entry.get_str("action").unwrap() == "role_changed").unwrap();
    assert_eq!(role.get_document("before").unwrap().get_str("role").unwrap(), "admin");
    assert_eq!(role.get_document("after").unwrap().get_str("role").unwrap(), "none");
}

#[tokio::test]
async fn no_other_role_and_no_other_field_is_taken() {
    let app = App::with_ada().await;
    let bob = app.add(BOB).await;
    let cookie = app.enter().await;
    for fields in [
        vec![("act", "role"), ("role", "superuser")],
        vec![("act", "role")],
        vec![("act", "delete")],
        vec![("act", "disable"), ("version", "1")],
        vec![],
    ] {
        assert_eq!(act(&app, &cookie, bob, &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    for id in ["0123456789abcdef01234567", "x", "%2e%2e"] {
        let answer = app.form(&format!("/users/{id}"), &cookie, &[("act", "disable")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        assert_eq!(app.get(&format!("/users/{id}"), &cookie).await.status, StatusCode::NOT_FOUND, "{id}");
    }
    assert!(account(&app, BOB).await.is_active_admin());
}

#[tokio::test]
async fn the_last_admin_who_can_sign_in_stays() {
    let app = App::with_ada().await;
    let ada = account(&app, ADA).await.id;
    let cookie = app.enter().await;
    // An unused invitation, a disabled account or another role lets nobody in.
    app.form("/users/invite", &cookie, &[("email", BOB)]).await;
    app.add("closed@example.org").await;
    app.alter("closed@example.org", doc! { "disabled": true }).await;
    app.add("viewer@example.org").await;
    app.alter("viewer@example.org", doc! { "role": "viewer" }).await;
    let before = app.entries().await.len();
    for fields in [vec![("act", "disable")], vec![("act", "role"), ("role", "none")]] {
        let answer = act(&app, &cookie, ada, &fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.body.contains("last admin") && answer.body.contains("role=\"alert\""), "{}", answer.body);
    }
    assert!(account(&app, ADA).await.is_active_admin());
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::OK);
    let refused = app.entries().await.split_off(before);
    let logged: Vec<_> =
        refused.iter().map(|entry| ["action", "result", "reason"].map(|of| entry.get_str(of).unwrap())).collect();
    let last = "last_admin";
    assert_eq!(
        logged,
        [["user_disabled", "refused", last], ["role_changed", "refused", last]],
        "told as what was not done"
    );
    let subject = refused[0].get_document("subject").unwrap();
    assert_eq!(subject.get_str("email").unwrap(), ADA);
}

/// Each admin disables the other. Without a common document both would still find the other active.
#[tokio::test]
async fn two_admins_who_close_each_other_at_once_do_not_both_succeed() {
    let app = App::with_ada().await;
    let (ada, bob) = (account(&app, ADA).await.id, app.add(BOB).await);
    for round in 0..50 {
        for email in [ADA, BOB] {
            app.alter(email, doc! { "disabled": false, "role": "admin" }).await;
        }
        let (hers, his) = (app.enter().await, app.login(BOB, PASSWORD).await.cookie());
        let fields: &[(&str, &str)] =
            if round % 2 == 0 { &[("act", "disable")] } else { &[("act", "role"), ("role", "none")] };
        let (first, second) = tokio::join!(act(&app, &hers, bob, fields), act(&app, &his, ada, fields));
        let active = app.auth.users.list().await.unwrap().iter().filter(|user| user.is_active_admin()).count();
        assert!(active >= 1, "round {round}: {} {}", first.status, second.status);
        for answer in [first, second] {
            // The second one was refused as the last admin, or signed out before its request was handled.
            let heard = [StatusCode::SEE_OTHER, StatusCode::CONFLICT, StatusCode::UNAUTHORIZED];
            assert!(heard.contains(&answer.status), "round {round}: {} {}", answer.status, answer.body);
        }
    }
}

#[tokio::test]
async fn an_account_does_not_change_without_its_entry() {
    let app = App::with_ada().await;
    let bob = app.add(BOB).await;
    let cookie = app.enter().await;
    app.close_the_log().await;
    for fields in [vec![("act", "disable")], vec![("act", "role"), ("role", "none")], vec![("act", "link")]] {
        assert_eq!(act(&app, &cookie, bob, &fields).await.status, StatusCode::SERVICE_UNAVAILABLE, "{fields:?}");
    }
    let invited = app.form("/users/invite", &cookie, &[("email", "eve@example.org")]).await;
    assert_eq!(invited.status, StatusCode::SERVICE_UNAVAILABLE);
    let bob = account(&app, BOB).await;
    assert!(bob.is_active_admin() && bob.version == 1 && bob.link.is_none());
    assert_eq!(app.auth.users.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_list_says_who_there_is() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let page = app.get("/users", &cookie).await;
    assert!(page.body.contains("You are the only admin") && page.body.contains("1 user"), "{}", page.body);
    app.add(BOB).await;
    app.form("/users/invite", &cookie, &[("email", "eve+<b>@example.org")]).await;
    let page = app.get("/users", &cookie).await;
    for part in [ADA, BOB, "eve+&lt;b&gt;@example.org", "Invited", "Active", "never", "3 users"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("You are the only admin") && !page.body.contains("$argon2"));
    let bob = account(&app, BOB).await.id;
    let page = app.get(&format!("/users/{bob}?done=disabled"), &cookie).await;
    assert!(page.body.contains("Disable account") && page.body.contains("The account was disabled"), "{}", page.body);
    assert!(!app.get(&format!("/users/{bob}?done=%3Cb%3E"), &cookie).await.body.contains("<b>"));
}
