//! Throttling: whoever fails too often waits, counted over all instances, and nobody else does.

use std::time::Duration;

use axum::http::StatusCode;
use chargedeck::server::auth::throttle::{PER_ACCOUNT, PER_ADDRESS};
use futures_util::future::join_all;
use tower::ServiceExt;

use crate::app::{ADA, Answer, App, AppSetup, PASSWORD, from, login_request, request, until};

/// Two client addresses (RFC 5737).
const A: &str = "203.0.113.7";
const B: &str = "198.51.100.1";
const WRONG: &str = "wrong password, wrong";

#[tokio::test]
async fn whoever_fails_too_often_waits_and_the_owner_enters_from_elsewhere() {
    let app = App::with_ada().await;
    app.add("bob@example.org").await;
    for _ in 0..PER_ACCOUNT {
        assert_eq!(app.login_from(A, ADA, WRONG).await.status, StatusCode::UNAUTHORIZED);
    }
    for password in [WRONG, PASSWORD] {
        turned_away(&app, &app.login_from(A, ADA, password).await);
    }
    assert_eq!(app.login_from(B, ADA, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.login_from(A, "bob@example.org", PASSWORD).await.status, StatusCode::NO_CONTENT);

    for n in PER_ACCOUNT..PER_ADDRESS {
        let stranger = format!("nobody{n}@example.org");
        assert_eq!(app.login_from(A, &stranger, WRONG).await.status, StatusCode::UNAUTHORIZED);
    }
    let before = app.auth.passwords.runs();
    for email in [ADA, "bob@example.org", "nobody@example.org", "no address"] {
        turned_away(&app, &app.login_from(A, email, PASSWORD).await);
    }
    assert_eq!(app.auth.passwords.runs(), before, "what is turned away costs no hash");
    assert_eq!(app.login_from(B, ADA, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.login_from(B, "bob@example.org", PASSWORD).await.status, StatusCode::NO_CONTENT);
}

fn turned_away(app: &App, answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "throttled"));
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    assert_eq!(answer.set_cookie(), "");
    assert!(app.auth.passwords.peak() <= 2);
}

#[tokio::test]
async fn the_form_says_how_long_to_wait() {
    let app = App::with_ada().await;
    let fields = [("email", ADA), ("password", WRONG), ("next", "/stations")];
    for _ in 0..PER_ACCOUNT {
        let again = app.form("/login", "", &fields).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    }
    let answer = app.form("/login", "", &fields).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.body.contains("Try again in 15 minutes") && answer.body.contains(ADA), "{}", answer.body);
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((840..=901).contains(&wait), "{wait}");
}

#[tokio::test]
async fn instances_count_together() {
    let setup = AppSetup::default().await;
    let apps = [App::at(&setup).await, App::at(&setup).await];
    apps[0].add(ADA).await;
    for n in 0..PER_ACCOUNT {
        let answer = apps[n as usize % 2].login_from(A, ADA, WRONG).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{n}");
    }
    for app in &apps {
        turned_away(app, &app.login_from(A, ADA, PASSWORD).await);
    }
}

#[tokio::test]
async fn however_many_enter_at_once_nobody_waits() {
    let app = App::with_ada().await;
    let logins = (0..60).map(|_| app.login_from(A, ADA, PASSWORD));
    let answers = join_all(logins).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::NO_CONTENT));
    let keys = failures(&app).await;
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn guesses_at_once_are_judged_hardly_more_often_than_one_by_one() {
    let app = App::with_ada().await;
    let guesses = (0..60).map(|_| tokio::spawn(app.router.clone().oneshot(from(A, login_request(ADA, WRONG)))));
    let statuses: Vec<_> =
        join_all(guesses).await.into_iter().map(|answer| answer.unwrap().unwrap().status()).collect();
    let judged = statuses.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
    let turned_away = statuses.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!((judged + turned_away, app.auth.passwords.runs()), (60, judged));
    let limit = PER_ACCOUNT as usize;
    assert!((limit..limit + 2).contains(&judged), "{judged}");
}

#[tokio::test]
async fn a_success_clears_the_account_and_not_the_address() {
    let app = App::with_ada().await;
    for round in 0..PER_ADDRESS / (PER_ACCOUNT - 1) {
        for _ in 1..PER_ACCOUNT {
            assert_eq!(app.login_from(A, ADA, WRONG).await.status, StatusCode::UNAUTHORIZED, "{round}");
        }
        assert_eq!(app.login_from(A, ADA, PASSWORD).await.status, StatusCode::NO_CONTENT, "{round}");
    }
    for _ in 0..PER_ADDRESS % (PER_ACCOUNT - 1) {
        assert_eq!(app.login_from(A, ADA, WRONG).await.status, StatusCode::UNAUTHORIZED);
    }
    turned_away(&app, &app.login_from(A, ADA, PASSWORD).await);
}

#[tokio::test]
async fn guesses_whose_clients_leave_are_counted() {
    let app = App::with_ada().await;
    for n in 1..=PER_ACCOUNT as usize {
        let guess = tokio::spawn(app.router.clone().oneshot(from(A, login_request(ADA, WRONG))));
        until(Duration::from_secs(10), "the hash begins", || async { app.auth.passwords.runs() == n }).await;
        guess.abort();
    }
    until(Duration::from_secs(10), "all are counted", || async {
        let keys = failures(&app).await;
        let mut counts = Vec::new();
        for key in keys {
            let count: u32 = redis::cmd("GET").arg(key).query_async(&mut app.redis.connection()).await.unwrap();
            counts.push(count);
        }
        counts == [PER_ACCOUNT; 2]
    })
    .await;
    turned_away(&app, &app.login_from(A, ADA, PASSWORD).await);
    until(Duration::from_secs(10), "all are noted", || async {
        let entries = app.entries().await;
        entries.iter().filter(|entry| entry.get_str("action").ok() == Some("login_refused")).count()
            == PER_ACCOUNT as usize
    })
    .await;
}

/// One IPv6 line has more addresses than anyone can count, so they count as one.
#[tokio::test]
async fn a_line_is_counted_as_one() {
    let app = App::with_ada().await;
    for n in 0..PER_ACCOUNT {
        let answer = app.login_from(&format!("2001:db8:1:2::{n:x}"), ADA, WRONG).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{n}");
    }
    turned_away(&app, &app.login_from("2001:db8:1:2:ffff::1", ADA, PASSWORD).await);
    assert_eq!(app.login_from("2001:db8:1:3::1", ADA, PASSWORD).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_the_client_is() {
    let app = App::at(&AppSetup { trusted_proxies: "10.0.0.7", ..AppSetup::default().await }).await;
    app.add(ADA).await;
    let try_it = async |peer: &str, forwarded: &str, password: &str| {
        let mut request = from(peer, login_request(ADA, password));
        request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        request.headers_mut().insert("forwarded", "for=192.0.2.66".parse().unwrap());
        request.headers_mut().insert("x-real-ip", "192.0.2.66".parse().unwrap());
        app.send(request).await
    };
    // A client that is no trusted proxy cannot hide behind a different header each time,
    for n in 0..PER_ACCOUNT {
        assert_eq!(try_it(A, &format!("192.0.2.{n}"), WRONG).await.status, StatusCode::UNAUTHORIZED);
    }
    turned_away(&app, &try_it(A, "192.0.2.99", PASSWORD).await);
    // nor lock out someone behind the proxy, whatever the client wrote before the proxy's own entry.
    assert_eq!(try_it("10.0.0.7", "192.0.2.0", PASSWORD).await.status, StatusCode::NO_CONTENT);
    turned_away(&app, &try_it("10.0.0.7", &format!("192.0.2.66, {A}"), PASSWORD).await);
    let addresses: Vec<_> =
        app.entries().await.iter().map(|e| e.get_str("address").unwrap_or("-").to_owned()).collect();
    let expected: Vec<_> = ["-"].into_iter().chain([A; PER_ACCOUNT as usize + 1]).chain(["192.0.2.0", A]).collect();
    assert_eq!(addresses, expected, "an account, refusals and a throttle, a login, a throttle: the second of its kind");
}

#[tokio::test]
async fn redis_holds_no_address_of_an_account() {
    let app = App::with_ada().await;
    app.login_from(A, ADA, WRONG).await;
    let keys = failures(&app).await;
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| !key.contains("ada") && !key.contains("example")), "{keys:?}");
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut app.redis.connection()).await.unwrap();
        assert!((1..=900_000).contains(&left), "{left}");
    }
    let anonymous = request(axum::http::Method::GET, "/stations").body("".into()).unwrap();
    assert_eq!(app.send(from(A, anonymous)).await.status, StatusCode::SEE_OTHER);
}

/// Returns our keys in Redis that count failures.
async fn failures(app: &App) -> Vec<String> {
    redis::cmd("KEYS")
        .arg(app.redis.key("failed_*").replace('{', "\\{"))
        .query_async(&mut app.redis.connection())
        .await
        .unwrap()
}
