//! How addresses are read, and which documents match.

use super::*;
use crate::domain::{
    status::{PaymentStatus, REST, named},
    time::Period,
};
use proptest::prelude::*;
use serde_json::json;

fn read(query: &[(&str, &str)]) -> Result<Selection, BadChoice> {
    Selection::read(&mut query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn row(fields: serde_json::Value) -> Fields {
    serde_json::from_value(fields).unwrap()
}

#[test]
fn each_filter_stands_in_its_place() {
    assert!(FilterField::ALL.iter().enumerate().all(|(i, part)| part.place() == i));
}

#[test]
fn equal_selections_write_equal_texts() {
    let one = read(&[("client", "Ä &1"), ("status", "REFUNDED,CAPTURED,REFUNDED")]).unwrap();
    let two = read(&[("status", "CAPTURED,REFUNDED"), ("client", "Ä &1")]).unwrap();
    assert_eq!(one.to_string(), "status=CAPTURED,REFUNDED&client=%C3%84%20%261");
    assert_eq!((one.to_string(), &one), (two.to_string(), &two));
    let local = read(&[("ended", "2018-06-15T00:00:00+01:00/2018-06-15T23:00:00.000Z")]).unwrap();
    assert_eq!(local.to_string(), "ended=2018-06-14T23:00:00Z/2018-06-15T23:00:00Z");
    assert_eq!(read(&[("slot", "04.09@Europe/London")]).unwrap().to_string(), "slot=4.9@Europe/London");
    let json = serde_json::to_value(&one).unwrap();
    assert_eq!(json, json!({"status": "CAPTURED,REFUNDED", "client": "Ä &1"}));
    assert_eq!(serde_json::from_value::<Selection>(json).unwrap(), one);
    let built = Selection::default()
        .with(FilterField::Client, Criterion::one_of(["Ä &1"]))
        .with(FilterField::Status, Criterion::one_of(["ACTIVE"]))
        .with(FilterField::Status, Criterion::one_of(["REFUNDED", "CAPTURED"]));
    assert_eq!(built, one);
    assert!(built.without(FilterField::Status).without(FilterField::Client).is_everything());
}

#[test]
fn what_cannot_be_asked_is_an_error_and_never_everything() {
    let (long, many) = ("x".repeat(129), ["A"; 17].join(","));
    for bad in [
        [("status", "")],
        [("status", "ACTIVE,,PENDING")],
        [("status", many.as_str())],
        [("client", long.as_str())],
        [("city", "Dun\ndee")],
        [("currency", "gbp")],
        [("currency", "POUND")],
        [("ended", "today")],
        [("ended", "2018-06-15T23:00:00Z/2018-06-14T23:00:00Z")],
        [("ended", "2018-06-15T23:00:00Z/2018-06-15T23:00:00Z")],
        [("running", "0h")],
        [("running", "256h")],
        [("running", "8")],
        [("running", "-8h")],
        [("slot", "7.0@UTC")],
        [("slot", "0.24@UTC")],
        [("slot", "+1.+2@UTC")],
        [("slot", "1.2@")],
        [("slot", "1.2@UTC'")],
    ] {
        let error = read(&bad).unwrap_err().0;
        assert!(error.contains(bad[0].0), "{error}");
    }
    assert!(read(&[("status", "A"), ("status", "B")]).is_err(), "which of the two?");
    for name in ["statuss", "page", "", "STATUS"] {
        let error = read(&[("status", "ACTIVE"), (name, "1")]).unwrap_err().0;
        assert!(error.contains(&format!("“{name}”")), "a filter that nobody knows is not passed over: {error}");
    }
    assert!(serde_json::from_value::<Selection>(json!({"page": "7"})).is_err());
    let evse = read(&[("evse", "UNKNOWN")]).unwrap();
    assert!(evse.clone().of(Collection::Payments).is_err());
    assert!(evse.of(Collection::Stations).is_ok());
    for collection in Collection::ALL {
        for field in FilterField::ALL.iter().filter_map(|part| part.field(collection)) {
            assert!(collection.shown_fields().any(|shown| shown == field), "{field} of {collection} travels");
        }
    }
}

#[test]
fn statuses_that_are_not_of_the_standard_are_told_apart() {
    let odd = |query: &[(&str, &str)], collection| {
        let odd = read(query).unwrap().odd_statuses(collection);
        odd.into_iter().map(|(part, status)| format!("{}={status}", part.name())).collect::<Vec<_>>()
    };
    assert_eq!(
        odd(&[("status", "CAPTURED,captured,BOGUS")], Collection::Payments),
        ["status=BOGUS", "status=captured"]
    );
    assert!(odd(&[("status", "CAPTURED"), ("client", "captured")], Collection::Payments).is_empty());
    assert_eq!(odd(&[("status", "CAPTURED")], Collection::Clients), ["status=CAPTURED"]);
    assert!(odd(&[("evse", "UNKNOWN")], Collection::Stations).is_empty());
    assert_eq!(odd(&[("evse", "BROKEN")], Collection::Stations), ["evse=BROKEN"]);
}

#[test]
fn a_document_is_of_the_list_or_not() {
    let at = EvalContext { zone: Zone { name: "x".into(), offsets: vec![(0, 3600)] }, ..EvalContext::default() };
    let payment = row(json!({
        "status": "CAPTURED", "captured_at": "2018-06-14T23:00:00Z", "currency": "GBP", "created_at": "yesterday", "method": ["CARD"],
    }));
    let day = Period {
        from: UtcMs::parse("2018-06-14T23:00:00Z").unwrap(),
        to: UtcMs::parse("2018-06-15T23:00:00Z").unwrap(),
    };
    let is = |part, wanted| Selection::default().with(part, wanted).matches(Collection::Payments, &payment, &at);
    assert!(is(FilterField::Status, Criterion::one_of(["CAPTURED", "REFUNDED"])));
    assert!(!is(FilterField::Status, Criterion::one_of(["REFUNDED"])));
    assert!(is(FilterField::Captured, Criterion::Within(day)));
    assert!(!is(FilterField::Captured, Criterion::Within(Period { from: UtcMs(day.from.0 - 1000), to: day.from })));
    assert!(!is(FilterField::Created, Criterion::Within(day)), "what cannot be read is in no period");
    assert!(!is(FilterField::Method, Criterion::one_of(["CARD"])), "a list is no text");
    assert!(!is(FilterField::Client, Criterion::one_of(["C-1"])), "missing");
    let session = row(json!({"start_date_time": "2018-06-15T13:59:59Z"}));
    let slot = |weekday, hour| {
        let slot = Criterion::In(Slot { weekday, hour, zone: "x".into() });
        Selection::default().with(FilterField::Slot, slot).matches(Collection::ChargingSessions, &session, &at)
    };
    assert!(slot(4, 14) && !slot(4, 13) && !slot(3, 14), "Friday at two by a clock one hour east");
}

#[test]
fn a_silent_station_has_unknown_evses() {
    let station = row(
        json!({"last_heartbeat_at": "1970-01-01T00:00:00Z", "evses": [{"status": "CHARGING"}, {"status": "OUTOFORDER"}]}),
    );
    let now = |s: i64| EvalContext { now: UtcMs::from_seconds(s), silent_after_s: 900, ..EvalContext::default() };
    let evse = |status| Selection::default().with(FilterField::Evse, Criterion::one_of([status]));
    let is = |status, s| evse(status).matches(Collection::Stations, &station, &now(s));
    let may = |status| evse(status).may_match(Collection::Stations, &station, &now(901));
    assert!(is("OUTOFORDER", 900) && !is("UNKNOWN", 900) && !is("AVAILABLE", 900));
    assert!(!is("OUTOFORDER", 901) && is("UNKNOWN", 901));
    assert!(may("OUTOFORDER") && may("UNKNOWN") && !may("AVAILABLE"));
}

#[test]
fn a_patch_alone_decides_where_it_can() {
    let of = Selection::default()
        .with(FilterField::Status, Criterion::one_of(["ACTIVE"]))
        .with(FilterField::Client, Criterion::one_of(["C-1"]));
    let hint = |set, unset: &[&str]| {
        let unset: Vec<String> = unset.iter().map(|&name| name.to_owned()).collect();
        of.match_hint(Collection::ChargingSessions, &row(set), &unset, &EvalContext::default())
    };
    assert_eq!(hint(json!({"power_w": 1}), &["stop_reason"]), MatchHint::Nothing);
    assert_eq!(hint(json!({"status": "COMPLETED", "client_id": "C-1"}), &[]), MatchHint::No);
    assert_eq!(hint(json!({}), &["status"]), MatchHint::No);
    assert_eq!(hint(json!({"status": "ACTIVE"}), &[]), MatchHint::Perhaps);
}

#[test]
fn a_patch_of_another_field_decides_where_the_filter_is_worked_out_from_several() {
    let of = Selection::default().with(FilterField::Evse, Criterion::one_of(["REMOVED"]));
    let hint = |set, unset: &[&str]| {
        let unset: Vec<String> = unset.iter().map(|&name| name.to_owned()).collect();
        of.match_hint(Collection::Stations, &row(set), &unset, &EvalContext::default())
    };
    let removed = json!({"removed_at": "2026-01-01T00:00:00Z"});
    assert_eq!(hint(removed.clone(), &[]), MatchHint::Perhaps, "it alone can turn EVSEs to REMOVED");
    assert_eq!(hint(json!({}), &["removed_at"]), MatchHint::Perhaps);
    assert_eq!(hint(json!({"connection": "OFFLINE"}), &[]), MatchHint::Turns);
    assert_eq!(hint(json!({"last_heartbeat_at": "2026-01-01T00:00:00Z"}), &[]), MatchHint::Nothing);
    let in_dundee = of.clone().with(FilterField::City, Criterion::one_of(["Dundee"]));
    let elsewhere = row(json!({"removed_at": removed["removed_at"], "city": "Perth"}));
    let hint = in_dundee.match_hint(Collection::Stations, &elsewhere, &[], &EvalContext::default());
    assert_eq!(hint, MatchHint::No, "another filter excludes it");
}

#[test]
fn filters_name_fields_of_the_tables() {
    for part in FilterField::ALL {
        let of: Vec<_> = Collection::ALL.into_iter().filter_map(|of| Some((of, part.field(of)?))).collect();
        assert!(!of.is_empty(), "{part:?}");
        for (collection, own) in of {
            for name in [own].iter().chain(part.ever_by()).chain(part.now_by()) {
                assert!(collection.shown_fields().any(|field| field == *name), "{part:?}: {collection}.{name}");
            }
        }
    }
}

/// A parameter of an address: what a filter takes, or something like it.
fn parameter() -> impl Strategy<Value = (String, String)> {
    let date = || prop_oneof![any::<i64>(), 0..2_000_000_000_000_i64].prop_map(|ms| UtcMs(ms).to_string());
    let value = prop_oneof![
        prop::sample::select(vec![
            "ACTIVE",
            "CAPTURED,ACTIVE,CAPTURED",
            "GBP",
            "8h",
            "04.9@Europe/London",
            "6.23@Etc/GMT+1"
        ])
        .prop_map(str::to_owned),
        (date(), date()).prop_map(|(from, to)| format!("{from}/{to}")),
        "[0-9]{1,3}h",
        "[0-9]{1,2}\\.[0-9]{1,2}@[A-Za-z/+_-]{0,8}",
        ".{0,8}",
        "[,%&=+#/ é]{0,6}",
    ];
    let name = prop::sample::select(FilterField::ALL).prop_map(|field| field.name().to_owned());
    (prop_oneof![12 => name, 1 => ".{0,6}"], value)
}

proptest! {
    /// A figure that names a status links to the list of it.
    #[test]
    fn every_status_that_a_figure_names_can_be_asked_for(code in "[a-zé,.%&=+ \\t…]{0,6}") {
        let named = named([(PaymentStatus::from(code).counted(), 1)].into());
        prop_assert_eq!(named.values().sum::<i64>(), 1);
        for code in named.keys().map(PaymentStatus::code).filter(|code| *code != REST) {
            for (field, of) in [(FilterField::Status, Collection::Payments), (FilterField::Evse, Collection::Stations)] {
                let asked = Selection::default().with(field, Criterion::one_of([code]));
                let address = asked.to_string();
                let mut decoded = url::form_urlencoded::parse(address.as_bytes()).into_owned();
                prop_assert_eq!(Selection::read(&mut decoded).and_then(|read| read.of(of)), Ok(asked.clone()));
            }
        }
    }

    /// Any address is a selection, which reads back from all that it is written as, or refused.
    #[test]
    fn any_address_is_a_selection_or_refused(parameters in prop::collection::vec(parameter(), 0..4)) {
        if let Ok(selection) = Selection::read(&mut parameters.into_iter()) {
            let address = selection.to_string();
            let mut decoded = url::form_urlencoded::parse(address.as_bytes()).into_owned();
            let read_back = Selection::read(&mut decoded);
            prop_assert_eq!(read_back.as_ref(), Ok(&selection), "{}", address);
            let json = serde_json::to_value(&selection).unwrap();
            prop_assert_eq!(serde_json::from_value::<Selection>(json).unwrap(), selection.clone());
            let at = EvalContext::default();
            for collection in Collection::ALL {
                let empty = Fields::new();
                prop_assert!(selection.is_everything() || !selection.matches(collection, &empty, &at));
            }
        }
    }
}
