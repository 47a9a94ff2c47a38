//! Replay: an imported day that happens again.

use std::{collections::BTreeSet, fmt};

use jiff::{Span, ZonedDateTime, civil::Date, tz::TimeZone};

use super::*;

fn replay(day: impl fmt::Display) -> SimulateArgs {
    let day = day.to_string().parse().unwrap();
    SimulateArgs { replay: Some(day), rate: 4.0, start: None, speed: 3600.0, steps: None, ..steps(0) }
}

/// A day in London 400 weeks before yesterday. Replayed as yesterday, it is over.
fn long_before_yesterday() -> Date {
    Timestamp::now().to_zoned_datetime(TimeZone::get("Europe/London").unwrap()).date() - Span::new().days(1 + 400 * 7)
}

/// Imports a city's day in Dundee's format: two sessions in a row, one at a fast charger, one without energy, one
/// without an end, and one each on the day before and the day after.
async fn a_citys_day(db: &Database, day: Date) {
    let before = (day - Span::new().days(1)).strftime("%d/%m/%Y").to_string();
    let after = (day + Span::new().days(1)).strftime("%d/%m/%Y").to_string();
    let day = day.strftime("%d/%m/%Y");
    let (slow, fast) = ("Dock Street,APT 7kW Single Outlet", "Marketgait,APT 50kW Raption");
    let rows = format!(
        "Charging event,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n\
         1,K1,A,1,{day},08:00,{day},09:00,5,{slow}\n\
         2,K2,A,1,{day},09:00,{day},09:40,3.5,{slow}\n\
         3,K3,B,1,{day},08:10,{day},09:50,30,{fast}\n\
         4,K1,B,2,{day},08:30,{day},08:40,0,{fast}\n\
         5,K4,C,1,{day},08:45,,,,{slow}\n\
         6,K1,A,1,{before},23:55,{day},00:10,1,{slow}\n\
         7,K1,A,1,{after},00:05,{after},00:20,1,{slow}\n"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, rows).unwrap();
    assert_eq!(import(db, "dundee", file.path()).await.refused.count(), 0);
}

#[tokio::test]
async fn an_imported_day_happens_again_and_only_once() {
    let (db, day) = (support::mongod().await.fresh_db().await, long_before_yesterday());
    a_citys_day(&db, day).await;
    let history = async || {
        let mut history = Vec::new();
        for collection in [Collection::ChargingSessions, Collection::Payments, Collection::Clients] {
            history.push(find(&db, collection, doc! { "source.dataset": "dundee" }).await);
        }
        history
    };
    let before = history().await;
    let summary = simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap();
    println!("{summary}");
    assert_eq!(history().await, before, "the originals stay as they are");

    let copied = doc! { "source.dataset": "replay" };
    let sessions = find(&db, Collection::ChargingSessions, copied.clone()).await;
    let of = |status: &str| sessions.iter().filter(|s| s.get_str("status").unwrap() == status).count();
    assert_eq!((sessions.len(), of("COMPLETED"), of("ACTIVE")), (5, 4, 1));
    let energy: i64 = sessions.iter().filter_map(|s| s.get_i64("energy_wh").ok()).sum();
    assert_eq!(energy, 38_500);
    let from = |d: &Document| d.get_document("source").unwrap().get_str("replayed_from").unwrap().to_owned();
    let originals: BTreeSet<_> = sessions.iter().map(from).collect();
    assert_eq!(originals, (1..=5).map(|n| format!("dundee:{n}")).collect());
    let payments = find(&db, Collection::Payments, copied.clone()).await;
    let paid: Vec<_> = payments.iter().map(|p| (from(p), p.get_i64("captured_minor").unwrap())).collect();
    assert_eq!(paid, [(1, 75), (2, 53), (3, 450)].map(|(n, minor)| (format!("dundee:P-{n}"), minor)));
    let london = |text: &str| {
        format!("{}T{text}[Europe/London]", day + Span::new().weeks(400)).parse::<ZonedDateTime>().unwrap()
    };
    let started = sessions[0].get_datetime("start_date_time").unwrap().timestamp_millis();
    assert_eq!(started, london("08:00").timestamp().as_millisecond());
    let heard = find(&db, Collection::Stations, doc! { "station_id": "A" }).await;
    let heard = heard[0].get_datetime("last_heartbeat_at").unwrap().timestamp_millis();
    assert!(heard >= london("09:00").timestamp().as_millisecond(), "stations send heartbeats");
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;

    let writes = writes_ever(&db).await;
    let again = simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap();
    assert_eq!(again.writes, 0);
    assert_eq!(writes_ever(&db).await, writes, "nothing reached the oplog");
}

#[tokio::test]
async fn a_replay_that_was_stopped_goes_on_where_it_was() {
    let (whole, cut) = (support::mongod().await.fresh_db().await, support::mongod().await.fresh_db().await);
    let day = long_before_yesterday();
    let written = async |db: &Database| {
        let mut written = Vec::new();
        for collection in [Collection::ChargingSessions, Collection::Payments, Collection::EcoStats] {
            written.push(find(db, collection, doc! {}).await);
        }
        written
    };
    for db in [&whole, &cut] {
        a_citys_day(db, day).await;
    }
    let (few, mut runs) = (SimulateArgs { steps: Some(12), ..replay(day) }, 0);
    while simulate::run(&cut, &few, CancellationToken::new()).await.unwrap().writes > 0 {
        runs += 1;
        assert!(runs < 100, "it does not go on");
    }
    println!("{runs} runs");
    assert!(runs > 2, "{runs} runs");
    simulate::run(&whole, &replay(day), CancellationToken::new()).await.unwrap();
    assert_eq!(written(&cut).await, written(&whole).await);
    in_use_where_a_session_runs(&cut).await;
    eco_agrees_with_sessions(&cut).await;
}

#[tokio::test]
async fn what_belongs_together_is_written_together() {
    let (db, day) = (support::mongod().await.fresh_db().await, long_before_yesterday());
    a_citys_day(&db, day).await;
    let accept = async |validator: Document| {
        db.run_command(doc! { "collMod": Collection::Payments.name(), "validator": validator }).await.unwrap();
    };
    accept(doc! { "payment_id": "no other" }).await;
    let error = simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap_err();
    assert!(format!("{error:#}").contains("refuses"), "{error:#}");
    let unpaid = doc! { "source.dataset": "replay", "status": "COMPLETED", "energy_wh": { "$gt": 0 } };
    assert!(find(&db, Collection::ChargingSessions, unpaid).await.is_empty(), "an end without its payment is none");
    eco_agrees_with_sessions(&db).await;
    in_use_where_a_session_runs(&db).await;
    accept(doc! {}).await;
    simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap();
    let paid = all(&db, Collection::Payments).count_documents(doc! { "source.dataset": "replay" }).await.unwrap();
    assert_eq!(paid, 3);
    eco_agrees_with_sessions(&db).await;
}

#[tokio::test]
async fn a_replay_catches_up_with_now_and_writes_nothing_of_the_future() {
    let db = support::mongod().await.fresh_db().await;
    let folder = tempfile::tempdir().unwrap();
    let (preset, source) = (folder.path().join("own.toml"), folder.path().join("own.csv"));
    fs::write(&preset, OWN_PRESET.replace("Europe/Berlin", "UTC").replace("%H:%M", "%H:%M:%S")).unwrap();
    let began = Timestamp::now().to_zoned_datetime(TimeZone::UTC) - Span::new().weeks(400);
    // At 3600 times real time the replay would end at once, but the session's last three seconds are still in the
    // future.
    let (start, end) = (&began - Span::new().minutes(10), &began + Span::new().seconds(3));
    let [from, to] = [&start, &end].map(|at| at.strftime("%d.%m.%Y %H:%M:%S").to_string());
    fs::write(&source, format!("id,card,station,site,start,end,kWh,EUR\n1,K1,A,Dom,{from},{to},\"9,5\",\n")).unwrap();
    import(&db, &preset.display().to_string(), &source).await;
    simulate::run(&db, &replay(start.date()), CancellationToken::new()).await.unwrap();
    let now = Timestamp::now().as_millisecond();
    let copy = find(&db, Collection::ChargingSessions, doc! { "source.dataset": "replay" }).await.pop().unwrap();
    assert_eq!(copy.get_str("status").unwrap(), "COMPLETED");
    assert!(copy.get_datetime("end_date_time").unwrap().timestamp_millis() <= now, "at {now}: {copy}");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_in_words() {
    let (db, day) = (support::mongod().await.fresh_db().await, long_before_yesterday());
    let refused =
        async |args: SimulateArgs| simulate::run(&db, &args, CancellationToken::new()).await.unwrap_err().to_string();
    assert!(refused(replay(day)).await.contains("`import` first"));
    let (first, last) = (day - Span::new().days(1), day + Span::new().days(1));
    a_citys_day(&db, day).await;
    for speed in [0.99, 3600.5] {
        let why = refused(SimulateArgs { speed, ..replay(day) }).await;
        assert!(why.contains("1 to 3600") && why.contains(&speed.to_string()), "{why}");
    }
    let why = refused(replay(day + Span::new().days(9))).await;
    assert!(why.contains(&first.to_string()) && why.contains(&last.to_string()), "{why}");
    let lately = day + Span::new().weeks(400);
    let recent = support::mongod().await.fresh_db().await;
    a_citys_day(&recent, lately).await;
    let why = simulate::run(&recent, &replay(lately), CancellationToken::new()).await.unwrap_err().to_string();
    assert!(why.contains("less than a week ago"), "{why}");
    all(&db, Collection::Payments).insert_one(doc! { "payment_id": "real" }).await.unwrap();
    assert!(refused(replay(day)).await.contains("did not make"));
}
