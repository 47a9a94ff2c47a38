//! What is asked by an address is followed, or refused with the reason: never answered with something else.

use std::time::Duration;

use mongodb::bson::{DateTime, doc};

use crate::{app::until, http::get, program::Program};

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
        let told = answer.body.contains(&format!("\"code\":\"{code}\"")) && answer.body.contains(why);
        assert!(told, "{path} has no word of {why}: {}", answer.body);
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
    refused("/api/v1/analytics/revenue.csv?currency=pounds", "bad_query", "“pounds”").await;
    refused("/api/v1/report?sort=colour", "bad_query", "“colour”").await;
    for path in ["report?by=station", "report.csv?last=30d", "analytics/revenue.csv?currency=GBP"] {
        assert_eq!(ask(&format!("/api/v1/{path}")).await.status, 200, "{path}");
    }
}
