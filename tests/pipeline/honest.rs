//! Values that are unknown, impossible or refunded must look the same on cards, in charts, in reports and in lists.

use bson::{DateTime, Document, doc};
use chargedeck::{
    domain::{
        analytics::{pieces_of, total},
        board::Board,
        collections::Collection,
        fields::Fields,
        ids::DocId,
        report::{Column, Report, ReportParameters},
        selection::Selection,
        time::UtcMs,
    },
    server::reports::Reports,
};
use serde_json::{Value, json};

use super::{Instance, Network, ada, overview};

fn selection(query: &str) -> Selection {
    Selection::read(&mut url::form_urlencoded::parse(query.as_bytes()).into_owned()).unwrap()
}

/// Returns the ids of a list and its total.
async fn listed(instance: &Instance, collection: Collection, query: &str) -> (Vec<DocId>, Option<usize>) {
    let list = instance.snapshots.list(collection, selection(query), None).await.unwrap();
    (list.rows.into_iter().map(|row| row.id).collect(), list.total)
}

fn figure(instance: &Instance, name: &str) -> Value {
    overview(&instance.hub, "Europe/London").unwrap().fields[name].clone()
}

fn cell(report: &Report, column: &Column) -> Option<i64> {
    report.totals[report.columns.iter().position(|known| known == column).unwrap()]
}

/// A completed session that began and ended the given seconds from now.
fn session(now: i64, id: &str, start_s: i64, end_s: i64, energy_wh: Option<i64>) -> Document {
    let at = |s: i64| DateTime::from_millis(now + s * 1000);
    let mut session = doc! {"_id": id, "session_id": id, "station_id": "ST1", "status": "COMPLETED", "start_date_time": at(start_s), "end_date_time": at(end_s)};
    session.extend(energy_wh.map(|wh| ("energy_wh".to_owned(), wh.into())));
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_true_is_in_no_sum_on_any_screen() {
    let network = Network::new().await;
    let now = DateTime::now().timestamp_millis();
    let sessions = network.collection(Collection::ChargingSessions);
    let unknown = session(now, "unknown", -3600, -60, None);
    sessions.insert_one(&unknown).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    let report = async |query: &[(&str, &str)]| {
        let get = |name: &str| query.iter().find(|(of, _)| *of == name).map(|(_, text)| (*text).to_owned());
        let query = ReportParameters::read(get, "Europe/London").unwrap();
        reports.report(ada(), query, std::time::Duration::from_secs(60)).await.unwrap()
    };
    let analytics: Board = match "analytics?last=2d&by=day&against=nothing&zone=Europe/London".parse().unwrap() {
        chargedeck::domain::protocol::topic::Topic::Board(board) => board,
        chargedeck::domain::protocol::topic::Topic::Collection(_) => panic!("no collection"),
    };
    let sums = |fields: &Fields| total(&pieces_of(fields));

    // There is one session, and its energy is not known.
    let first = sums(&instance.hub.board_of_now(&analytics).await.fields);
    assert_eq!((first.energy, first.energy_unknown), (None, 1));
    let by_day = report(&[("last", "2d")]).await;
    assert_eq!((cell(&by_day, &Column::Energy), cell(&by_day, &Column::WithoutEnergy)), (None, Some(1)));

    let mut running = session(now, "goend", -7200, 0, None);
    running.extend(
        doc! {"status": "ACTIVE", "end_date_time": DateTime::from_millis(-62_135_596_800_000), "power_w": 7000_i64},
    );
    sessions
        .insert_many([
            session(now, "neg", -10_800, -60, Some(-4_076_287)),
            session(now, "odo", -10_800, -60, Some(910_031)),
            session(now, "fast", -240, -60, Some(36_900)),
            session(now, "back", -60, -3660, Some(5000)),
            session(now, "future", 108_000, 111_600, Some(5000)),
            session(now, "good", -7200, -60, Some(20_000)),
            running,
        ])
        .await
        .unwrap();
    let wh = 910_031 + 36_900 + 20_000;
    let all = instance.until_made("all of them", &analytics, |fields| sums(fields).energy == Some(wh)).await;
    // The session in the future counts in neither day.
    let all = sums(&all.fields);
    assert_eq!((all.completed, all.energy_unknown, all.energy_left_out, all.energy_doubtful), (6, 1, 2, 2));
    for by in ["day", "station"] {
        let report = report(&[("last", "2d"), ("by", by)]).await;
        let cells =
            [Column::Energy, Column::WithoutEnergy, Column::LeftOut, Column::Doubtful].map(|c| cell(&report, &c));
        assert_eq!(cells, [Some(wh), Some(1), Some(2), Some(2)], "by {by}");
    }
    let day = |days: i64| UtcMs(now + days * 86_400_000).to_string()[..10].to_owned();
    let ahead = report(&[("from", &day(-2)), ("to", &day(3)), ("by", "station")]).await;
    assert_eq!((cell(&ahead, &Column::Energy), cell(&ahead, &Column::LeftOut)), (Some(wh), Some(3)), "it lies ahead");
    assert_eq!(figure(&instance, "live_power"), json!(7000), "a zero date is no end");
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_was_taken_away_is_nowhere_available() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let stations = network.collection(Collection::Stations);
    let station = |id: &str, status: &str, watts: i64| {
        let evse =
            doc! {"uid": format!("{id}-1"), "status": status, "connectors": [{"id": "1", "max_electric_power": watts}]};
        doc! {"_id": id, "station_id": id, "name": id, "connection": "ONLINE", "last_heartbeat_at": DateTime::now(), "evses": [evse]}
    };
    stations.insert_many([station("ST1", "CHARGING", 11_000), station("ST2", "AVAILABLE", 50_000)]).await.unwrap();
    let split = |instance: &Instance| (figure(instance, "evse_split"), figure(instance, "installed_power"));
    let both = (json!([["AVAILABLE", 1], ["CHARGING", 1]]), json!(61_000));
    instance.until("both stations", |_| split(&instance) == both).await;
    assert_eq!(
        listed(&instance, Collection::Stations, "evse=AVAILABLE").await,
        (vec![DocId("\"ST2\"".into())], Some(1))
    );

    let gone = DateTime::from_millis(DateTime::now().timestamp_millis() - 259_200_000);
    stations.update_one(doc! {"_id": "ST2"}, doc! {"$set": {"removed_at": gone}}).await.unwrap();
    let one = (json!([["CHARGING", 1], ["REMOVED", 1]]), json!(11_000));
    instance.until("one in service, one removed", |_| split(&instance) == one).await;
    let list = async |query| listed(&instance, Collection::Stations, query).await;
    assert_eq!(list("evse=AVAILABLE").await, (vec![], Some(0)));
    assert_eq!(list("evse=REMOVED").await, (vec![DocId("\"ST2\"".into())], Some(1)), "the tab's total is the card's");
    assert_eq!(list("evse=CHARGING").await.1, Some(1));
    instance.stop.cancel();
}
