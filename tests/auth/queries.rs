//! What an address asks for is answered, or refused with the reason. It is never answered with something else.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use chargedeck::domain::protocol::{
    position::{ClusterTime, Epoch, Position, Seq},
    snapshot::Snapshot,
};
use mongodb::bson::{DateTime, doc};

use crate::{
    app::until,
    http::{ask, get, send},
    program::Program,
};

#[tokio::test]
async fn what_cannot_be_followed_is_refused_by_every_address_that_answers_data() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let ask = async |path: &str| get(program.port(), path, &cookie).await.unwrap();
    let now = DateTime::now();
    let of = |id: &str, status: &str| doc! { "_id": id, "payment_id": id, "status": status, "created_at": now };
    program.db.collection("payments").insert_many([of("P1", "CAPTURED"), of("P2", "ODD")]).await.unwrap();
    let list = "/api/v1/snapshot/payments?status=";
    let ready = || async {
        let answer = ask(&format!("{list}CAPTURED,ODD")).await;
        answer.status == 200 && answer.body.contains("P1") && answer.body.contains("P2")
    };
    until(Duration::from_secs(30), "both payments", ready).await;

    let refused = async |path: &str, code: &str, why: &str| {
        let answer = ask(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        let explained = answer.body.contains(&format!("\"code\":\"{code}\"")) && answer.body.contains(why);
        assert!(explained, "{path} has no word of {why}: {}", answer.body);
    };
    for (query, why) in [
        ("BOGUS", "“BOGUS”"),
        ("CAPTURED,BOGUS", "“BOGUS”"),
        ("ODD,BOGUS", "“BOGUS”"),
        ("CAPTURED&currency=pounds", "“pounds”"),
        ("CAPTURED&station=S1", "“station”"),
        ("CAPTURED&colour=red", "“colour”"),
        ("CAPTURED&status=ODD", "“status”"),
    ] {
        refused(&format!("{list}{query}"), "bad_selection", why).await;
    }
    let files = ["report?", "report.csv?", "analytics/revenue.csv?", "analytics/energy.csv?"];
    for file in files {
        for (query, why) in [
            ("station=S1", "“station”"),
            ("zone=Europe/Dundee", "Europe/Dundee"),
            ("last=x", "“x”"),
            ("by=colour", "“colour”"),
            ("last=7d&last=30d", "“last”"),
        ] {
            refused(&format!("/api/v1/{file}{query}"), "bad_query", why).await;
        }
    }
    for file in [files[0], files[1], files[3]] {
        refused(&format!("/api/v1/{file}currency=GBP"), "bad_query", "“currency”").await;
    }
    for chart in ["power", "evses"] {
        refused(&format!("/api/v1/analytics/{chart}.csv?last=30d"), "bad_query", "“last”").await;
        let now = ask(&format!("/api/v1/analytics/{chart}.csv")).await;
        assert!(now.status == 200 && !now.body.contains("Period"), "{chart} is of no period: {}", now.body);
    }
    refused("/api/v1/analytics/revenue.csv?currency=pounds", "bad_query", "“pounds”").await;
    refused("/api/v1/report?sort=colour", "bad_query", "“colour”").await;
    for path in ["report?by=station", "report.csv?last=30d", "analytics/revenue.csv?currency=GBP"] {
        assert_eq!(ask(&format!("/api/v1/{path}")).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_position_that_is_to_come_is_waited_for_and_one_of_an_epoch_that_is_not_known_is_refused() {
    const WAIT: Duration = Duration::from_secs(2);
    // The log has a line for each request as soon as it arrives.
    let program = Program::start(&[("RUST_LOG", "chargedeck=info,tower_http=debug".to_owned())]).await;
    let arrived = || program.log().matches("started processing request").count();
    let (port, cookie) = (program.port(), program.enter().await);
    let stations = program.db.collection("stations");
    let rows = async |query: String| get(port, &format!("/api/v1/snapshot/stations{query}"), &cookie).await.unwrap();
    let place = |body: &str| serde_json::from_str::<Snapshot>(body).expect(body).position;
    until(Duration::from_secs(30), "rows", || async { rows(String::new()).await.status == 200 }).await;
    let Position { epoch, seq } = place(&rows(String::new()).await.body);
    let at = |epoch, seq| format!("?min_position={}", Position::new(Epoch(epoch), Seq(seq)));

    let next = Position::new(epoch, seq.next());
    let before = arrived();
    let inserting = async {
        until(WAIT, "the request arrives first", || async { arrived() > before }).await;
        stations.insert_one(doc! { "_id": 1, "name": "First" }).await.unwrap();
    };
    let (waited, ()) = tokio::join!(rows(format!("?min_position={next}")), inserting);
    assert_eq!(waited.status, 200, "{}", waited.body);
    assert!(place(&waited.body) >= next && waited.body.contains("First"), "{}", waited.body);

    let waits = async |future: String| {
        let asked = Instant::now();
        let answer = rows(future.clone()).await;
        assert!(asked.elapsed() >= WAIT, "{future} was not waited for");
        answer
    };
    let future = waits(at(epoch.0, seq.0 + 1000)).await;
    assert_eq!(future.status, 503, "{}", future.body);
    assert!(future.body.contains(r#""code":"not_yet""#), "{}", future.body);
    assert!(future.head.to_lowercase().contains("retry-after: 1"), "{}", future.head);
    let unknown = waits(at(epoch.0 + 1, 0)).await;
    assert_eq!(unknown.status, 409, "{}", unknown.body);
    assert!(unknown.body.contains(r#""code":"epoch_gone""#), "{}", unknown.body);
    let gone = rows(at(epoch.0 - 1, 0)).await;
    assert_eq!(gone.status, 409, "{}", gone.body);
    assert!(gone.body.contains(r#""code":"epoch_gone""#), "{}", gone.body);

    // A cluster time in the future is refused as well, but no cluster time that was shown is one.
    let shown: Snapshot = serde_json::from_str(&waited.body).unwrap();
    let answer = rows(format!("?min_ct={}", shown.ct)).await;
    assert!(serde_json::from_str::<Snapshot>(&answer.body).expect(&answer.body).ct >= shown.ct);
    assert_eq!(rows("?min_ct=ffffffffffffffff".to_owned()).await.status, 503);
    assert_eq!(rows("?min_ct=1".to_owned()).await.status, 400);
    for unknown in ["limit=9", "page=2", "sort=name"] {
        let answer = rows(format!("?{unknown}")).await;
        assert!(answer.status == 400 && answer.body.contains("bad_selection"), "{unknown}: {}", answer.body);
    }

    // A page's request after a reset in an epoch that has ended is answered with the rows of the current one.
    let asks = async |position: Position| {
        let body = format!(r#"{{"ask":{{"List":{{"of":"stations","min_position":"{position}"}}}}}}"#);
        send(port, "/api/page/load", &cookie, "application/json", &body).await.unwrap()
    };
    let answer = asks(Position::new(Epoch(epoch.0 - 1), Seq(9))).await;
    assert!(answer.status == 200 && place(&answer.body) >= next, "{}: {}", answer.status, answer.body);
    assert_eq!(asks(Position::new(epoch, Seq(seq.0 + 1000))).await.status, 503);
}

/// Whatever is wrong with a request, a program gets the status and code that are documented, and the request's id.
#[tokio::test]
async fn every_refusal_of_a_snapshot_is_a_documented_problem() {
    let program = Program::start(&[]).await;
    let (port, cookie) = (program.port(), program.enter().await);
    let host = format!("127.0.0.1:{port}");
    let refused = async |line: &str, host: &str, cookie: &str, more: &str, status: u16, code: &str| {
        let request = format!("{line} HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\n{more}\r\n");
        let answer = ask(Ipv4Addr::LOCALHOST, port, request).await.unwrap();
        let problem: serde_json::Value = serde_json::from_str(&answer.body).expect(&answer.head);
        assert_eq!((answer.status, &problem["code"]), (status, &code.into()), "{line}: {}", answer.body);
        assert!(answer.head.contains("content-type: application/problem+json"), "{line}: {}", answer.head);
        let id = problem["request_id"].as_str().unwrap();
        assert!(id.len() == 36 && answer.head.contains(id), "{line}: {}", answer.body);
    };
    let origin = format!("Origin: http://{host}\r\n");
    let body = format!("{origin}Content-Type: application/json\r\nContent-Length: 0\r\n");
    // The other routes that take a part of their path.
    refused("GET /api/v1/analytics/%FF", &host, &cookie, "", 400, "bad_request").await;
    refused("GET /users/%FF", &host, &cookie, "", 400, "bad_request").await;
    refused("POST /api/v1/clients/%FF/block", &host, &cookie, &body, 400, "bad_request").await;
    let table = include_str!("../../docs/live.md").split_once("## Snapshot").unwrap().1.split_once("\n## ").unwrap().0;
    for (line, host, cookie, more, status, code) in [
        ("GET /api/v1/snapshot/%FF", &*host, &*cookie, "", 400, "bad_request"),
        ("GET /api/v1/snapshot/stations%C3", &host, &cookie, "", 400, "bad_request"),
        ("GET /api/v1/snapshot/stations?sort=%FF", &host, &cookie, "", 400, "bad_selection"),
        ("GET /api/v1/snapshot/stations?min_position=x", &host, &cookie, "", 400, "bad_position"),
        ("GET /api/v1/snapshot/stations", &host, "", "", 401, "unauthenticated"),
        ("POST /api/v1/snapshot/stations", &host, &cookie, "", 403, "cross_site"),
        ("GET /api/v1/snapshot/overview", &host, &cookie, "", 404, "unknown_topic"),
        ("POST /api/v1/snapshot/stations", &host, &cookie, &origin, 405, "method_not_allowed"),
        ("GET /api/v1/snapshot/stations", &host, &cookie, "Content-Length: 65537\r\n", 413, "payload_too_large"),
        ("GET /api/v1/snapshot/stations", "elsewhere.example", &cookie, "", 421, "unknown_host"),
    ] {
        refused(line, host, cookie, more, status, code).await;
        let documented = |row: &&str| row.split('|').nth(1).is_some_and(|of| of.contains(&status.to_string()));
        let row = table.lines().filter(documented).find(|row| row.contains(&format!("`{code}`")));
        assert!(row.is_some(), "{status} {code} stands in no row");
    }
}

#[tokio::test]
async fn pages_are_told_of_which_time_the_first_values_of_a_board_are() {
    const ANALYTICS: &str = r#"{"Analytics":{"query":"last=7d&by=day&against=before&zone=UTC","currency":null}}"#;
    const ACTIVITY: &str = r#"{"Activity":{"of":"all","before":null}}"#;
    let program = Program::start(&[]).await;
    let (port, cookie) = (program.port(), program.enter().await);
    crate::support::collections_with_images(&program.db).await;
    program.db.collection("stations").insert_one(doc! { "_id": 1, "name": "First" }).await.unwrap();
    let asks = async |ask: &str| {
        let body = format!(r#"{{"ask":{ask}}}"#);
        send(port, "/api/page/load", &cookie, "application/json", &body).await.unwrap().body
    };
    until(Duration::from_secs(30), "an event", || async { asks(ACTIVITY).await.contains("First") }).await;
    let list = get(port, "/api/v1/snapshot/stations", &cookie).await.unwrap();
    let list: Snapshot = serde_json::from_str(&list.body).unwrap();
    let cluster_time = |answer: &serde_json::Value| answer["ct"].as_str().unwrap().parse::<ClusterTime>().unwrap();
    let events: serde_json::Value = serde_json::from_str(&asks(ACTIVITY).await).unwrap();
    let charts: serde_json::Value = serde_json::from_str(&asks(ANALYTICS).await).unwrap();
    assert!(ClusterTime(0) < cluster_time(&events) && cluster_time(&events) <= list.ct, "{events}");
    assert!(cluster_time(&events) <= cluster_time(&charts), "{charts}");
}
