//! The engine's reports: equal to what is read of the documents, at rest; equal to MongoDB's own sums at their cluster
//! time, while everything changes; and read where the engine has no room or knows no change.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bson::{Document, doc};
use chargedeck::{
    domain::{
        collections::{Collection, schema::Schema},
        money::Currency,
        report::{By, Column, Measure, ReportParameters},
    },
    server::reports::Reports,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{
    Instance, Network, ada,
    reports::{LONG, at, cells, examined, fill, june, known, query, revenue_at, sessions_at},
};

fn reports(network: &Network, instance: &Instance) -> Reports {
    Reports::new(network.mongo.clone(), network.redis.clone(), instance.hub.clone())
}

/// Waits until the engine holds all documents up to the head.
async fn holds(instance: &Instance) {
    instance.until("an engine that holds all documents", |hub| hub.with_engine(|_| ()).is_some()).await;
    instance.until("a time", |hub| hub.now().is_some()).await;
}

fn questions() -> impl Iterator<Item = ReportParameters> {
    let periods = [("2018-06-01", "2018-06-30"), ("2018-06-15", "2018-06-15"), ("2017-12-01", "2018-12-31")];
    By::ALL.into_iter().flat_map(move |by| {
        periods
            .map(|(from, to)| query(&[("from", from), ("to", to), ("by", by.name()), ("zone", "Australia/Adelaide")]))
    })
}

/// Compares what two ways tell of the same documents.
async fn equal(held: &Reports, read: &Reports) {
    for question in questions() {
        let [ours, theirs] = [held, read].map(|reports| reports.report(ada(), question.clone(), LONG));
        let (ours, theirs) = (ours.await.unwrap(), theirs.await.unwrap());
        assert_eq!((&ours.columns, &ours.rows), (&theirs.columns, &theirs.rows), "{question}");
        assert_eq!((&ours.totals, &ours.about.period), (&theirs.totals, &theirs.about.period), "{question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_reports_equal_those_that_are_read_and_read_nothing() {
    let network = Network::new().await;
    fill(&network).await;
    let (engine, reading) = (network.instance_with_engine(), network.instance(false));
    holds(&engine).await;
    reading.ready().await;
    let (held, read) = (reports(&network, &engine), reports(&network, &reading));
    equal(&held, &read).await;

    network.mongo.operator.run_command(doc! {"profile": 2}).await.unwrap();
    for question in questions() {
        held.report(ada(), question, LONG).await.unwrap();
    }
    network.mongo.operator.run_command(doc! {"profile": 0}).await.unwrap();
    assert_eq!(examined(&network).await, 0);

    // Another epoch: a collection that is replaced is read anew, and nothing of the old one stays.
    let sessions = network.collection(Collection::ChargingSessions);
    sessions.drop().await.unwrap();
    let again = doc! {"create": sessions.name(), "changeStreamPreAndPostImages": {"enabled": true}};
    network.mongo.operator.run_command(again).await.unwrap();
    sessions
        .insert_one(doc! {"_id": 1, "status": "COMPLETED", "station_id": "S1", "end_date_time": at(1), "energy_wh": 7})
        .await
        .unwrap();
    let whole = async || {
        let report = held.report(ada(), june("station"), LONG).await.unwrap();
        known(cells(&report, &Column::Sessions))
    };
    let replaced = async {
        while whole().await != [("S1".to_owned(), 1)].into() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), replaced).await.expect("the engine follows a collection's end");
    holds(&engine).await;
    let head = engine.hub.head().unwrap();
    reading.until("the same head", |hub| hub.head() >= Some(head)).await;
    equal(&held, &read).await;
    engine.stop.cancel();
    reading.stop.cancel();
}

/// Changes sessions, payments and stations at random, until it is told to stop.
async fn write(network: &Network, seed: u64, stop: &AtomicBool) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    while !stop.load(Ordering::Relaxed) {
        let n = rng.random_range(0..600_i64);
        let sessions = network.collection(Collection::ChargingSessions);
        let payments = network.collection(Collection::Payments);
        let stations = network.collection(Collection::Stations);
        let set = |change: Document| doc! {"$set": change};
        match rng.random_range(0..7) {
            0 => {
                // It takes three hours, because what ends before it starts delivered nothing.
                let end = rng.random_range(-48..800);
                let change = doc! {
                    "status": "COMPLETED", "start_date_time": at(end - 3), "end_date_time": at(end),
                    "energy_wh": rng.random_range(1..9000_i64),
                };
                sessions.update_one(doc! {"_id": n}, set(change)).await.unwrap();
            }
            1 => {
                let change =
                    doc! {"station_id": format!("S{}", rng.random_range(0..6)), "client_id": format!("C{}", n % 5)};
                sessions.update_one(doc! {"_id": n}, set(change)).await.unwrap();
            }
            2 => {
                let change = doc! {"status": "PARTIALLY_REFUNDED", "refunded_minor": rng.random_range(0..400_i64)};
                payments.update_one(doc! {"_id": n % 400}, set(change)).await.unwrap();
            }
            3 => {
                let change = doc! {"method": format!("M{}", rng.random_range(0..4)), "captured_at": at(rng.random_range(-48..800))};
                payments.update_one(doc! {"_id": n % 400}, set(change)).await.unwrap();
            }
            4 => {
                let change = doc! {"city": format!("City {}", rng.random_range(0..3)), "name": format!("Station {n}")};
                stations.update_one(doc! {"_id": n % 5}, set(change)).await.unwrap();
            }
            5 => {
                sessions.delete_one(doc! {"_id": n}).await.unwrap();
                let new = doc! {"_id": n, "session_id": format!("CS{n}"), "status": "COMPLETED", "end_date_time": at(n), "station_id": "S1", "energy_wh": n + 1};
                sessions.insert_one(new).await.unwrap();
            }
            _ => {
                payments.delete_one(doc! {"_id": 300 + n % 100}).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_reports_equal_mongodbs_sums_at_their_cluster_time_under_writes() {
    const QUESTIONS: usize = 10;
    let network = Network::new().await;
    fill(&network).await;
    let engine = network.instance_with_engine();
    holds(&engine).await;
    let held = reports(&network, &engine);
    let gbp = Column::Money(Measure::Revenue, Currency("GBP".into()));
    let stop = AtomicBool::new(false);
    let compare = async {
        let mut first = None;
        for _ in 0..QUESTIONS {
            let report = held.report(ada(), june("station"), LONG).await.unwrap();
            let ct = Some(report.about.ct);
            assert_eq!(
                known(cells(&report, &Column::Sessions)),
                sessions_at(&network, ct, "$station_id", 1.into()).await
            );
            assert_eq!(
                known(cells(&report, &Column::Energy)),
                sessions_at(&network, ct, "$station_id", "$energy_wh".into()).await
            );
            assert_eq!(known(cells(&report, &gbp)), revenue_at(&network, ct, "$session.station_id", "GBP").await);
            for (by, key) in [("client", "$client_id"), ("method", "$method"), ("city", "$station.city")] {
                let report = held.report(ada(), june(by), LONG).await.unwrap();
                let truth = revenue_at(&network, Some(report.about.ct), key, "GBP").await;
                assert_eq!(known(cells(&report, &gbp)), truth, "by {by}");
            }
            first.get_or_insert(report.about.position);
            // Others write meanwhile.
            let now = engine.hub.head();
            engine.until("more changes", |hub| hub.head() > now).await;
        }
        stop.store(true, Ordering::Relaxed);
        first
    };
    let seed = std::env::var("CHARGEDECK_SEED").ok().and_then(|seed| u64::from_str_radix(&seed, 16).ok()).unwrap_or(1);
    let (first, ()) = tokio::join!(compare, write(&network, seed, &stop));
    assert!(engine.hub.head() > first, "something changed");
    let reading = network.instance(false);
    reading.ready().await;
    let last = reading.hub.head().unwrap();
    engine.until("the last change", |hub| hub.head() >= Some(last)).await;
    reading.until("a time", |hub| hub.now().is_some()).await;
    equal(&held, &reports(&network, &reading)).await;
    engine.stop.cancel();
    reading.stop.cancel();
}

/// A network that outgrows the engine's room is told by MongoDB, and the figures are the same.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_engine_has_no_room_documents_are_read_and_figures_are_equal() {
    let network = Network::new().await;
    let (roomy, tight) = (network.instance_with_engine(), network.instance_with(Schema::OURS, false, 64 << 10));
    holds(&roomy).await;
    holds(&tight).await;
    fill(&network).await;
    let first = roomy.hub.head().unwrap();
    for instance in [&roomy, &tight] {
        instance.until("all changes", |hub| hub.head().is_some_and(|head| head.seq.0 >= first.seq.0.max(1009))).await;
    }
    equal(&reports(&network, &roomy), &reports(&network, &tight)).await;
    assert!(tight.hub.with_engine(|_| ()).is_none() && roomy.hub.with_engine(|_| ()).is_some());
    roomy.stop.cancel();
    tight.stop.cancel();
}
