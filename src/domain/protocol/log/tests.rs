use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::domain::{
    cells::{Cell, contributions, delta},
    collections::schema::MEANING,
};

/// One entry per line, as instances of this build write them.
const STORED: &str = include_str!("meaning_9.jsonl");

const RAISE: &str = "the log's shape or meaning has changed: raise MEANING and store the new texts under its number";

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn unchanged(id: &str) -> RowChange {
    RowChange {
        id: DocId(id.into()),
        after: None,
        changed: None,
        before: Fields::new(),
        cells: None,
        unknown: false,
        read: None,
    }
}

fn entry(number: u64, effects: Vec<(Collection, Effect)>) -> Entry {
    let ct = ClusterTime::new(1_764_374_400, 7);
    let record = |(collection, effect)| Record { collection, ct, at: UtcMs(1_764_374_400_123), effect };
    let records: Vec<_> = effects.into_iter().map(record).map(Arc::new).collect();
    let (first, last) = (Seq(number), Seq(number + records.len() as u64 - 1));
    let epoch = Epoch(1_764_374_000_000);
    Entry { epoch, first, last, ct, closed: last, gap: false, restored: false, records }
}

/// Documents of each collection that count in as many figures as possible.
fn documents() -> Vec<(Collection, Fields)> {
    let session = json!({
        "session_id": "S-1", "client_id": "C-1", "station_id": "ST-1", "status": "COMPLETED",
        "start_date_time": "2026-11-28T10:00:00Z", "end_date_time": "2026-11-28T11:20:00Z", "energy_wh": 7400,
        "power_w": 0,
    });
    let active = json!({"status": "ACTIVE", "start_date_time": "2026-11-28T23:00:00Z", "power_w": 7200});
    let payment = json!({
        "payment_id": "P-1", "status": "CAPTURED", "amount_minor": 1200, "captured_minor": 1200, "refunded_minor": 200,
        "currency": "GBP", "created_at": "2026-11-28T11:20:00Z", "captured_at": "2026-11-28T11:21:00Z",
    });
    let open =
        json!({"status": "AUTHORIZED", "amount_minor": 900, "currency": "EUR", "created_at": "2026-11-28T12:00:00Z"});
    let station = json!({
        "station_id": "ST-1", "name": "Mill", "connection": "ONLINE", "last_heartbeat_at": "2026-11-28T23:59:00Z",
        "evses": [{"uid": "1", "status": "CHARGING", "connectors": [{"id": "1", "max_electric_power": 22000}]}],
    });
    let client = json!({"client_id": "C-1", "name": "Ada", "status": "ACTIVE", "created_at": true});
    let eco = json!({"granularity": "DAY", "scope": "NETWORK", "energy_wh": 7400});
    [
        (Collection::ChargingSessions, session),
        (Collection::ChargingSessions, active),
        (Collection::Payments, payment),
        (Collection::Payments, open),
        (Collection::Stations, station),
        (Collection::Clients, client),
        (Collection::EcoStats, eco),
    ]
    .map(|(collection, value)| (collection, fields(value)))
    .into()
}

/// Documents of which something is missing, odd, derived or removed.
fn incomplete() -> Vec<(Collection, Fields)> {
    let completed = |more: Value| {
        let mut session = fields(more);
        session.extend(fields(json!({
            "status": "COMPLETED", "start_date_time": "2026-11-28T10:00:00Z", "end_date_time": "2026-11-28T11:20:00Z",
        })));
        session
    };
    let captured_at = "2026-11-28T11:21:00Z";
    let derived = json!({
        "status": "CAPTURED", "captured_minor": 500, "currency": "GBP", "captured_at": captured_at, "fee_minor": 20,
        "source": {"derived": true},
    });
    let removed = json!({
        "removed_at": "2026-11-28T20:00:00Z",
        "evses": [
            {"uid": "1", "status": "AVAILABLE", "connectors": [{"max_electric_power": 11000}]},
            {"uid": "2", "status": "OUTOFORDER", "connectors": []},
        ],
    });
    vec![
        (Collection::ChargingSessions, completed(json!({}))),
        (Collection::ChargingSessions, completed(json!({"energy_wh": -5}))),
        (Collection::ChargingSessions, completed(json!({"energy_wh": 910_031, "quality": ["EXCESS"]}))),
        (Collection::ChargingSessions, fields(json!({"status": "ACTIVE", "start_date_time": "2026-11-28T23:00:00Z"}))),
        (Collection::Payments, fields(derived)),
        (Collection::Payments, fields(json!({"status": "CAPTURED", "captured_at": captured_at}))),
        (Collection::Payments, fields(json!({"status": "PENDING"}))),
        (Collection::Stations, fields(removed)),
    ]
}

/// Every kind of entry, record and change.
fn entries() -> Vec<Entry> {
    let inserted = |(collection, row): (Collection, Fields)| {
        let cells = Some(contributions(collection, &row));
        (collection, Effect::Row(RowChange { after: Some(row), cells, ..unchanged("new") }))
    };
    let before = fields(json!({"status": "PENDING", "amount_minor": 900, "currency": "EUR", "note": "x"}));
    let after = fields(json!({"status": "FAILED", "amount_minor": 900, "currency": "EUR"}));
    let mut changed = changed_fields(&before, &after);
    changed.sort();
    let update = RowChange {
        cells: Some(delta(Collection::Payments, Some(&before), Some(&after))),
        before: before.iter().filter(|(name, _)| changed.contains(name)).map(|(k, v)| (k.clone(), v.clone())).collect(),
        after: Some(after.clone()),
        changed: Some(changed),
        ..unchanged("changed")
    };
    let cells = Some(delta(Collection::Payments, Some(&before), None));
    let delete = RowChange { before: before.clone(), cells, ..unchanged("deleted") };
    let read_later = RowChange { read: Some(Read::Row(after)), ..update.clone() };
    let gone_later = RowChange { read: Some(Read::Gone), ..update.clone() };
    let unknown = RowChange { unknown: true, read: Some(Read::Row(before)), ..unchanged("no image") };
    let unknown_gone = RowChange { unknown: true, read: Some(Read::Gone), ..unchanged("no image, gone") };
    let changes = [update, delete, read_later, gone_later, unknown, unknown_gone];
    let reset = |also| Effect::Reset { reason: "renamed".into(), also };
    let opening = |gap| Entry::opening(Epoch(1_764_374_000_000), ClusterTime::new(1_764_374_000, 1), gap);
    vec![
        opening(true),
        opening(false),
        entry(1, documents().into_iter().map(inserted).collect()),
        entry(8, changes.into_iter().map(|change| (Collection::Payments, Effect::Row(change))).collect()),
        entry(14, vec![(Collection::Stations, reset(None)), (Collection::Stations, reset(Some(Collection::Clients)))]),
        entry(16, incomplete().into_iter().map(inserted).collect()),
        Entry { restored: true, ..opening(false) },
    ]
}

#[test]
fn what_is_stored_is_of_this_meaning() {
    assert_eq!(MEANING, 9, "{RAISE}");
    let written: Vec<String> = entries().iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    let stored: Vec<&str> = STORED.lines().collect();
    for (stored, written) in stored.iter().zip(&written) {
        assert_eq!(stored, written, "{RAISE}");
    }
    assert_eq!(stored.len(), written.len(), "{RAISE}");
    for (line, entry) in stored.into_iter().zip(entries()) {
        assert_eq!(serde_json::from_str::<Entry>(line).unwrap(), entry, "{RAISE}");
    }
}

/// The names of an enum's variants, as serde knows them all.
fn variants<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!("?")).err().unwrap().to_string();
    let names = error.split('`').skip(3).step_by(2).map(str::to_owned);
    names.collect()
}

fn variant(value: &impl Serialize) -> String {
    match serde_json::to_value(value).unwrap() {
        Value::Object(of) => of.into_iter().next().unwrap().0,
        name => name.as_str().unwrap().to_owned(),
    }
}

#[test]
fn everything_that_an_entry_can_hold_is_stored() {
    let stored: Vec<Entry> = STORED.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let effects: Vec<Effect> = stored.iter().flat_map(|e| &e.records).map(|record| record.effect.clone()).collect();
    let rows = effects.iter().filter_map(|effect| match effect {
        Effect::Row(row) => Some(row),
        Effect::Reset { .. } => None,
    });
    let cells: Vec<Cell> = rows
        .clone()
        .filter_map(|row| row.cells.clone())
        .flat_map(Vec::<(Cell, i64)>::from)
        .map(|(cell, _)| cell)
        .collect();
    let reads: Vec<&Read> = rows.filter_map(|row| row.read.as_ref()).collect();
    assert!(variants::<Cell>().len() > 20, "{:?}", variants::<Cell>());
    assert_eq!(cells.iter().map(variant).collect::<BTreeSet<_>>(), variants::<Cell>(), "{RAISE}");
    assert_eq!(effects.iter().map(variant).collect::<BTreeSet<_>>(), variants::<Effect>(), "{RAISE}");
    assert_eq!(reads.into_iter().map(variant).collect::<BTreeSet<_>>(), variants::<Read>(), "{RAISE}");
    // What may be missing is stored with and without it.
    let is = |f: fn(&Cell) -> Option<bool>| cells.iter().filter_map(f).collect::<BTreeSet<_>>().len() == 2;
    assert!(is(|cell| match cell {
        Cell::Evses { removed_s, .. } => Some(removed_s.is_some()),
        _ => None,
    }));
    assert!(is(|cell| match cell {
        Cell::Evses { heartbeat_s, .. } => Some(heartbeat_s.is_some()),
        _ => None,
    }));
    assert!(is(|cell| match cell {
        Cell::InstalledPower(removed_s) => Some(removed_s.is_some()),
        _ => None,
    }));
    assert!(is(|cell| match cell {
        Cell::Revenue(.., derived) => Some(*derived),
        _ => None,
    }));
    assert!(stored.iter().any(|entry| entry.gap) && stored.iter().any(|entry| entry.restored));
}

#[test]
fn only_what_changed_travels() {
    let before = fields(json!({"a": 1, "b": [1], "c": 3}));
    let after = fields(json!({"a": 1, "b": [2], "d": 4}));
    let changed = Some(changed_fields(&before, &after));
    let change = RowChange { after: Some(after), changed, before, ..unchanged("1") };
    let Op::Patch(set, unset) = change.change().op else { panic!("not a patch") };
    assert_eq!(serde_json::to_value(set).unwrap(), json!({"b": [2], "d": 4}));
    assert_eq!(unset, ["c"]);
}

/// What pages get for each stored change: `(the status of the row after it, the operation that travels)`.
#[test]
fn a_stored_change_still_means_what_it_meant() {
    let changes = STORED.lines().nth(3).map(serde_json::from_str::<Entry>).unwrap().unwrap().records;
    let meant = changes.iter().map(|record| {
        let Effect::Row(change) = &record.effect else { panic!("a row") };
        let travels = match change.change().op {
            Op::Put(_) => "row",
            Op::Patch(..) => "patch",
            Op::Delete => "delete",
        };
        let row = change.clone().into_row();
        (row.as_ref().and_then(|row| row["status"].as_str()).map(str::to_owned), travels)
    });
    let meant: Vec<_> = meant.collect();
    let is = |status: Option<&str>, travels| (status.map(str::to_owned), travels);
    assert_eq!(
        meant,
        [
            is(Some("FAILED"), "patch"),
            is(None, "delete"),
            is(Some("FAILED"), "row"),
            is(None, "delete"),
            is(Some("PENDING"), "row"),
            is(None, "delete"),
        ],
        "{RAISE}"
    );
}
