use std::{collections::BTreeMap, fmt::Debug};

use proptest::prelude::*;
use serde_json::{from_value, json};

use super::*;
use crate::domain::{
    analytics::{Piece, Sums},
    cells::{Cells, contributions},
    collections::Collection,
    fields::Fields,
    figures::{Figures, Viewpoint, figures},
    latest::ActivityEvent,
    protocol::{frame::Frame, log::Entry, snapshot::Snapshot},
    report::Report,
    selection::Selection,
    status::{EvseStatus, PaymentStatus},
    time::{Period, UtcMs, Zone},
};

/// Figures of which some are known and some are not.
fn some_figures() -> Value {
    let now = UtcMs::from_seconds(1_000_000_000);
    let day = Period { from: UtcMs::from_seconds(999_990_000), to: UtcMs::from_seconds(1_000_076_400) };
    let documents = [
        (Collection::Clients, json!({"status": "BLOCKED"})),
        (Collection::Stations, json!({"evses": [{"status": "CHARGING"}, {"status": "new"}]})),
        (
            Collection::ChargingSessions,
            json!({"status": "ACTIVE", "start_date_time": now.to_string(), "power_w": 7000}),
        ),
        (Collection::Payments, json!({"status": "PENDING", "amount_minor": 5, "currency": "EUR"})),
    ];
    let mut cells = Cells::default();
    for (collection, document) in documents {
        cells.merge(&contributions(collection, &serde_json::from_value(document).unwrap()));
    }
    let at = Viewpoint { now, day, week_before: day, silent_after_s: 900 };
    serde_json::to_value(figures(&cells, &at)).unwrap()
}

/// Samples of every kind of value that travels, as it travels.
fn samples() -> Vec<Value> {
    let row = json!({"name": "Quay", "n": [1, -2, 0.5, 1e300, u64::MAX, i64::MIN], "deep": {"a": null, "b": true}});
    let latest = json!({
        "collection": "payments", "id": "1", "kind": "patch", "at": 5, "label": "P-1", "status": null,
        "changed": ["status"], "money": {"minor": 7, "currency": "GBP"}, "energy": 9, "detail": null
    });
    vec![
        json!({"Welcome": [1]}),
        json!({"Subscribed": [7, "overview?zone=Europe/London", "1-2"]}),
        json!({"d": ["stations", "1-3", 1, "6921874800000001", [["a"], ["b", row], ["c", row, ["gone"]]], true]}),
        json!({"Reset": ["clients", "1-2", "epoch", 500]}),
        json!({"Ping": [1, 2, 3]}),
        json!({"Error": [1, "code", "message"]}),
        json!({"Bye": [4009, 1]}),
        json!({
            "topic": "clients", "position": "1-2", "ct": "6921874800000001", "rows": [{"id": "a", "fields": row}],
            "complete": true, "selection": {"status": "ACTIVE"}, "total": 3,
            "context": {"now": 1, "silent_after_s": 900, "zone": {"name": "UTC", "offsets": [[0, 0]]}}, "others": null
        }),
        some_figures(),
        json!({"from": 1, "to": 2, "sums": {"energy": 1, "started": 2, "completed": 3, "revenue": {"GBP": 4}}}),
        json!({
            "version": 3, "epoch": 1, "first": 1, "last": 2, "ct": "6921874800000001", "closed": 2,
            "records": [{
                "collection": "clients", "ct": "6921874800000001", "at": 1,
                "effect": {"Row": {"id": "a", "after": row, "changed": null, "before": {}, "cells": [["LivePower", 4]]}}
            }]
        }),
        json!({"FAILED": 1, "CAPTURED": 2}),
        latest,
        row,
    ]
}

/// Whether a value reads as `serde_json` reads it.
fn same<T: DeserializeOwned + PartialEq + Debug>(value: &Value) -> Result<(), TestCaseError> {
    prop_assert_eq!(read::<T>(value), from_value::<T>(value.clone()).ok());
    Ok(())
}

/// Checks a value against each of our types, whether it fits or not.
fn all_same(value: &Value) -> Result<(), TestCaseError> {
    same::<Frame>(value)?;
    same::<Snapshot>(value)?;
    same::<Figures>(value)?;
    same::<ActivityEvent>(value)?;
    same::<Piece>(value)?;
    same::<Sums>(value)?;
    same::<Entry>(value)?;
    same::<Report>(value)?;
    same::<Selection>(value)?;
    same::<Fields>(value)?;
    same::<Zone>(value)?;
    same::<Period>(value)?;
    same::<BTreeMap<Collection, i64>>(value)?;
    same::<BTreeMap<PaymentStatus, i64>>(value)?;
    same::<Vec<(EvseStatus, i64)>>(value)?;
    same::<Result<Value, String>>(value)?;
    same::<Option<(u8, f64, char)>>(value)?;
    same::<bool>(value)?;
    same::<()>(value)
}

/// Puts `new` in place of a part of the value, or takes the part away.
fn spoil(value: &mut Value, place: &mut usize, new: Option<&Value>) {
    if *place == 0 {
        *value = new.cloned().unwrap_or_default();
        *place = usize::MAX;
        return;
    }
    *place -= 1;
    match value {
        Value::Array(all) => {
            if new.is_none() && *place < all.len() {
                all.remove(*place);
                *place = usize::MAX;
            }
            all.iter_mut().for_each(|part| spoil(part, place, new));
        }
        Value::Object(all) => {
            if let (None, Some(name)) = (new, all.keys().nth(*place).cloned()) {
                all.remove(&name);
                *place = usize::MAX;
            }
            all.values_mut().for_each(|part| spoil(part, place, new));
        }
        _ => {}
    }
}

fn parts() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..400_i64).prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,3}", inner, 0..3).prop_map(|all| all.into_iter().collect()),
        ]
    })
}

#[test]
fn what_travels_reads_as_it_should() {
    let frames = samples().iter().filter(|value| read::<Frame>(value).is_some()).count();
    assert_eq!(frames, 7);
    assert!(samples().iter().any(|value| read::<Snapshot>(value).is_some()));
    assert!(samples().iter().any(|value| read::<Figures>(value).is_some()));
    assert!(samples().iter().any(|value| read::<ActivityEvent>(value).is_some()));
    assert!(samples().iter().any(|value| read::<Entry>(value).is_some()));
}

proptest! {
    #[test]
    fn every_value_reads_as_serde_json_reads_it(
        sample in 0..samples().len(), place in 0..60_usize, new in prop::option::of(parts())
    ) {
        let mut value = samples().swap_remove(sample);
        all_same(&value)?;
        spoil(&mut value, &mut { place }, new.as_ref());
        all_same(&value)?;
    }

    #[test]
    fn any_value_reads_as_serde_json_reads_it(value in parts()) {
        all_same(&value)?;
    }
}
