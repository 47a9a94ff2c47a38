//! Actions of admins on documents happen once, in the operator's own words and with an entry in the audit log, or not
//! at all.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::server::auth::session::SessionLimits;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use crate::app::{ADA, Answer, App, AppSetup, request};

const REASON: &str = "owes 30.00 GBP";

fn client(id: &str, status: &str) -> Document {
    doc! {"_id": id, "client_id": id, "name": "Ada", "status": status, "secret": {"pin": 7}, "last_updated": "2026-01-01"}
}

/// An app with an admin and these clients. Returns it with the admin's cookie.
async fn with(setup: AppSetup, clients: Vec<Document>) -> (App, String) {
    let app = App::at(&setup).await;
    app.add(ADA).await;
    app.theirs.collection::<Document>("clients").insert_many(clients).await.unwrap();
    let cookie = app.enter().await;
    (app, cookie)
}

pub async fn act(app: &App, cookie: &str, id: &str, name: &str, body: &Value, key: Option<&str>) -> Answer {
    let mut head = request(Method::POST, &format!("/api/v1/clients/{id}/{name}"))
        .header(header::COOKIE, cookie)
        .header(header::ORIGIN, "http://127.0.0.1:3000")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        head = head.header("Idempotency-Key", key);
    }
    app.send(head.body(Body::from(body.to_string())).unwrap()).await
}

pub async fn block(app: &App, cookie: &str, id: &str, key: Option<&str>) -> Answer {
    act(app, cookie, id, "block", &json!({"reason": REASON}), key).await
}

async fn found(app: &App, id: &str) -> Document {
    app.theirs.collection::<Document>("clients").find_one(doc! {"_id": id}).await.unwrap().unwrap()
}

/// Returns `(action, result)` of the entries about clients.
async fn entries(app: &App) -> Vec<(String, String)> {
    let entries = app.entries().await;
    let of = |entry: &Document| {
        let text = |name: &str| entry.get_str(name).unwrap().to_owned();
        (text("action"), text("result"))
    };
    entries.iter().map(of).filter(|(action, _)| action.starts_with("client_")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_blocked_and_unblocked_and_nothing_else_is_written() {
    let (app, cookie) = with(AppSetup::default().await, vec![client("C-1", "LOCKED"), client("C-2", "ACTIVE")]).await;
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let done: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(done, json!({"id": "C-1", "status": "BLOCKED", "status_before": "LOCKED"}));
    assert_eq!(found(&app, "C-1").await, client("C-1", "BLOCKED"));
    assert_eq!(found(&app, "C-2").await, client("C-2", "ACTIVE"));
    let entry = app.entries().await.pop().unwrap();
    assert_eq!(entry.get_document("before").unwrap().get_str("status").unwrap(), "LOCKED");
    let after = doc! {"id": "C-1", "status": "BLOCKED", "reason": REASON};
    assert_eq!(entry.get_document("after").unwrap(), &after);
    assert!(entry.to_string().contains(ADA));

    let again = block(&app, &cookie, "C-1", None).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    let page = app.get("/clients/unblock?id=C-1", &cookie).await;
    assert!(page.body.contains(REASON) && page.body.contains(ADA), "{}", page.body);
    let back = act(&app, &cookie, "C-1", "unblock", &json!({"reason": "has paid"}), None).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.body);
    assert_eq!(found(&app, "C-1").await, client("C-1", "LOCKED"), "as it was before");
    let again = act(&app, &cookie, "C-1", "unblock", &json!({"reason": "has paid"}), None).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let done = |action: &str, result: &str| (action.to_owned(), result.to_owned());
    let all = [("client_blocked", "ok"), ("client_blocked", "refused"), ("client_unblocked", "ok")];
    let all = all.into_iter().chain([("client_unblocked", "refused")]).map(|(action, result)| done(action, result));
    assert_eq!(entries(&app).await, all.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_key_is_done_once_however_often_it_is_sent() {
    let (app, cookie) = with(AppSetup::default().await, vec![client("C-1", "ACTIVE"), client("C-2", "ACTIVE")]).await;
    let answers = join_all((0..12).map(|_| block(&app, &cookie, "C-1", Some("key-1")))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &answers[0].body));
    }
    assert_eq!(entries(&app).await.len(), 1);
    for (id, body) in [("C-2", json!({"reason": REASON})), ("C-1", json!({"reason": "another"}))] {
        let other = act(&app, &cookie, id, "block", &body, Some("key-1")).await;
        assert_eq!(other.status, StatusCode::CONFLICT, "{}", other.body);
    }
    assert_eq!(found(&app, "C-2").await, client("C-2", "ACTIVE"));
    // Without a key each request stands for itself, and only one of several at once succeeds.
    let answers = join_all((0..12).map(|_| block(&app, &cookie, "C-2", None))).await;
    let done = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count();
    assert_eq!((done, refused), (1, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_with_the_reason_and_changes_nothing() {
    let clients =
        vec![client("C-1", "ACTIVE"), client("C-3", "gone"), doc! {"_id": "a", "client_id": "C-4", "status": "ACTIVE"}];
    let (app, cookie) = with(AppSetup::default().await, clients).await;
    let twin = doc! {"_id": "b", "client_id": "C-4", "status": "ACTIVE"};
    app.theirs.collection("clients").insert_one(twin).await.unwrap();
    for (id, status, code) in [
        ("C-9", StatusCode::NOT_FOUND, "not_found"),
        ("C-3", StatusCode::CONFLICT, "conflict"),
        ("C-4", StatusCode::CONFLICT, "conflict"),
        ("%24gt", StatusCode::NOT_FOUND, "not_found"),
    ] {
        let answer = block(&app, &cookie, id, None).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{id}");
    }
    for body in [json!({"reason": ""}), json!({}), json!({"reason": REASON, "status": "ACTIVE"})] {
        let answer = act(&app, &cookie, "C-1", "block", &body, None).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body} {}", answer.body);
    }
    let keyless = block(&app, &cookie, "C-1", Some("two words")).await;
    assert_eq!(keyless.code(), "invalid_key");
    let nobody = block(&app, "", "C-1", None).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    // The operator's own validator is not bypassed.
    let never = doc! {"collMod": "clients", "validator": {"status": {"$ne": "BLOCKED"}}};
    app.theirs.run_command(never).await.unwrap();
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    assert!(answer.body.contains("validator"), "{}", answer.body);
    assert_eq!(found(&app, "C-1").await, client("C-1", "ACTIVE"));
    assert!(entries(&app).await.iter().all(|(_, result)| result == "refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_not_given_the_password_lately_is_asked_for_it() {
    let limits = SessionLimits { confirmed: Duration::ZERO, ..SessionLimits::default() };
    let (app, cookie) = with(AppSetup { limits, ..AppSetup::default().await }, vec![client("C-1", "ACTIVE")]).await;
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "reauth_required"));
    let page = app.get("/clients/block?id=C-1", &cookie).await;
    assert_eq!(page.header("location"), "/confirm?next=%2Fclients%2Fblock%3Fid%3DC-1");
    let sent = app.form("/clients/block?id=C-1", &cookie, &[("reason", REASON), ("key", "k")]).await;
    assert_eq!(sent.header("location"), "/confirm?next=%2Fclients%2Fblock%3Fid%3DC-1%26done%3Dconfirmed");
    assert_eq!(found(&app, "C-1").await, client("C-1", "ACTIVE"));
}

/// An app where every action asks for the password, unless it cannot be done.
async fn asking(file: &'static str, read_only: bool, clients: Vec<Document>) -> (App, String) {
    let limits = SessionLimits { confirmed: Duration::ZERO, ..SessionLimits::default() };
    with(AppSetup { limits, file, read_only, ..AppSetup::default().await }, clients).await
}

/// Checks that page, form and program get this refusal, and no question for the password.
async fn refuses(app: &App, cookie: &str, id: &str, status: StatusCode, why: &str) {
    let address = format!("/clients/block?id={id}");
    let page = app.get(&address, cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains(why) && page.body.contains("disabled"), "{why}: {}", page.body);
    let sent = app.form(&address, cookie, &[("reason", REASON), ("key", "k")]).await;
    assert!(sent.status == status && sent.body.contains(why), "{why}: {} {}", sent.status, sent.body);
    let answer = block(app, cookie, id, None).await;
    assert!(answer.status == status && answer.body.contains(why), "{why}: {} {}", answer.status, answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_the_password_for_what_cannot_be_done() {
    const TWO_WORDS: &str =
        "[chargedeck.fields.clients]\nstatus = { active = \"ACTIVE\", banned = \"BLOCKED\", fraud = \"BLOCKED\" }\n";
    let (app, cookie) = asking(TWO_WORDS, false, vec![client("C-1", "active"), client("C-2", "banned")]).await;
    refuses(&app, &cookie, "C-1", StatusCode::CONFLICT, "“banned” and “fraud”").await;
    refuses(&app, &cookie, "C-2", StatusCode::CONFLICT, "The client is blocked already.").await;
    assert_eq!(app.get("/clients/block?id=C-9", &cookie).await.status, StatusCode::NOT_FOUND);
    assert!(entries(&app).await.iter().all(|(_, result)| result == "refused"));

    const TWO_FIELDS: &str = "[chargedeck.fields.clients]\nnames = { status = \"state\", client_type = \"state\" }\n";
    let theirs = doc! {"_id": 7, "client_id": "C-1", "state": "ACTIVE"};
    let (app, cookie) = asking(TWO_FIELDS, false, vec![theirs]).await;
    refuses(&app, &cookie, "C-1", StatusCode::CONFLICT, "Your field mapping is ambiguous here").await;

    let (app, cookie) = asking("", true, vec![client("C-1", "ACTIVE")]).await;
    refuses(&app, &cookie, "C-1", StatusCode::FORBIDDEN, "CHARGEDECK_READ_ONLY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_will_be_done_and_what_was() {
    let (app, cookie) = with(AppSetup::default().await, vec![client("C-1", "ACTIVE")]).await;
    let page = app.get("/clients/block?id=C-1", &cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Nothing else is written") && !page.body.contains("disabled"), "{}", page.body);
    let wrong = app.form("/clients/block?id=C-1", &cookie, &[("reason", " "), ("key", "k")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("Give a reason"), "{}", wrong.body);
    let fields = [("reason", REASON), ("key", "k")];
    let sent = app.form("/clients/block?id=C-1", &cookie, &fields).await;
    assert_eq!(sent.header("location"), "/clients/unblock?id=C-1&done=block", "{}", sent.body);
    let page = app.get(sent.header("location"), &cookie).await;
    assert!(page.body.contains("The client is blocked.") && page.body.contains(REASON), "{}", page.body);
    // The same form sent twice is done already. Sent from another page, it is refused.
    assert_eq!(app.form("/clients/block?id=C-1", &cookie, &fields).await.status, StatusCode::SEE_OTHER);
    let refused = app.form("/clients/block?id=C-1", &cookie, &[("reason", "more"), ("key", "k2")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("blocked already") && refused.body.contains("value=\"more\""), "{}", refused.body);
    assert_eq!(app.get("/clients/block?id=C-9", &cookie).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_set_to_read_only_writes_nothing_and_its_button_says_so() {
    let setup = AppSetup { read_only: true, ..AppSetup::default().await };
    let (app, cookie) = with(setup, vec![client("C-1", "ACTIVE")]).await;
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "read_only"));
    let page = app.get("/clients/block?id=C-1", &cookie).await;
    assert!(page.body.contains("CHARGEDECK_READ_ONLY") && page.body.contains("disabled"), "{}", page.body);
    assert_eq!(found(&app, "C-1").await, client("C-1", "ACTIVE"));
    assert_eq!(entries(&app).await, [("client_blocked".to_owned(), "refused".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn their_own_names_and_words_are_written() {
    const FILE: &str = "[chargedeck.fields.clients]\n\
        names = { client_id = \"_id\", status = \"account.state\" }\n\
        status = { active = \"ACTIVE\", asleep = \"INACTIVE\", banned = \"BLOCKED\" }\n";
    let theirs = |id: i64, state: &str| doc! {"_id": id, "account": {"state": state, "balance": 1.5}};
    let setup = AppSetup { file: FILE, ..AppSetup::default().await };
    let (app, cookie) = with(setup, vec![theirs(7, "asleep"), theirs(8, "active")]).await;
    let answer = block(&app, &cookie, "7", None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let found = async |id: i64| app.theirs.collection::<Document>("clients").find_one(doc! {"_id": id}).await.unwrap();
    assert_eq!(found(7).await, Some(theirs(7, "banned")));
    let back = act(&app, &cookie, "7", "unblock", &json!({"reason": "has paid"}), None).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.body);
    assert_eq!(found(7).await, Some(theirs(7, "asleep")));
    assert_eq!(found(8).await, Some(theirs(8, "active")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_leads_to_the_very_word_that_stood_there() {
    // The settings name no word for ACTIVE and two for INACTIVE, so that only the mark knows which one it was.
    const FILE: &str = "[chargedeck.fields.clients]\n\
        status = { banned = \"BLOCKED\", asleep = \"INACTIVE\", away = \"INACTIVE\" }\n";
    let setup = AppSetup { file: FILE, ..AppSetup::default().await };
    let (app, cookie) = with(setup, vec![client("C-1", "ACTIVE"), client("C-2", "away")]).await;
    for (id, word) in [("C-1", "ACTIVE"), ("C-2", "away")] {
        let answer = block(&app, &cookie, id, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(found(&app, id).await, client(id, "banned"));
        let back = act(&app, &cookie, id, "unblock", &json!({"reason": "has paid"}), None).await;
        assert_eq!(back.status, StatusCode::OK, "{}", back.body);
        assert_eq!(found(&app, id).await, client(id, word));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_of_their_words_mean_one_of_ours_nothing_is_written() {
    const FILE: &str =
        "[chargedeck.fields.clients]\nstatus = { active = \"ACTIVE\", banned = \"BLOCKED\", fraud = \"BLOCKED\" }\n";
    let setup = AppSetup { file: FILE, ..AppSetup::default().await };
    let (app, cookie) = with(setup, vec![client("C-1", "active")]).await;
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    assert!(answer.body.contains("“banned” and “fraud”"), "{}", answer.body);
    assert_eq!(found(&app, "C-1").await, client("C-1", "active"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_read_otherwise_than_meant_is_not_written() {
    const FILE: &str = "[chargedeck.fields.clients]\nnames = { status = \"state\", client_type = \"state\" }\n";
    let setup = AppSetup { file: FILE, ..AppSetup::default().await };
    let theirs = doc! {"_id": 7, "client_id": "C-1", "state": "ACTIVE"};
    let (app, cookie) = with(setup, vec![theirs.clone()]).await;
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    assert!(answer.body.contains("Your field mapping is ambiguous here"), "{}", answer.body);
    assert_eq!(app.theirs.collection::<Document>("clients").find_one(doc! {}).await.unwrap(), Some(theirs));
}
