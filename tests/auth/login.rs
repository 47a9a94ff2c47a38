//! Signing in: everyone who is refused gets the same answer after one hash, and nothing of them is kept.

use axum::http::{Method, StatusCode, header};
use mongodb::bson::doc;

use crate::app::{ADA, App, AppSetup, PASSWORD, login_request, request};

#[tokio::test]
async fn all_who_are_refused_get_the_same_answer_for_the_same_work() {
    let app = App::with_ada().await;
    for (email, set) in [
        ("closed@example.org", doc! { "disabled": true }),
        ("viewer@example.org", doc! { "role": "viewer" }),
        ("shouting@example.org", doc! { "role": "ADMIN" }),
        ("broken@example.org", doc! { "password_hash": "not a hash" }),
    ] {
        app.add(email).await;
        app.alter(email, set).await;
    }
    let tries = [
        (ADA, "wrong password, wrong"),
        (ADA, ""),
        ("nobody@example.org", PASSWORD),
        ("no address at all", PASSWORD),
        ("", PASSWORD),
        ("closed@example.org", PASSWORD),
        ("viewer@example.org", PASSWORD),
        ("shouting@example.org", PASSWORD),
        ("broken@example.org", PASSWORD),
    ];
    let mut answers = Vec::new();
    for (email, password) in tries {
        let before = app.auth.passwords.runs();
        let answer = app.login(email, password).await;
        assert_eq!(app.auth.passwords.runs() - before, 1, "{email} {password}");
        assert_eq!((answer.status, answer.set_cookie()), (StatusCode::UNAUTHORIZED, ""), "{email}");
        answers.push(answer.problem());
    }
    assert_eq!(answers[0]["code"], "invalid_credentials");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(app.session_keys().await.is_empty());

    let before = app.auth.passwords.runs();
    assert_eq!(app.login(" ADA@Example.org", PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.auth.passwords.runs() - before, 1);
    assert_eq!(app.session_keys().await.len(), 1);
}

#[tokio::test]
async fn the_cookie_is_bound_to_host_and_tls_where_there_is_tls() {
    let app = App::with_ada().await;
    let answer = app.login(ADA, PASSWORD).await;
    let attributes = |cookie: &str| {
        let mut parts: Vec<_> =
            cookie.split("; ").skip(1).filter(|part| !part.starts_with("Max-Age=")).map(str::to_owned).collect();
        parts.sort();
        parts
    };
    assert!(answer.set_cookie().starts_with("chargedeck="), "{}", answer.set_cookie());
    assert_eq!(attributes(answer.set_cookie()), ["HttpOnly", "Path=/", "SameSite=Lax"]);
    let id = answer.cookie().split_once('=').unwrap().1.to_owned();
    assert_eq!(id.len(), 22, "128 bits in base64: {id}");
    let keys = app.session_keys().await;
    assert!(!keys[0].contains(&id), "Redis names the session by its hash: {keys:?}");

    let app = App::at(&AppSetup { origin: "https://deck.example.org", ..AppSetup::default().await }).await;
    app.add(ADA).await;
    let answer = app.login(ADA, PASSWORD).await;
    assert!(answer.set_cookie().starts_with("__Host-chargedeck="), "{}", answer.set_cookie());
    assert_eq!(attributes(answer.set_cookie()), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    // A browser takes a `__Host-` cookie back only when told with the same attributes.
    let gone = app.form_at("https://deck.example.org", "/logout", &answer.cookie(), &[]).await;
    assert!(gone.set_cookie().starts_with("__Host-chargedeck=;"), "{}", gone.set_cookie());
    assert!(gone.set_cookie().contains("; Secure"), "{}", gone.set_cookie());
    // A request with an invalid cookie may have been sent before a newer cookie came, so only signing out removes the
    // cookie.
    let late = app.get("/stations", &answer.cookie()).await;
    assert_eq!((late.status, late.set_cookie()), (StatusCode::SEE_OTHER, ""));
}

#[tokio::test]
async fn the_form_leads_only_to_pages_of_this_site() {
    let app = App::with_ada().await;
    for (next, place) in [
        ("/stations?q=a&page=2", "/stations?q=a&page=2"),
        ("", "/"),
        ("//evil.example", "/"),
        ("\\evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/.//evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let answer = app.form("/login", "", &[("email", ADA), ("password", PASSWORD), ("next", next)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, place), "{next}");
        assert_eq!(app.get("/stations", &answer.cookie()).await.status, StatusCode::OK);
    }
    let wrong = [("email", ADA), ("password", "wrong password, wrong"), ("next", "/stations?q=a&page=2")];
    let answer = app.form("/login", "", &wrong).await;
    assert_eq!((answer.status, answer.set_cookie()), (StatusCode::UNAUTHORIZED, ""));
    for kept in ["E-mail or password is wrong.", ADA, r#"value="/stations?q=a&amp;page=2""#] {
        assert!(answer.body.contains(kept), "{kept}: {}", answer.body);
    }
    assert!(!answer.body.contains("wrong password, wrong"), "{}", answer.body);
    let answer = app.form("/login", "", &[("next", "//evil.example")]).await;
    assert!(answer.body.contains(r#"name="next" value="/""#), "{}", answer.body);
    let odd = app.get("/login?next=/a&next=/b", "").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    assert!(!odd.body.contains("next"), "{}", odd.body);
}

#[tokio::test]
async fn what_is_too_long_costs_no_hash() {
    let app = App::with_ada().await;
    let at_the_limit = app.login(ADA, &"🔑".repeat(128)).await;
    assert_eq!((at_the_limit.status, app.auth.passwords.runs()), (StatusCode::UNAUTHORIZED, 1));
    for (length, status) in
        [(129, StatusCode::UNAUTHORIZED), (60_000, StatusCode::UNAUTHORIZED), (1 << 20, StatusCode::PAYLOAD_TOO_LARGE)]
    {
        let answer = app.login(ADA, &"x".repeat(length)).await;
        assert_eq!((answer.status, app.auth.passwords.runs()), (status, 1), "{length}");
        answer.problem();
    }
}

#[tokio::test]
async fn the_api_takes_its_json_and_nothing_else() {
    let app = App::with_ada().await;
    let body = format!(r#"{{"email":"{ADA}","password":"{PASSWORD}"}}"#);
    let extra = format!(r#"{{"email":"{ADA}","password":"{PASSWORD}","role":"admin"}}"#);
    for (kind, body, status) in [
        ("application/json", body.as_str(), StatusCode::NO_CONTENT),
        ("text/plain", &body, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", "email=a&password=b", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", "{", StatusCode::BAD_REQUEST),
        ("application/json", r#"{"email":{"$gt":""},"password":{"$gt":""}}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("application/json", &extra, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request = request(Method::POST, "/api/v1/session").header(header::CONTENT_TYPE, kind);
        let answer = app.send(request.body(body.to_owned().into()).unwrap()).await;
        assert_eq!(answer.status, status, "{kind} {body}");
        if status.is_client_error() {
            assert_eq!(answer.code(), "invalid_body");
            assert!(!answer.body.contains(PASSWORD), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_weak_hash_is_replaced_at_login_and_the_session_stays() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let app = App::with_ada().await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
    let weak = weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    app.alter(ADA, doc! { "password_hash": &weak }).await;
    let cookie = app.enter().await;
    let email = chargedeck::server::auth::email::Email::parse(ADA).unwrap();
    let user = app.auth.users.by_email(&email).await.unwrap().unwrap();
    let hash = user.password_hash.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(user.last_login_at.is_some());
    assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::OK);
    assert_eq!(app.login(ADA, PASSWORD).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn many_logins_at_once_hash_two_at_a_time() {
    let app = App::with_ada().await;
    let logins = (0..24).map(|n| {
        let (router, password) = (app.router.clone(), if n % 2 == 0 { PASSWORD } else { "wrong password, wrong" });
        tokio::spawn(
            async move { tower::ServiceExt::oneshot(router, login_request(ADA, password)).await.unwrap().status() },
        )
    });
    let statuses = futures_util::future::join_all(logins).await;
    let entered = statuses.iter().filter(|status| *status.as_ref().unwrap() == StatusCode::NO_CONTENT).count();
    assert_eq!((entered, app.auth.passwords.runs(), app.auth.passwords.peak()), (12, 24, 2));
}
