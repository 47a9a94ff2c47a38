//! Reports compared with the database: equal to its own sums, correct after every change that they show, and not read
//! again for other changes.
//!
//! Long, because MongoDB computes each report once more, by a pipeline of its own.

use std::{collections::BTreeMap, time::Duration};

use bson::{Document, Timestamp, doc};
use chargedeck::{
    domain::{
        board::{Board, CHANGED},
        collections::Collection,
        money::Currency,
        protocol::position::{ClusterTime, Position},
        range::Day,
        report::{Column, Measure, Report, ReportParameters},
    },
    server::{
        hub::Hub,
        reports::{GivenUp, ReportError, Reports},
    },
};

use super::{Network, ada, support};

/// 2018-06-01T00:00:00+01:00
const JUNE: i64 = 1_527_807_600_000;
const HOUR: i64 = 3_600_000;
/// Longer than any report in these tests takes.
pub const LONG: Duration = Duration::from_secs(60);

pub fn query(parts: &[(&str, &str)]) -> ReportParameters {
    let parts: BTreeMap<_, _> = parts.iter().copied().collect();
    ReportParameters::read(|name| parts.get(name).map(|&text| text.to_owned()), "Europe/London").unwrap()
}

pub fn june(by: &str) -> ReportParameters {
    query(&[("from", "2018-06-01"), ("to", "2018-06-30"), ("by", by)])
}

pub fn at(hours: i64) -> bson::DateTime {
    bson::DateTime::from_millis(JUNE + hours * HOUR)
}

fn one_of(all: &[&'static str], n: i64) -> &'static str {
    all[usize::try_from(n).unwrap() % all.len()]
}

/// Inserts sessions over two months, so that half of them are not in June, and payments in two currencies for the
/// first 400.
pub async fn fill(network: &Network) {
    let stations = (0..5).map(|n| doc! {"_id": n, "station_id": format!("S{n}"), "name": format!("Station {n}"), "city": one_of(&["Dundee", "Perth"], n)});
    network.collection(Collection::Stations).insert_many(stations).await.unwrap();
    let clients = (0..4).map(|n| doc! {"_id": n, "client_id": format!("C{n}"), "name": format!("Client {n}")});
    network.collection(Collection::Clients).insert_many(clients).await.unwrap();
    let sessions = (0..600_i64).map(|n| {
        let status = one_of(&["COMPLETED", "COMPLETED", "COMPLETED", "INVALID", "ACTIVE"], n);
        let mut session = doc! {
            "_id": n, "session_id": format!("CS{n}"), "status": status, "start_date_time": at(2 * n - 243),
            "end_date_time": at(2 * n - 240), "client_id": format!("C{}", n % 4),
        };
        if n % 7 != 0 {
            session.insert("energy_wh", 1000 + n);
        }
        // One station has no document, and some sessions have no station.
        if n % 11 != 0 {
            session.insert("station_id", format!("S{}", n % 6));
        }
        session
    });
    network.collection(Collection::ChargingSessions).insert_many(sessions).await.unwrap();
    let payments = (0..400_i64).map(|n| {
        let status = one_of(&["CAPTURED", "REFUNDED", "FAILED", "PARTIALLY_REFUNDED", "DISPUTED"], n);
        let mut payment = doc! {
            "_id": n, "payment_id": format!("P{n}"), "session_id": format!("CS{n}"), "client_id": format!("C{}", n % 4),
            "status": status, "captured_minor": 500 + n, "refunded_minor": if n % 5 == 1 { 500 + n } else { n % 5 },
            "currency": one_of(&["GBP", "EUR"], n), "captured_at": at(2 * n - 240),
        };
        if n % 3 != 0 {
            payment.insert("fee_minor", n % 30);
        }
        if n % 13 != 0 {
            payment.insert("method", one_of(&["CARD", "APP", "RFID_ACCOUNT"], n));
        }
        payment
    });
    network.collection(Collection::Payments).insert_many(payments).await.unwrap();
}

pub fn cells(report: &Report, column: &Column) -> BTreeMap<String, Option<i64>> {
    let at = report.columns.iter().position(|known| known == column).unwrap_or_else(|| panic!("no column {column}"));
    let mut cells: BTreeMap<String, Option<i64>> = BTreeMap::new();
    // MongoDB groups all unknown values into one row, so merge ours.
    for row in &report.rows {
        let cell = cells.entry(row.id.clone().unwrap_or_default()).or_default();
        *cell = row.cells[at].map_or(*cell, |value| Some(cell.unwrap_or(0) + value));
    }
    cells
}

fn total(report: &Report, column: &Column) -> Option<i64> {
    report.columns.iter().position(|known| known == column).and_then(|at| report.totals[at])
}

/// Returns MongoDB's own sums, by an aggregation; as of `ct` if one is given.
async fn sums(
    network: &Network,
    ct: Option<ClusterTime>,
    collection: Collection,
    stages: Vec<Document>,
) -> BTreeMap<String, i64> {
    let mut aggregate = doc! {"aggregate": collection.name(), "pipeline": stages, "cursor": {"batchSize": 10_000}};
    if let Some(ct) = ct {
        let at = Timestamp { time: ct.seconds(), increment: ct.increment() };
        aggregate.insert("readConcern", doc! {"level": "snapshot", "atClusterTime": at});
    }
    let mut cursor = network.mongo.operator.run_cursor_command(aggregate).await.unwrap();
    let mut sums = BTreeMap::new();
    while cursor.advance().await.unwrap() {
        let group: Document = cursor.deserialize_current().unwrap();
        let sum = group.get("sum").and_then(|sum| sum.as_i64().or(sum.as_i32().map(i64::from))).unwrap();
        // As in `known`.
        if sum != 0 {
            sums.insert(group.get_str("_id").unwrap_or_default().to_owned(), sum);
        }
    }
    sums
}

async fn sessions_by(network: &Network, key: &str, sum: bson::Bson) -> BTreeMap<String, i64> {
    sessions_at(network, None, key, sum).await
}

pub async fn sessions_at(
    network: &Network,
    ct: Option<ClusterTime>,
    key: &str,
    sum: bson::Bson,
) -> BTreeMap<String, i64> {
    let matching = doc! {"status": "COMPLETED", "end_date_time": {"$gte": at(0), "$lt": at(30 * 24)}};
    let group = doc! {"_id": key, "sum": {"$sum": sum}};
    sums(network, ct, Collection::ChargingSessions, vec![doc! {"$match": matching}, doc! {"$group": group}]).await
}

async fn revenue_by(network: &Network, key: &str, currency: &str) -> BTreeMap<String, i64> {
    revenue_at(network, None, key, currency).await
}

/// `session` and `station` are those of the payment.
pub async fn revenue_at(
    network: &Network,
    ct: Option<ClusterTime>,
    key: &str,
    currency: &str,
) -> BTreeMap<String, i64> {
    let revenue = ["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "DISPUTED"];
    let matching = doc! {"status": {"$in": &revenue[..]}, "currency": currency, "captured_at": {"$gte": at(0), "$lt": at(30 * 24)}};
    let session =
        doc! {"from": "charging_sessions", "localField": "session_id", "foreignField": "session_id", "as": "session"};
    let group = doc! {"_id": key, "sum": {"$sum": {"$subtract": ["$captured_minor", "$refunded_minor"]}}};
    let stages = vec![
        doc! {"$match": matching},
        doc! {"$lookup": session},
        doc! {"$set": {"session": {"$first": "$session"}}},
        doc! {"$lookup": {"from": "stations", "localField": "session.station_id", "foreignField": "station_id", "as": "station"}},
        doc! {"$set": {"station": {"$first": "$station"}}},
        doc! {"$group": group},
    ];
    sums(network, ct, Collection::Payments, stages).await
}

fn changed(hub: &Hub) -> Position {
    hub.board(&Board::Reported).unwrap().fields[CHANGED].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_follows_what_it_shows_and_nothing_else() {
    let network = Network::new().await;
    fill(&network).await;
    let instance = network.instance(true);
    instance.ready().await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    let before = changed(&instance.hub);
    let first = reports.report(ada(), june("station"), LONG).await.unwrap();

    // Heartbeats and the meter of a running session do not change a report.
    let stations = network.collection(Collection::Stations);
    let sessions = network.collection(Collection::ChargingSessions);
    stations.update_many(doc! {}, doc! {"$set": {"last_heartbeat_at": at(5000), "evses": []}}).await.unwrap();
    sessions
        .update_many(doc! {"status": "ACTIVE"}, doc! {"$inc": {"energy_wh": 5}, "$set": {"power_w": 7}})
        .await
        .unwrap();
    instance.until("the heartbeats", |hub| hub.head().is_some_and(|head| head.seq.0 >= 125)).await;
    assert_eq!(changed(&instance.hub), before);
    network.mongo.operator.run_command(doc! {"profile": 2}).await.unwrap();
    let again = reports.report(ada(), june("station"), LONG).await.unwrap();
    network.mongo.operator.run_command(doc! {"profile": 0}).await.unwrap();
    let read =
        network.mongo.operator.collection::<Document>("system.profile").count_documents(doc! {"op": "query"}).await;
    assert_eq!(read.unwrap(), 0, "what is true still is not read again");
    assert_eq!((&again.rows, &again.totals), (&first.rows, &first.totals));
    assert!(again.about.position > first.about.position, "true up to the head");

    // A refund and the end of a session do.
    network
        .collection(Collection::Payments)
        .update_one(doc! {"_id": 200}, doc! {"$set": {"status": "PARTIALLY_REFUNDED", "refunded_minor": 123}})
        .await
        .unwrap();
    sessions.update_one(doc! {"_id": 204}, doc! {"$set": {"status": "COMPLETED", "station_id": "S0"}}).await.unwrap();
    instance.until("the changes", |hub| changed(hub).seq.0 >= before.seq.0 + 127).await;
    let moved = changed(&instance.hub);
    // For a moment the server may answer with the previous report, whose position says so.
    let after = loop {
        let after = reports.report(ada(), june("station"), LONG).await.unwrap();
        if after.about.position >= moved {
            break after;
        }
        tokio::task::yield_now().await;
    };
    assert_ne!(after.totals, first.totals);
    let revenue = |currency: &str| Column::Money(Measure::Revenue, Currency(currency.to_owned()));
    for report in [&after, &reports.report(ada(), june("city"), LONG).await.unwrap()] {
        for (column, whole) in [
            (Column::Sessions, sessions_by(&network, "all", 1.into()).await),
            (Column::Energy, sessions_by(&network, "all", "$energy_wh".into()).await),
            (revenue("GBP"), revenue_by(&network, "all", "GBP").await),
            (revenue("EUR"), revenue_by(&network, "all", "EUR").await),
        ] {
            assert_eq!(total(report, &column), whole.get("all").copied(), "{column}");
            let rows: i64 = cells(report, &column).values().flatten().sum();
            assert_eq!(Some(rows), total(report, &column), "the rows of {column} add up");
        }
    }
    instance.stop.cancel();
}

/// Keeps the known values that are not zero, as MongoDB groups them.
pub fn known(cells: BTreeMap<String, Option<i64>>) -> BTreeMap<String, i64> {
    cells.into_iter().filter_map(|(id, value)| Some((id, value?))).filter(|(_, value)| *value != 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_equal_mongodbs_own_sums() {
    let network = Network::new().await;
    fill(&network).await;
    let instance = network.instance(true);
    instance.ready().await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    let gbp = Column::Money(Measure::Revenue, Currency("GBP".into()));

    let station = reports.report(ada(), june("station"), LONG).await.unwrap();
    assert_eq!(known(cells(&station, &Column::Sessions)), sessions_by(&network, "$station_id", 1.into()).await);
    assert_eq!(
        known(cells(&station, &Column::Energy)),
        sessions_by(&network, "$station_id", "$energy_wh".into()).await
    );
    assert_eq!(known(cells(&station, &gbp)), revenue_by(&network, "$session.station_id", "GBP").await);
    let revenues = station.columns.iter().filter(|column| matches!(column, Column::Money(Measure::Revenue, _)));
    let eur = Column::Money(Measure::Revenue, Currency("EUR".into()));
    assert_eq!(revenues.collect::<Vec<_>>(), [&gbp, &eur], "the network's own currency stands first");
    let name = |id: &str| station.rows.iter().find(|row| row.id.as_deref() == Some(id)).unwrap().name.clone();
    assert_eq!((name("S1").as_deref(), name("S5")), (Some("Station 1"), None));

    let client = reports.report(ada(), june("client"), LONG).await.unwrap();
    assert_eq!(known(cells(&client, &Column::Sessions)), sessions_by(&network, "$client_id", 1.into()).await);
    assert_eq!(known(cells(&client, &gbp)), revenue_by(&network, "$client_id", "GBP").await);
    assert!(client.rows.iter().all(|row| row.name.is_some()));

    let day = reports.report(ada(), june("day"), LONG).await.unwrap();
    assert_eq!((day.rows.len(), day.all), (30, 30));
    assert_eq!(day.about.period, "2018-05-31T23:00:00Z/2018-06-30T23:00:00Z");
    assert_eq!(day.rows[29].period.as_deref(), Some("2018-06-29T23:00:00Z/2018-06-30T23:00:00Z"));
    assert_eq!(known(cells(&day, &gbp)).values().sum::<i64>(), revenue_by(&network, "all", "GBP").await["all"]);

    // The method of a session is that of its payment.
    let method = reports.report(ada(), june("method"), LONG).await.unwrap();
    assert_eq!(known(cells(&method, &gbp)), revenue_by(&network, "$method", "GBP").await);
    let lacks = |what: &str| method.rows.iter().find(|row| row.lacks.as_deref() == Some(what));
    let unpaid = lacks("payment").expect("sessions without a payment").cells[0];
    let paid: Vec<String> = (0..400).map(|n| format!("CS{n}")).collect();
    let without = doc! {"status": "COMPLETED", "session_id": {"$nin": paid}, "end_date_time": {"$gte": at(0), "$lt": at(30 * 24)}};
    let without = network.collection(Collection::ChargingSessions).count_documents(without).await.unwrap();
    assert_eq!(unpaid, i64::try_from(without).ok());
    assert!(lacks("method").is_some());

    let nowhere = ReportParameters { zone: "Mars/Base".into(), ..june("day") };
    assert!(matches!(reports.report(ada(), nowhere, LONG).await, Err(ReportError::Zone(_))));
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_that_are_texts_count_as_they_do_everywhere() {
    let network = Network::new().await;
    let sessions = network.collection(Collection::ChargingSessions);
    let session = |end: bson::Bson| doc! {"status": "COMPLETED", "end_date_time": end, "energy_wh": 1000};
    let ends = ["2018-06-01T00:00:00+01:00", "2018-05-31T23:59:59+01:00", "no date"];
    sessions.insert_many(ends.map(|end| session(end.into()))).await.unwrap();
    sessions.insert_many([session(at(0).into()), session(at(24 * 30).into())]).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    let report = reports.report(ada(), june("day"), LONG).await.unwrap();
    assert_eq!(total(&report, &Column::Sessions), Some(2));
    instance.stop.cancel();
}

/// Returns how many documents MongoDB has examined for finds and aggregations of the watched collections since
/// profiling began.
pub async fn examined(network: &Network) -> i64 {
    let profile = network.mongo.operator.collection::<Document>("system.profile");
    let of_reading = doc! {"op": {"$in": ["query", "getmore"]}, "docsExamined": {"$gt": 0}};
    let mut cursor = profile.find(of_reading).await.unwrap();
    let mut examined = 0;
    while cursor.advance().await.unwrap() {
        let entry = cursor.deserialize_current().unwrap();
        examined += entry.get_i32("docsExamined").map_or_else(|_| entry.get_i64("docsExamined").unwrap(), i64::from);
    }
    examined
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_time_are_told_without_reading_documents_and_equal_what_is_read() {
    let network = Network::new().await;
    fill(&network).await;
    let instance = network.instance(true);
    instance.ready().await;
    instance.until("a time", |hub| hub.now().is_some()).await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    let mut seen = Vec::new();
    network.mongo.operator.run_command(doc! {"profile": 2}).await.unwrap();
    for by in ["day", "week", "month"] {
        for (from, to) in [("2018-06-01", "2018-06-03"), ("2018-05-17", "2018-07-03"), ("2017-12-01", "2018-12-31")] {
            seen.push(reports.report(ada(), query(&[("from", from), ("to", to), ("by", by)]), LONG).await.unwrap());
        }
    }
    network.mongo.operator.run_command(doc! {"profile": 0}).await.unwrap();
    assert_eq!(examined(&network).await, 0);

    // Other groupings are read from documents. Their totals must be the sums of their periods.
    for report in seen.iter().filter(|report| report.rows.len() < 60) {
        assert!(report.totals[0] > Some(0), "something is in it");
        for row in &report.rows {
            let first: Day = row.id.as_deref().unwrap().parse().unwrap();
            let (from, to) = (first.max(report.about.first), Day(report.by.next(first).0 - 1).min(report.about.last));
            let days = [from.to_string(), to.to_string()];
            let query = query(&[("from", &days[0]), ("to", &days[1]), ("by", "city")]);
            let read = reports.report(ada(), query, LONG).await.unwrap();
            assert_eq!(row.period.as_ref(), Some(&read.about.period));
            for (column, cell) in report.columns.iter().zip(&row.cells) {
                let of = read.columns.iter().position(|known| known == column);
                assert_eq!(*cell, of.map_or(Some(0), |at| read.totals[at]), "{column} {}", days[0]);
            }
        }
    }
    instance.stop.cancel();
}

/// A report from May to July 2018 by station. Its sessions are read in several batches.
fn summer() -> ReportParameters {
    query(&[("from", "2018-05-01"), ("to", "2018-07-31"), ("by", "station")])
}

/// A network whose batches of sessions can be made to fail or wait, see `batches`.
async fn slow() -> (support::Mongod, Network) {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    fill(&network).await;
    let more = (1000..4000_i64).map(|n| doc! {"_id": n, "status": "COMPLETED", "end_date_time": at(1), "energy_wh": n});
    network.collection(Collection::ChargingSessions).insert_many(more).await.unwrap();
    (mongod, network)
}

async fn batches(network: &Network, mode: &str, what: Document) {
    let namespace = format!("{}.charging_sessions", network.mongo.operator.name());
    let mut data = doc! {"failCommands": ["getMore"], "namespace": namespace};
    data.extend(what);
    let fail = doc! {"configureFailPoint": "failCommand", "mode": mode, "data": data};
    network.mongo.client.database("admin").run_command(fail).await.unwrap();
}

/// Waits until that many cursors of sessions are open.
async fn open_cursors(network: &Network, count: usize, within: Duration) {
    let namespace = format!("{}.charging_sessions", network.mongo.operator.name());
    let open = async || {
        let all = doc! {"$currentOp": {"idleCursors": true, "allUsers": true}};
        let ours = doc! {"$match": {"ns": &namespace, "cursor": {"$exists": true}}};
        let mut found = network.mongo.client.database("admin").aggregate([all, ours]).await.unwrap();
        let mut open = 0;
        while found.advance().await.unwrap() {
            open += 1;
        }
        open
    };
    let reached = async {
        while open().await != count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, reached).await.unwrap_or_else(|_| panic!("never {count} open cursors"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_says_so_and_is_read_on_while_somebody_asks() {
    const IMPATIENT: Duration = Duration::from_millis(200);
    let (_mongod, network) = slow().await;
    let instance = network.instance(true);
    instance.ready().await;
    instance.until("a time", |hub| hub.now().is_some()).await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    // Seven batches take more than half a minute.
    batches(&network, "alwaysOn", doc! {"blockConnection": true, "blockTimeMS": 5000}).await;
    let asked = reports.report(ada(), summer(), IMPATIENT).await;
    assert!(matches!(asked, Err(ReportError::Reading)), "{asked:?}");
    open_cursors(&network, 1, Duration::from_secs(5)).await;
    // Nobody asks again.
    open_cursors(&network, 0, Duration::from_secs(18)).await;
    let asked = reports.report(ada(), summer(), IMPATIENT).await;
    assert!(matches!(asked, Err(ReportError::Reading)), "nothing was read to its end: {asked:?}");
    batches(&network, "off", doc! {}).await;
    let report = reports.report(ada(), summer(), LONG).await.unwrap();
    assert!(total(&report, &Column::Sessions) > Some(3000));
    instance.stop.cancel();
}

/// Documents may name any number of clients. A report that memory does not hold is refused, and none is without rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_more_groups_than_memory_holds_is_refused_and_others_are_whole() {
    const PAYMENTS: i32 = 40_000;
    let network = Network::new().await;
    let paid = |n: i32| {
        doc! {"_id": n, "payment_id": n, "client_id": format!("{n:0>2000}"), "method": format!("M{}", n % 3), "status": "CAPTURED",
        "captured_minor": 1, "currency": "GBP", "captured_at": at(1)}
    };
    network.collection(Collection::Payments).insert_many((0..PAYMENTS).map(paid)).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    instance.until("a time", |hub| hub.now().is_some()).await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    for _ in 0..2 {
        let refused = reports.report(ada(), june("client"), LONG).await.unwrap_err();
        assert!(matches!(refused, ReportError::GivenUp(GivenUp::TooManyGroups)), "{refused}");
    }
    let whole = reports.report(ada(), june("method"), LONG).await.unwrap();
    assert_eq!((whole.rows.len(), total(&whole, &Column::Payments)), (3, Some(PAYMENTS.into())));
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_mongodb_keeps_its_past_says_what_to_do() {
    let (_mongod, network) = slow().await;
    let instance = network.instance(true);
    instance.ready().await;
    instance.until("a time", |hub| hub.now().is_some()).await;
    let reports = Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone());
    const SNAPSHOT_TOO_OLD: i32 = 239;
    batches(&network, "alwaysOn", doc! {"errorCode": SNAPSHOT_TOO_OLD}).await;
    let refused = reports.report(ada(), summer(), LONG).await.unwrap_err();
    assert!(
        matches!(refused, ReportError::GivenUp(GivenUp::TooLong)) && refused.to_string().contains("shorter period"),
        "{refused}"
    );
    batches(&network, "off", doc! {}).await;
    let again = reports.report(ada(), summer(), LONG).await;
    assert!(
        matches!(again, Err(ReportError::GivenUp(GivenUp::TooLong))),
        "whoever asks again must not wait as long again: {again:?}"
    );
    assert!(reports.report(ada(), june("station"), LONG).await.is_ok(), "a shorter period");
    instance.stop.cancel();
}
