//! A view or a time series takes the place of a collection, and MongoDB does not report its changes.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};

use crate::{app::until, http::get, program::Program};

#[tokio::test]
async fn what_cannot_be_followed_is_said_and_nothing_of_it_is_shown_as_if_it_were_of_now() {
    let program = Program::start(&[]).await;
    let cookie = program.enter().await;
    let port = program.port();
    let ask = async |path: &str| get(port, path, &cookie).await.unwrap();
    let (page, list) = ("/sessions", "/api/v1/snapshot/charging_sessions");
    let shows = || async { ask(page).await.body.contains("data-topic") && ask(list).await.status == 200 };
    let within = Duration::from_secs(30);
    until(within, "a page", shows).await;
    program.db.collection("tx").insert_one(doc! { "_id": "T1", "from": DateTime::now() }).await.unwrap();
    let pipeline = vec![doc! { "$project": { "session_id": "$_id", "start_date_time": "$from" } }];
    let view = doc! { "create": "charging_sessions", "viewOn": "tx", "pipeline": pipeline };
    let series = doc! { "create": "charging_sessions", "timeseries": { "timeField": "start_date_time" } };
    let what = "charging_sessions is a view or a time series";
    for made in [view, series] {
        program.db.run_command(made).await.unwrap();
        let ready = ask("/readyz").await;
        assert_eq!(ready.status, 503, "{}", ready.body);
        assert!(ready.body.contains(r#""unfollowed":["charging_sessions"]"#), "{}", ready.body);
        until(within, what, || async { ask(page).await.body.contains(what) }).await;
        for path in ["/", page, "/analytics", "/reports"] {
            let shown = ask(path).await.body;
            assert!(shown.contains(what) && shown.contains("chargedeck check"), "{path}: {shown}");
            assert!(!shown.contains("<table"), "{path} shows something of it");
        }
        for path in [list, "/api/v1/report?by=station", "/api/v1/report.csv?by=station", "/api/v1/analytics/energy.csv"]
        {
            let answer = ask(path).await;
            assert_eq!(answer.status, 503, "{path}: {}", answer.body);
            assert!(
                answer.body.contains(r#""code":"unfollowed""#) && answer.body.contains(what),
                "{path}: {}",
                answer.body
            );
        }
        for (path, other) in [("/clients", "clients"), ("/eco", "eco_stats")] {
            assert!(ask(path).await.body.contains(&format!("data-topic=\"{other}\"")), "{path} is of another");
            assert_eq!(ask(&format!("/api/v1/snapshot/{other}")).await.status, 200);
        }
        program.db.collection::<Document>("charging_sessions").drop().await.unwrap();
        assert_eq!(ask("/readyz").await.status, 200);
        until(within, "a page again", shows).await;
        assert_eq!(ask("/").await.status, 200);
    }
}
