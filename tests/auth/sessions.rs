//! The life of a session: it gets a new id at login, never comes back after its end, and the server enforces both
//! time limits.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::server::auth::{
    revocation::Revoked,
    session::{Activity, SessionLimits},
};
use tower_sessions::{
    Session, SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
};

use crate::app::{ADA, App, AppSetup, PASSWORD, login_request, request, until};

#[tokio::test]
async fn a_login_gives_a_new_id_and_the_old_one_is_dead() {
    let app = App::with_ada().await;
    let old = app.enter().await;
    let planted = "chargedeck=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    for before in [old, planted] {
        let mut request = login_request(ADA, PASSWORD);
        request.headers_mut().insert(header::COOKIE, before.parse().unwrap());
        let answer = app.send(request).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_ne!(answer.cookie(), before);
        assert_eq!(app.get("/live", &before).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(app.get("/live", &answer.cookie()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn logout_kills_the_session_and_tells_every_instance() {
    let setup = AppSetup::default().await;
    let (app, other) = (App::at(&setup).await, App::at(&setup).await);
    app.add(ADA).await;
    until(Duration::from_secs(10), "both instances listen", || listeners(&app, 2)).await;
    for way in ["DELETE", "form"] {
        let (cookie, bystander) = (app.enter().await, app.enter().await);
        let admin = admin(&other, &cookie).await;
        let innocent = admin_of(&other, &bystander).await;
        let watch = other.auth.revocations.watch(admin.session.clone(), admin.user);
        let quiet = other.auth.revocations.watch(innocent.session, innocent.user);
        let answer = if way == "form" {
            app.form("/logout", &cookie, &[]).await
        } else {
            let request = request(Method::DELETE, "/api/v1/session").header(header::COOKIE, &cookie);
            app.send(request.header(header::ORIGIN, "http://127.0.0.1:3000").body(Body::empty()).unwrap()).await
        };
        assert!(matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::SEE_OTHER), "{way}: {}", answer.body);
        assert_eq!(answer.header("clear-site-data"), "\"cache\"");
        assert!(answer.set_cookie().starts_with("chargedeck=;"), "{}", answer.set_cookie());
        tokio::time::timeout(Duration::from_secs(1), watch.revoked()).await.expect("told within a second");
        assert!(!other.auth.still_valid(&admin).await.unwrap());
        assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED);
        // Another session of the same user goes on.
        assert!(!quiet.token().is_cancelled());
        assert_eq!(app.get("/live", &bystander).await.status, StatusCode::OK);
    }
    assert_eq!(app.form("/logout", "", &[]).await.header("location"), "/login");
}

#[tokio::test]
async fn a_request_that_outlasts_its_session_does_not_bring_it_back() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let session = session(&app, &cookie);
    app.auth.admit(&session, Activity::User).await.unwrap().expect("let in");
    app.form("/logout", &cookie, &[]).await;
    session.insert("late", true).await.unwrap();
    session.save().await.unwrap();
    assert!(app.session_keys().await.is_empty());
    assert_eq!(app.get("/live", &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_sessions_never_share_an_id() {
    let app = App::new().await;
    let record = || Record {
        id: Id(42),
        data: HashMap::new(),
        expiry_date: OffsetDateTime::now_utc() + Duration::from_secs(60),
    };
    let (mut first, mut second) = (record(), record());
    app.auth.sessions.create(&mut first).await.unwrap();
    app.auth.sessions.create(&mut second).await.unwrap();
    assert_eq!(first.id, Id(42));
    assert_ne!(second.id, Id(42));
    assert_eq!(app.session_keys().await.len(), 2);
    assert_eq!(app.auth.sessions.load(&first.id).await.unwrap().map(|r| r.id), Some(first.id));
}

/// Known ids reveal nothing about another one: each bit is set in half of them, whatever its neighbour is.
#[tokio::test]
async fn ten_thousand_session_ids_are_random_in_every_bit() {
    const IDS: usize = 10_000;
    // Six standard deviations around the half.
    const NEAR: std::ops::Range<usize> = 4700..5300;
    let app = App::new().await;
    let mut ids = HashSet::new();
    let expiry_date = OffsetDateTime::now_utc() + Duration::from_secs(60);
    for _ in 0..IDS {
        let mut record = Record { id: Id::default(), data: HashMap::new(), expiry_date };
        app.auth.sessions.create(&mut record).await.unwrap();
        ids.insert(record.id.0.cast_unsigned());
    }
    assert_eq!(ids.len(), IDS);
    let set = |mask: u128| ids.iter().filter(|id| (*id & mask).is_power_of_two()).count();
    for bit in 0..128_u32 {
        assert!(NEAR.contains(&set(1 << bit)), "bit {bit}");
        let beside = 1 << bit | 1 << ((bit + 1) % 128);
        assert!(NEAR.contains(&set(beside)), "bit {bit} and the next");
    }
}

/// The idle limit of sessions in [`impatient`].
const IDLE: Duration = Duration::from_secs(2);

/// An app with [`ADA`] and a short idle limit.
async fn impatient() -> App {
    let limits = SessionLimits { idle: IDLE, absolute: Duration::from_secs(3600), ..SessionLimits::default() };
    let app = App::at(&AppSetup { limits, ..AppSetup::default().await }).await;
    app.add(ADA).await;
    app
}

#[tokio::test]
async fn what_a_page_does_by_itself_is_no_sign_of_life() {
    let app = impatient().await;
    let (left, used) = (app.enter().await, app.enter().await);
    let began = Instant::now();
    while began.elapsed() < 2 * IDLE {
        for path in ["/live", "/api/v1/snapshot/stations"] {
            app.get(path, &left).await;
        }
        app.form("/api/overview", &left, &[]).await;
        assert_eq!(app.form("/api/v1/session/alive", &used, &[]).await.status, StatusCode::NO_CONTENT);
        // The pace of a page. The limit itself is what has to pass.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(app.get("/stations", &left).await.status, StatusCode::SEE_OTHER, "nobody was there");
    assert_eq!(app.get("/stations", &used).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_idle_session_ends_whatever_its_socket_does() {
    let app = impatient().await;
    let cookie = app.enter().await;
    let admin = admin(&app, &cookie).await;
    // Someone who works stays signed in, longer than one idle limit.
    let began = Instant::now();
    while began.elapsed() < IDLE * 3 / 2 {
        assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::OK);
        // The pace of a person. The limit itself is what has to pass.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Sockets that reconnect and are checked do not extend the session.
    let left = Instant::now();
    until(Duration::from_secs(4), "the session ends", || async {
        let connected = app.get("/live", &cookie).await.status == StatusCode::OK;
        let valid = app.auth.still_valid(&admin).await.unwrap();
        !connected && !valid
    })
    .await;
    assert!(left.elapsed() > IDLE / 2, "after {:?}", left.elapsed());
    assert!(app.session_keys().await.is_empty());
}

#[tokio::test]
async fn no_session_outlives_its_absolute_limit() {
    let limits =
        SessionLimits { idle: Duration::from_secs(3600), absolute: Duration::from_secs(2), ..SessionLimits::default() };
    let app = App::at(&AppSetup { limits, ..AppSetup::default().await }).await;
    app.add(ADA).await;
    let began = Instant::now();
    let cookie = app.enter().await;
    assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::OK);
    until(Duration::from_secs(4), "the session ends", || async {
        app.get("/stations", &cookie).await.status != StatusCode::OK
    })
    .await;
    assert!(began.elapsed() >= limits.absolute, "after {:?}", began.elapsed());
}

#[tokio::test]
async fn all_sessions_of_a_user_end_at_once_and_no_one_elses() {
    let setup = AppSetup::default().await;
    let (app, other) = (App::at(&setup).await, App::at(&setup).await);
    let ada = app.add(ADA).await;
    app.add("bob@example.org").await;
    let bob = app.login("bob@example.org", PASSWORD).await.cookie();
    let cookies = [app.enter().await, app.enter().await];
    until(Duration::from_secs(10), "both instances listen", || listeners(&app, 2)).await;
    let admin = admin(&other, &cookies[0]).await;
    let watch = other.auth.revocations.watch(admin.session.clone(), ada);
    app.auth.end_sessions_of(ada).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), watch.revoked()).await.expect("told within a second");
    for cookie in &cookies {
        assert_eq!(other.get("/live", cookie).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(other.get("/live", &bob).await.status, StatusCode::OK);
    assert_eq!(app.session_keys().await.len(), 1);
}

#[test]
fn a_revocation_travels_without_the_session_id() {
    let session = chargedeck::server::redis::sessions::SessionHash::of(&Id(42));
    let text = serde_json::to_string(&Revoked::Session { session }).unwrap();
    assert!(!text.contains(&Id(42).to_string()), "{text}");
    assert!(serde_json::from_str::<Revoked>(r#"{"type":"wake"}"#).is_err(), "others' messages are not ours");
}

pub fn session(app: &App, cookie: &str) -> Session {
    let id: Id = cookie.split_once('=').unwrap().1.parse().unwrap();
    Session::new(Some(id), std::sync::Arc::new(app.auth.sessions.clone()), None)
}

pub async fn admin(app: &App, cookie: &str) -> chargedeck::server::auth::CurrentAdmin {
    app.auth.admit(&session(app, cookie), Activity::Program).await.unwrap().expect("let in")
}

use admin as admin_of;

/// Returns whether at least that many instances are subscribed.
pub async fn listeners(app: &App, count: u64) -> bool {
    let channel = app.redis.key("ctl");
    let (_, listening): (String, u64) =
        redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(&mut app.redis.connection()).await.unwrap();
    listening >= count
}
