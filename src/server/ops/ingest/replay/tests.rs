//! The replay without a database: the same day, cut and continued anywhere, ends the same.

use jiff::{Timestamp, tz::TimeZone};

use super::{copies::DATASET, *};
use crate::{
    domain::{eco::Factors, money::Currency},
    server::ops::ingest::{
        ledger::Scope,
        world::{InMemoryDatabase, SimulatedEvse},
    },
};

const SPEED: f64 = 3600.0;

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn shift() -> Shift {
    Shift { from: "2018-06-15".parse().unwrap(), to: "2026-11-20".parse().unwrap() }
}

fn evse(rated: i64) -> SimulatedEvse {
    SimulatedEvse {
        uid: "A-1".into(),
        connector_id: "1".into(),
        rated: Some(rated),
        direct_current: false,
        status: EvseStatus::Available,
        session: None,
    }
}

/// An original that began on 15 June at these UTC times, on the first EVSE.
fn original(id: &str, start: &str, end: Option<&str>, energy: Option<i64>) -> (Session, CopyState) {
    let instant = |time: &str| date(utc(&format!("2018-06-15T{time}Z")));
    let mut document = doc! {
        "_id": format!("dundee:{id}"), "session_id": id, "client_id": "K1", "station_id": "A", "evse_uid": "A-1",
        "status": if end.is_some() { "COMPLETED" } else { "ACTIVE" }, "start_date_time": instant(start),
    };
    let mut payment = None;
    if let Some(end) = end {
        document.extend(doc! { "end_date_time": instant(end), "payment_id": format!("P-{id}"), "quality": ["LOW"] });
        payment = Some(doc! {
            "_id": format!("dundee:P-{id}"), "payment_id": format!("P-{id}"), "session_id": id, "amount_minor": 70_i64,
            "refunded_minor": 70_i64, "status": "REFUNDED", "captured_at": instant(end), "provider_ref": "x",
            "source": { "dataset": "dundee", "derived": true },
        });
    }
    if let Some(energy) = energy {
        document.insert("energy_wh", energy);
    }
    let offset = shift().offset(utc(&format!("2018-06-15T{start}Z")), &TimeZone::get("Europe/London").unwrap());
    let at = Some(EvseIndex { station: 0, evse: 0 });
    (Session::new(document, payment, shift(), offset, at, Some(7000)).unwrap(), CopyState::Nothing)
}

/// Sessions one after the other without a gap, one of no length, and one that never ended.
fn sessions() -> Vec<(Session, CopyState)> {
    vec![
        original("1", "07:00", Some("08:00"), Some(6000)),
        original("2", "08:00", Some("08:40"), None),
        original("3", "08:40", Some("08:40"), Some(0)),
        original("4", "09:00", Some("09:10"), Some(9000)),
        original("5", "09:20", None, None),
    ]
}

fn input(sessions: Vec<(Session, CopyState)>) -> Input {
    let scope = Scope {
        dataset: DATASET.into(),
        id: "T".into(),
        station: None,
        time_zone: "Europe/London".into(),
        zone: TimeZone::get("Europe/London").unwrap(),
        factors: Factors::named("owid-2024", "GBR").unwrap(),
    };
    let station = SimulatedStation {
        id: "dundee:A".into(),
        station_id: "A".into(),
        time_zone: "Europe/London".into(),
        currency: Currency("GBP".into()),
        evses: vec![evse(7000)],
        speaks: true,
    };
    let (stations, ledger) = (vec![station], Ledger::new(scope));
    Input { shift: shift(), sessions, stations, in_use: BTreeMap::new(), ledger }
}

fn replay(input: Input) -> Replay {
    Replay::new(input, SPEED, utc("2026-11-24T12:00Z"))
}

/// The network's station in its initial state.
fn network() -> InMemoryDatabase {
    let mut memory = InMemoryDatabase::default();
    let station = doc! { "_id": "dundee:A", "evses": [{ "uid": "A-1", "status": "AVAILABLE" }] };
    memory.apply(DocumentWrite {
        collection: Collection::Stations,
        id: "dundee:A".into(),
        change: WriteOperation::Insert(station),
    });
    memory
}

fn status_of_evse(memory: &InMemoryDatabase) -> String {
    let station = memory.0[&Collection::Stations].values().next().unwrap();
    station.get_array("evses").unwrap()[0].as_document().unwrap().get_str("status").unwrap().to_owned()
}

fn copies(memory: &InMemoryDatabase) -> Vec<&Document> {
    memory.0.get(&Collection::ChargingSessions).map(|all| all.values().collect()).unwrap_or_default()
}

#[test]
fn the_same_day_gives_the_same_writes_in_order() {
    let all = || {
        let mut replay = replay(input(sessions()));
        std::iter::from_fn(move || replay.step()).collect::<Vec<_>>()
    };
    let steps = all();
    assert_eq!(steps, all());
    assert!(steps.iter().zip(&steps[1..]).all(|(one, next)| one.0 <= next.0), "in the order of time");
    assert_eq!(steps[0].0, utc("2026-11-20T08:00Z"), "eight in the morning, as then");
    let mut memory = network();
    for (at, writes) in steps {
        writes.into_iter().for_each(|write| memory.apply(write));
        let active = copies(&memory).iter().filter(|s| s.get_str("status").unwrap() == "ACTIVE").count();
        assert!(active <= 1, "who leaves at {at} makes room for who comes");
        assert_eq!(status_of_evse(&memory) == "CHARGING", active == 1, "at {at}");
    }
    let found: Vec<_> = copies(&memory)
        .iter()
        .map(|s| (s.get_str("status").unwrap(), s.get_i64("energy_wh").ok(), s.get_datetime("end_date_time").is_ok()))
        .collect();
    let completed = |energy| ("COMPLETED", energy, true);
    let expected = [completed(Some(6000)), completed(None), completed(Some(0)), completed(Some(9000))];
    assert_eq!(found, [&expected[..], &[("ACTIVE", None, false)]].concat());
}

#[test]
fn a_copy_says_where_it_comes_from_and_shares_no_id() {
    let mut replay = replay(input(sessions()));
    let mut memory = network();
    while let Some((_, writes)) = replay.step() {
        writes.into_iter().for_each(|write| memory.apply(write));
    }
    let session = copies(&memory)[0];
    assert_eq!(session.get_str("_id").unwrap(), "replay:dundee:1@2026-11-20");
    assert_eq!(session.get_str("session_id").unwrap(), "dundee:1@2026-11-20");
    assert_eq!(session.get_document("source").unwrap(), &doc! { "dataset": "replay", "replayed_from": "dundee:1" });
    let end = utc("2026-11-20T09:00Z");
    assert_eq!(session.get("end_date_time"), Some(&date(end)), "it lasts as long");
    let payment = memory.0[&Collection::Payments].values().next().unwrap();
    assert_eq!(payment.get("payment_id"), session.get("payment_id"));
    assert_eq!(payment.get("session_id"), session.get("session_id"));
    assert_eq!(payment.get_str("status").unwrap(), "CAPTURED");
    assert_eq!(payment.get_i64("refunded_minor").unwrap(), 0);
    assert_eq!(payment.get("captured_at"), Some(&date(end)));
    assert!(payment.get("provider_ref").is_none(), "it is another's");
    let source = doc! { "dataset": "replay", "replayed_from": "dundee:P-1", "derived": true };
    assert_eq!(payment.get_document("source").unwrap(), &source);
}

#[test]
fn meters_rise_at_the_power_they_show() {
    // 9 kWh in ten minutes is more than the charger's 7 kW, whatever the export says of the whole.
    let day =
        vec![original("1", "07:00", Some("08:00"), Some(6000)), original("4", "08:00", Some("08:10"), Some(9000))];
    let mut replay = Replay::new(input(day), 1.0, utc("2026-11-20T08:00Z"));
    let mut last = [0, 0];
    let mut read = [0, 0];
    while let Some((at, writes)) = replay.step() {
        for write in writes {
            let WriteOperation::Set(fields) = write.change else { continue };
            if fields.get_str("charging_state").is_ok_and(|state| state == "Charging") {
                let one = usize::from(write.id != "replay:dundee:1@2026-11-20".into());
                let (energy, power) = (fields.get_i64("energy_wh").unwrap(), fields.get_i64("power_w").unwrap());
                assert_eq!(power, [6000, 7000][one]);
                let elapsed = at - utc(["2026-11-20T08:00Z", "2026-11-20T09:00Z"][one]);
                assert_eq!(energy, power * elapsed / 3_600_000);
                assert!(energy > last[one]);
                (last[one], read[one]) = (energy, read[one] + 1);
            }
        }
    }
    assert_eq!(read, [59, 10], "once a minute");
}

#[test]
fn cut_anywhere_it_goes_on_there() {
    let run = |replay: &mut Replay, memory: &mut InMemoryDatabase, steps: usize| {
        (0..steps).map_while(|_| replay.step()).fold(0, |n, (_, writes)| {
            writes.into_iter().for_each(|write| memory.apply(write));
            n + 1
        })
    };
    let mut whole = network();
    let steps = run(&mut replay(input(sessions())), &mut whole, usize::MAX);
    for cut in 0..=steps {
        let (mut first, mut memory) = (replay(input(sessions())), network());
        run(&mut first, &mut memory, cut);
        let there = |session: &Session| {
            let id = session.id();
            copies(&memory)
                .into_iter()
                .find(|copy| copy.get_str("_id").is_ok_and(|copy| copy == id))
                .map(|copy| load::done(session, copy))
        };
        let again =
            sessions().into_iter().map(|(s, _)| (there(&s).unwrap_or(CopyState::Nothing), s)).map(|(d, s)| (s, d));
        let rest = Input { sessions: again.collect(), ..input(Vec::new()) };
        let rest = Input { stations: first.stations, in_use: first.in_use, ledger: first.ledger, ..rest };
        let mut second = replay(rest);
        assert_eq!(second.begin().is_none(), cut == steps, "all is done after {cut}");
        run(&mut second, &mut memory, usize::MAX);
        for collection in [Collection::ChargingSessions, Collection::Payments, Collection::EcoStats] {
            assert_eq!(memory.0[&collection], whole.0[&collection], "cut after {cut}");
        }
        assert_eq!(status_of_evse(&memory), status_of_evse(&whole));
    }
}

#[test]
fn a_fast_replay_repeats_seldom_until_it_has_caught_up() {
    let (begin, now) = (utc("2026-11-20T08:00Z"), utc("2026-11-20T20:00Z"));
    let pace = Speed::new(SPEED, begin, now);
    assert_eq!(pace.next(begin, METER_EVERY, 0), begin + 60 * METER_EVERY);
    let met = pace.caught_up;
    assert!((now..now + 13_000).contains(&met), "twelve hours at 3600 take twelve seconds");
    assert_eq!(pace.next(met - 1, METER_EVERY, 0), met);
    assert_eq!(pace.next(met, METER_EVERY, 0), met + METER_EVERY);
    assert_ne!(pace.next(met - 1, BEAT_EVERY, 1), pace.next(met - 1, BEAT_EVERY, 2), "not all at once");
    let slow = Speed::new(1.0, begin, now);
    assert_eq!(slow.next(begin, METER_EVERY, 0), begin + METER_EVERY);
    assert_eq!(Speed::new(1.0, now, now).caught_up, now);
}
