use std::{
    collections::{BTreeMap, BTreeSet},
    hash::RandomState,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{
    collections::{Client, Collection, Payment, Session, Station, see, table},
    fields::Fields,
    ids::DocId,
    range::Day,
    report::{By, Folded, Group, Key, NO_PAYMENT, ReportSums, captured_in, completed_in, first_place, method_of},
    time::{Period, UtcMs, Zone},
};

type Documents = BTreeMap<(Collection, u8), Fields>;

const NOW: UtcMs = UtcMs(1_527_811_200_000);
const PERIOD: Period = Period { from: UtcMs(NOW.0 - 3 * 86_400_000), to: UtcMs(NOW.0 + 2 * 86_400_000) };

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![4 => prop::sample::select(texts).prop_map(|text| json!(text)), 1 => Just(Value::Null)]
}

/// Instants within the period, on its ends and outside of it.
fn instant() -> impl Strategy<Value = Value> {
    let hours = prop_oneof![-100..80_i64, Just(-72), Just(48)];
    prop_oneof![6 => hours.prop_map(|hour| json!(UtcMs(NOW.0 + hour * 3_600_000).to_string())), 1 => Just(Value::Null)]
}

fn amount() -> impl Strategy<Value = Value> {
    prop_oneof![6 => (0..900_i64).prop_map(|n| json!(n)), 1 => any::<i64>().prop_map(|n| json!(n)), 1 => Just(Value::Null)]
}

/// Few ids, so that many documents share one.
const IDS: &[&str] = &["1", "2", "3"];

fn document() -> impl Strategy<Value = (Collection, Fields)> {
    let status = one_of(&["COMPLETED", "COMPLETED", "ACTIVE", "CAPTURED", "CAPTURED", "REFUNDED", "FAILED", "odd"]);
    let ids = [IDS; 5].map(one_of);
    let texts = [
        one_of(&["Ada", "Bob"]),
        one_of(&["Dundee", "Perth"]),
        one_of(&["CARD", "APP"]),
        one_of(&["GBP", "EUR", "no code"]),
    ];
    let amounts = [(); 4].map(|()| amount());
    let times = [(); 3].map(|()| instant());
    let collection = prop::sample::select(Collection::ALL.to_vec());
    (collection, status, ids, texts, amounts, times).prop_map(|(collection, status, ids, texts, amounts, times)| {
        let [session_id, client_id, station_id, payment_id, _] = ids;
        let [name, city, method, currency] = texts;
        let [energy_wh, captured_minor, fee_minor, refunded_minor] = amounts;
        let [start_date_time, end_date_time, captured_at] = times;
        let all = json!({
            "status": status, "session_id": session_id, "client_id": client_id, "station_id": station_id,
            "payment_id": payment_id, "name": name, "city": city, "method": method, "currency": currency,
            "energy_wh": energy_wh, "captured_minor": captured_minor, "fee_minor": fee_minor,
            "refunded_minor": refunded_minor, "start_date_time": start_date_time, "end_date_time": end_date_time,
            "captured_at": captured_at,
        });
        let mut fields: Fields = serde_json::from_value(all).unwrap();
        fields.retain(|_, value| !value.is_null());
        (collection, fields)
    })
}

fn all<T: table::Entity>(documents: &Documents, collection: Collection) -> Vec<T> {
    documents.iter().filter(|((of, _), _)| *of == collection).map(|(_, fields)| see(fields).doc).collect()
}

/// The report as its definitions have it: each document is asked for its group by itself.
fn report(documents: &Documents, by: By, zone: &Zone) -> Vec<Group> {
    let sessions: Vec<Session> = all(documents, Collection::ChargingSessions);
    let payments: Vec<Payment> = all(documents, Collection::Payments);
    let stations: Vec<Station> = all(documents, Collection::Stations);
    let clients: Vec<Client> = all(documents, Collection::Clients);
    let place = |id: &str| {
        let of_id = stations.iter().filter(|station| station.station_id.as_deref() == Some(id));
        of_id.map(|station| (station.name.clone(), station.city.clone())).min().unwrap_or_default()
    };
    let at_station = |id: Option<String>| match by {
        By::City => Key::of(id.and_then(|id| place(&id).1), by.name()),
        _ => Key::of(id, by.name()),
    };
    let mut folded = Folded::default();
    for session in &sessions {
        let Some(at) = completed_in(session, PERIOD) else { continue };
        let key = match by {
            By::Day | By::Week | By::Month => Key::at(by, zone, at),
            By::Client => Key::of(session.client_id.clone(), by.name()),
            By::Station | By::City => at_station(session.station_id.clone()),
            By::Method => match method_of(session, &payments) {
                Some(method) => Key::of(method, by.name()),
                None => Key::Lacks(NO_PAYMENT.to_owned()),
            },
        };
        folded.add(key, &ReportSums::of_session(session, NOW)).unwrap();
    }
    for payment in &payments {
        let Some(at) = captured_in(payment, PERIOD) else { continue };
        let its =
            sessions.iter().filter(|session| payment.session_id.is_some() && session.session_id == payment.session_id);
        let key = match by {
            By::Day | By::Week | By::Month => Key::at(by, zone, at),
            By::Client => Key::of(payment.client_id.clone(), by.name()),
            By::Station | By::City => at_station(its.map(|session| session.station_id.clone()).fold(None, first_place)),
            By::Method => Key::of(payment.method.clone(), by.name()),
        };
        folded.add(key, &ReportSums::of_payment(payment)).unwrap();
    }
    folded.groups(|id| match by {
        By::Station => place(id).0,
        By::Client => clients
            .iter()
            .filter(|client| client.client_id.as_deref() == Some(id))
            .filter_map(|client| client.name.clone())
            .min(),
        _ => None,
    })
}

/// The days, weeks or months that the period touches, each from its first instant.
fn pieces(by: By, zone: &Zone) -> Vec<(Day, UtcMs)> {
    let mut starts = BTreeMap::new();
    let mut at = PERIOD.from;
    while at.0 < PERIOD.to.0 {
        starts.entry(by.first_day(Day::of(zone.civil(at)))).or_insert(at);
        at = UtcMs(at.0 + 900_000);
    }
    starts.into_iter().collect()
}

proptest! {
    #[test]
    fn every_report_equals_its_definition_after_any_changes(
        history in prop::collection::vec((0..6_u8, document(), prop::bool::weighted(0.8)), 0..80),
        by in prop::sample::select(By::ALL.to_vec()),
    ) {
        // The clocks go back in it.
        let zone = Zone { name: String::new(), offsets: vec![(0, 3600), (NOW.seconds(), 0)] };
        let (mut documents, mut engine) = (Documents::new(), Engine::new(RandomState::new()));
        for (n, (collection, fields), is_there) in history {
            let id = DocId(n.to_string());
            if is_there {
                if let Some(held) = HeldDocument::read(collection, &fields) {
                    engine.put(&id, held);
                }
                documents.insert((collection, n), fields);
            } else {
                engine.remove(collection, &id);
                documents.remove(&(collection, n));
            }
        }
        let query = EngineQuery { by, period: PERIOD, pieces: &pieces(by, &zone), now: NOW };
        prop_assert_eq!(engine.report(&query).unwrap(), report(&documents, by, &zone));
        let held = documents.keys().filter(|(collection, _)| *collection != Collection::EcoStats).count();
        prop_assert_eq!(engine.documents(), held);
        for (collection, n) in documents.into_keys().collect::<BTreeSet<_>>() {
            engine.remove(collection, &DocId(n.to_string()));
        }
        prop_assert_eq!(engine.documents(), 0);
        prop_assert_eq!(engine.id_bytes, 0);
        prop_assert!(engine.report(&query).unwrap().is_empty());
    }
}

/// Somebody gives a hundred thousand sessions and payments one id. Each change must still take as long as any other.
#[test]
fn any_number_of_documents_may_share_an_id() {
    const MANY: u32 = 100_000;
    let at = NOW.to_string();
    let session: Fields = serde_json::from_value(json!({
        "session_id": "1", "payment_id": "1", "station_id": "1", "status": "COMPLETED", "end_date_time": at,
    }))
    .unwrap();
    let payment: Fields = serde_json::from_value(json!({
        "session_id": "1", "payment_id": "1", "status": "CAPTURED", "captured_at": at, "captured_minor": 1, "currency": "GBP",
    }))
    .unwrap();
    let mut engine = Engine::new(RandomState::new());
    for n in 0..MANY {
        for (collection, fields) in [(Collection::ChargingSessions, &session), (Collection::Payments, &payment)] {
            engine.put(&DocId(n.to_string()), HeldDocument::read(collection, fields).unwrap());
        }
    }
    for by in [By::Station, By::Method] {
        let query = EngineQuery { by, period: PERIOD, pieces: &[], now: NOW };
        let groups = engine.report(&query).unwrap();
        assert_eq!(groups.iter().map(|group| group.sums.sessions).sum::<i64>(), i64::from(MANY));
        assert_eq!(groups.iter().map(|group| group.sums.payments).sum::<i64>(), i64::from(MANY));
    }
    for n in 0..MANY {
        engine.remove(Collection::ChargingSessions, &DocId(n.to_string()));
        engine.remove(Collection::Payments, &DocId(n.to_string()));
    }
    assert_eq!(engine.documents(), 0);
}
