//! The page of the audit log and its CSV file: they hold all selected entries, and nothing that a browser or a
//! spreadsheet would run.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use chargedeck::server::auth::audit_log::{COLLECTION, PAGE};
use mongodb::bson::{DateTime, Document, doc};

use crate::app::{ADA, App, PASSWORD, request};

const WRONG: &str = "wrong password, wrong";

/// Inserts `count` past entries, one a second, each with its number in a visible place. Every third was refused.
async fn past(app: &App, count: usize) {
    let entry = |n: i64| {
        let refused = n % 3 == 0;
        let mut entry = doc! {
            "at": DateTime::from_millis(1_780_000_000_000 + n * 1000),
            "action": if refused { "login_refused" } else { "login" },
            "result": if refused { "refused" } else { "ok" },
            "actor": { "kind": "nobody" },
            "subject": { "email": format!("old{n}@example.org") },
            "address": format!("198.51.100.{}", n % 250),
        };
        if refused {
            entry.insert("reason", "wrong_password");
        }
        entry
    };
    let all: Vec<Document> = (0..).map(entry).take(count).collect();
    app.db.collection(COLLECTION).insert_many(all).await.unwrap();
}

/// Returns the numbers of the entries of [`past`] on a page, in its order.
fn shown(page: &str) -> Vec<usize> {
    let parts = page.split("old").skip(1);
    parts.filter_map(|part| part.split_once("@example.org")?.0.parse().ok()).collect()
}

/// Returns the address of the link to older entries.
fn older(page: &str) -> Option<String> {
    let (before, _) = page.split_once(">Older entries<")?;
    let (_, href) = before.rsplit_once("href=\"")?;
    Some(href.split('"').next()?.replace("&amp;", "&"))
}

#[tokio::test]
async fn every_entry_is_on_one_page_while_others_are_written() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let count = 2 * PAGE + 7;
    past(&app, count).await;
    let (mut seen, mut next) = (Vec::new(), Some("/audit?who=&action=&result=&from=&to=".to_owned()));
    let mut pages = 0;
    while let Some(path) = next {
        let page = app.get(&path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        seen.extend(shown(&page.body));
        next = older(&page.body);
        pages += 1;
        app.login(ADA, WRONG).await;
    }
    assert_eq!(seen, (0..count).rev().collect::<Vec<_>>());
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn what_is_chosen_is_what_is_shown() {
    let app = App::with_ada().await;
    app.add("bob@example.org").await;
    let cookie = app.enter().await;
    past(&app, 9).await;
    app.login("bob@example.org", WRONG).await;
    let count = async |query: &str| {
        let page = app.get(&format!("/audit?{query}"), &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        page.body.matches("<tr class=").count() + page.body.matches("<tr>").count().saturating_sub(1)
    };
    assert_eq!(count("").await, 2 + 1 + 9 + 1, "two accounts, a login, the past, a refusal");
    assert_eq!(count("action=login_refused").await, 3 + 1);
    assert_eq!(count("result=refused").await, 3 + 1);
    assert_eq!(count("result=ok&action=login").await, 6 + 1);
    assert_eq!(count("who=+ADA%40Example.org").await, 2, "created, and signed in");
    assert_eq!(count("who=bob%40example.org&result=refused").await, 1);
    // 1_780_000_000 is 2026-05-28, 20:26:40 in UTC and 21:26:40 in London.
    assert_eq!(count("from=2026-05-28&to=2026-05-28").await, 9);
    assert_eq!(count("to=2026-05-27").await, 0);
    assert_eq!(count("from=2026-05-29").await, 4);

    let page = app.get("/audit?action=login_refused&who=old3%40example.org", &cookie).await.body;
    assert!(page.contains("Sign-in refused") && page.contains("wrong password"), "{page}");
    assert!(page.contains("28 May 2026 21:26:43"), "in the network's zone: {page}");
    assert!(page.contains("value=\"old3@example.org\"") && page.contains("value=\"login_refused\" selected"), "{page}");
    let none = app.get("/audit?who=nobody%40example.org", &cookie).await.body;
    assert!(none.contains("No entry matches"), "{none}");
}

#[tokio::test]
async fn a_choice_that_cannot_be_followed_shows_no_entry_and_says_why() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    for query in ["from=yesterday", "to=2026-02-30", "action=%24where", "result=perhaps"] {
        let page = app.get(&format!("/audit?{query}"), &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert!(page.body.contains("role=\"alert\"") && !page.body.contains("<td"), "{query}: {}", page.body);
        let file = app.get(&format!("/api/v1/audit.csv?{query}"), &cookie).await;
        assert_eq!((file.status, file.code().as_str()), (StatusCode::BAD_REQUEST, "bad_choice"), "{query}");
    }
    let page = app.get("/audit?from=yesterday", &cookie).await.body;
    assert!(page.contains("aria-describedby=\"wrong\"") && page.contains("value=\"yesterday\""), "{page}");
    for query in ["after=x", "after=1-%7B%22%24gt%22%3A1%7D", "who=a&who=b"] {
        assert_eq!(app.get(&format!("/audit?{query}"), &cookie).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn before_and_after_are_read_without_a_key() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    let odd = "<img src=x onerror=alert(1)>";
    let entry = doc! {
        "at": DateTime::now(), "action": "role_changed", "result": "ok",
        "actor": { "kind": "command_line" }, "subject": { "email": odd }, "user_agent": odd,
        "before": { "email": odd, "role": "admin", "disabled": false },
        "after": { "email": odd, "role": "viewer", "disabled": false },
    };
    // An entry of a later version, with words that are not known here.
    let later = doc! { "at": DateTime::now(), "action": "tea_made", "result": "refused", "reason": "no_tea" };
    app.db.collection(COLLECTION).insert_many([entry, later]).await.unwrap();
    let page = app.get("/audit", &cookie).await;
    assert!(
        page.body.contains("Role: </span> admin → viewer") || page.body.contains("admin → viewer"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("Disabled: "), "what stayed is not told: {}", page.body);
    assert!(!page.body.contains("<img"), "{}", page.body);
    assert!(page.body.contains("tea_made") && page.body.contains("no_tea"), "{}", page.body);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
}

#[tokio::test]
async fn the_file_is_all_of_the_choice_and_no_formula() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    past(&app, 3 * PAGE).await;
    let odd = doc! {
        "at": DateTime::now(), "action": "login_refused", "result": "refused", "actor": { "kind": "nobody" },
        "user_agent": "=HYPERLINK(\"https://evil.example\")",
    };
    app.db.collection(COLLECTION).insert_one(odd).await.unwrap();
    let file = app.get("/api/v1/audit.csv?result=refused", &cookie).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"chargedeck-audit.csv\"");
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let text = file.body.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().take(3).collect::<Vec<_>>(), ["at", "action", "result"]);
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), PAGE + 1, "every third, and the odd one");
    assert!(records.iter().all(|record| &record[2] == "refused"));
    assert_eq!(&records[0][10], "'=HYPERLINK(\"https://evil.example\")");
    assert!(records[1][0].starts_with("2026-05-28T") && records[1][0].ends_with('Z'), "{:?}", records[1]);
    let all = app.get("/api/v1/audit.csv", &cookie).await.body;
    assert!(all.contains(ADA) && !all.contains(PASSWORD) && !all.contains("argon2"));
}

#[tokio::test]
async fn only_admins_read_it_and_nobody_writes_to_it() {
    let app = App::with_ada().await;
    let cookie = app.enter().await;
    for path in ["/audit", "/api/v1/audit.csv"] {
        let answer = app.get(path, "").await;
        assert!(matches!(answer.status, StatusCode::SEE_OTHER | StatusCode::UNAUTHORIZED), "{path}");
        assert!(!answer.body.contains(ADA), "{path}");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = request(method.clone(), path).header(header::COOKIE, &cookie);
            let request = request.header(header::ORIGIN, "http://127.0.0.1:3000").body(Body::empty()).unwrap();
            assert_eq!(app.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    app.alter(ADA, doc! { "role": "viewer" }).await;
    assert_eq!(app.get("/audit", &cookie).await.status, StatusCode::SEE_OTHER);
}
