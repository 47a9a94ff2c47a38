//! Simulation: a network that stays alive, agrees with itself, and goes on after whatever stopped it.

use std::time::Duration;

use chargedeck::server::ops::ingest::simulate::Summary;

use super::*;

#[tokio::test]
async fn the_same_seed_start_and_database_give_the_same_writes() {
    let dump_after = async |simulation: SimulateArgs| {
        let db = support::mongod().await.fresh_db().await;
        seed::run(&db, &seed_args()).await.unwrap();
        let Summary { writes, .. } = simulate::run(&db, &simulation, CancellationToken::new()).await.unwrap();
        assert_eq!(writes, 600);
        dump(&db).await
    };
    let one = dump_after(steps(600)).await;
    assert_eq!(one, dump_after(steps(600)).await);
    assert_ne!(one, dump_after(SimulateArgs { seed: 2, ..steps(600) }).await);
}

#[tokio::test]
async fn a_simulated_network_stays_alive_and_agrees_with_itself() {
    let db = support::mongod().await.fresh_db().await;
    seed::run(&db, &seed_args()).await.unwrap();
    let before = by(&db, Collection::ChargingSessions, "status").await;
    // Little more happens than the network's own events, for about two simulated hours.
    let args = SimulateArgs { rate: 200_000.0, ..steps(4000) };
    let summary = simulate::run(&db, &args, CancellationToken::new()).await.unwrap();
    println!("{summary}");
    assert!(summary.simulated_s > 5400, "{summary}");
    let sessions = by(&db, Collection::ChargingSessions, "status").await;
    assert!((8..=25).contains(&sessions["ACTIVE"]), "{sessions:?}");
    assert!(sessions["COMPLETED"] > before["COMPLETED"] + 12, "{before:?} {sessions:?}");
    let made = doc! { "source.dataset": "simulate" };
    let payments = find(&db, Collection::Payments, made.clone()).await;
    let captured = payments.iter().filter(|p| p.get_str("status").unwrap() == "CAPTURED").count();
    assert!(captured > payments.len() / 2, "{captured} of {}", payments.len());
    assert!(!find(&db, Collection::Clients, made).await.is_empty(), "somebody joined");

    let now = start_of_simulation() + summary.simulated_s * 1000;
    let stations = find(&db, Collection::Stations, doc! {}).await;
    let heard = |s: &&Document| now - s.get_datetime("last_heartbeat_at").unwrap().timestamp_millis() < 130_000;
    assert!(stations.iter().filter(heard).count() >= stations.len() - 4, "most stations are heard");
    let broken = stations.iter().flat_map(evses).filter(|e| e.get_str("status").unwrap() == "OUTOFORDER").count();
    assert!(broken <= 5, "{broken} EVSEs out of order");
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;
}

#[tokio::test]
async fn a_second_simulation_goes_on_where_the_first_was_killed() {
    let db = support::mongod().await.fresh_db().await;
    seed::run(&db, &seed_args()).await.unwrap();
    simulate::run(&db, &SimulateArgs { rate: 200_000.0, ..steps(1001) }, CancellationToken::new()).await.unwrap();
    let running = doc! { "status": "ACTIVE" };
    let left: Vec<_> = find(&db, Collection::ChargingSessions, running.clone()).await.iter().map(id).collect();
    let later: Timestamp = "2026-06-03T13:00:00Z".parse().unwrap();
    let args = SimulateArgs { start: Some(later), rate: 200_000.0, ..steps(3000) };
    simulate::run(&db, &args, CancellationToken::new()).await.unwrap();
    let ids = find(&db, Collection::ChargingSessions, doc! {}).await;
    let mut ids: Vec<_> = ids.iter().map(|s| s.get_str("session_id").unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "no number is used twice");
    let running: Vec<_> = find(&db, Collection::ChargingSessions, running).await.iter().map(id).collect();
    let still = left.iter().filter(|one| running.contains(one)).count();
    assert!(left.len() >= 8 && still < left.len() / 2, "{still} of {} go on without an end", left.len());
    in_use_where_a_session_runs(&db).await;
}

#[tokio::test]
async fn a_killed_mongod_delays_a_simulation_and_changes_nothing_else() {
    let mut mongod = support::Mongod::start().await;
    let (calm, stormy) = (mongod.fresh_db().await, mongod.fresh_db().await);
    for db in [&calm, &stormy] {
        seed::run(db, &seed_args()).await.unwrap();
    }
    simulate::run(&calm, &steps(1000), CancellationToken::new()).await.unwrap();
    let before = writes_ever(&stormy).await;
    let db = stormy.clone();
    let run = tokio::spawn(async move { simulate::run(&db, &steps(1000), CancellationToken::new()).await });
    while writes_ever(&stormy).await < before + 300 {
        tokio::task::yield_now().await;
    }
    assert!(!run.is_finished());
    mongod.kill9();
    mongod.restart().await;
    assert_eq!(run.await.unwrap().unwrap().writes, 1000);
    assert_eq!(dump(&stormy).await, dump(&calm).await);
}

#[tokio::test]
async fn a_simulation_stops_when_told() {
    let db = support::mongod().await.fresh_db().await;
    let nothing = simulate::run(&db, &steps(1), CancellationToken::new()).await.unwrap_err().to_string();
    assert!(nothing.contains("seed"), "an empty database says what to do: {nothing}");
    seed::run(&db, &seed_args()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    // Real time and no limit of writes, so only the token can end the simulation.
    let args = SimulateArgs { steps: None, speed: 1.0, rate: 4.0, ..steps(0) };
    let run = tokio::time::timeout(Duration::from_secs(20), simulate::run(&db, &args, stop)).await;
    assert_eq!(run.expect("it stops").unwrap().writes, 0);
}
