//! Compares each figure with the documents that it counts.

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::domain::{cells::contributions, fields::Fields, selection::EvalContext};

fn at(now: &str) -> Viewpoint {
    let day = |from: &str, to: &str| Period { from: UtcMs::parse(from).unwrap(), to: UtcMs::parse(to).unwrap() };
    Viewpoint {
        now: UtcMs::parse(now).unwrap(),
        day: day("2018-06-14T23:00:00Z", "2018-06-15T23:00:00Z"),
        week_before: day("2018-06-07T23:00:00Z", "2018-06-08T23:00:00Z"),
        silent_after_s: 900,
    }
}

fn cells(documents: serde_json::Value, collection: Collection) -> Cells {
    let mut cells = Cells::default();
    let documents: Vec<Fields> = serde_json::from_value(documents).unwrap();
    documents.iter().for_each(|row| cells.merge(&contributions(collection, row)));
    cells
}

#[test]
fn the_day_is_local_and_half_open() {
    let cells = cells(
        json!([
            {"status": "COMPLETED", "end_date_time": "2018-06-14T23:00:00Z", "energy_wh": 10},
            {"status": "COMPLETED", "end_date_time": "2018-06-15T22:59:59Z", "energy_wh": 5},
            {"status": "COMPLETED", "end_date_time": "2018-06-15T23:00:00Z", "energy_wh": 100},
            {"status": "INVALID", "end_date_time": "2018-06-15T01:00:00Z", "energy_wh": 1000},
            {"status": "ACTIVE", "start_date_time": "2018-06-15T12:00:00Z", "power_w": 7000},
            {"status": "COMPLETED", "end_date_time": "2018-06-08T03:00:00Z", "energy_wh": 7},
        ]),
        Collection::ChargingSessions,
    );
    let f = figures(&cells, &at("2018-06-15T22:50:00Z"));
    assert_eq!((f.energy_today, f.active_sessions, f.live_power), (Some(Wh(15)), 1, Some(Watt(7000))));
    assert_eq!((f.sessions_today, f.energy_week_before), (1, Some(Wh(7))));
    assert_eq!(figures(&cells, &at("2018-06-15T12:00:00Z")).energy_series.today.len(), 53);
    assert_eq!(f.energy_series.week_before.len(), 96);
    assert_eq!(f.newest_data, UtcMs::parse("2018-06-15T23:00:00Z"));
}

#[test]
fn sessions_that_are_active_for_more_than_a_day_are_told() {
    let sessions = json!([
        {"status": "ACTIVE", "start_date_time": "2018-06-14T11:44:00Z"},
        {"status": "ACTIVE", "start_date_time": "2018-06-14T12:00:00Z"},
        {"status": "ACTIVE", "start_date_time": "2016-01-01T00:00:00Z"},
        {"status": "ACTIVE", "start_date_time": "1969-12-31T23:59:59Z"},
        {"status": "ACTIVE", "start_date_time": "2018-06-15T04:00:00Z"},
        {"status": "ACTIVE"},
        {"status": "COMPLETED", "start_date_time": "2016-01-01T00:00:00Z"},
    ]);
    let rows: Vec<Fields> = serde_json::from_value(sessions.clone()).unwrap();
    let cells = cells(sessions, Collection::ChargingSessions);
    let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
    assert_eq!((f.active_sessions, f.long_active.count), (6, 2), "a start before 2000 is not believed");
    // The list follows the clock as the figure does: to the quarter of an hour.
    for (now, count) in [("2018-06-15T11:59:59Z", 3), ("2018-06-15T12:00:00Z", 3), ("2018-06-15T12:15:00Z", 4)] {
        assert_eq!(figures(&cells, &at(now)).running_over_8h, count, "{now}");
        assert_eq!(behind("running_over_8h", &rows, &at(now)).len(), usize::try_from(count).unwrap(), "{now}");
    }
}

/// The documents that the list behind a figure shows.
fn behind(name: &str, rows: &[Fields], at: &Viewpoint) -> Vec<Fields> {
    let ListedFigure { counted, .. } = listed(name);
    let selection = counted.selection(Some(at.day));
    let context = EvalContext { now: at.now, ..EvalContext::default() };
    rows.iter().filter(|row| selection.matches(counted.collection(), row, &context)).cloned().collect()
}

/// Documents on both sides of each limit that a figure or a list has.
fn documents() -> impl Strategy<Value = Vec<Fields>> {
    let date = || {
        let dates = [
            "0001-01-01T00:00:00Z",
            "2016-01-01T00:00:00Z",
            "2018-06-14T11:59:59Z",
            "2018-06-14T12:00:00Z",
            "2018-06-14T22:59:59.999Z",
            "2018-06-14T23:00:00Z",
            "2018-06-15T03:59:59.999Z",
            "2018-06-15T04:00:00Z",
            "2018-06-15T11:59:59Z",
            "2018-06-15T22:59:59.999Z",
            "2018-06-15T23:00:00Z",
        ];
        prop::option::weighted(0.9, prop::sample::select(dates.to_vec())).prop_map(|date| json!(date))
    };
    let codes = Collection::ALL.into_iter().flat_map(Collection::codes).chain(["odd"]);
    let status = prop::sample::select(codes.collect::<Vec<_>>()).prop_map(|code| json!(code));
    let number = || prop::option::weighted(0.9, 0_i64..50_000).prop_map(|n| json!(n));
    let currency = prop::sample::select(vec![json!("EUR"), json!("GBP"), Value::Null]);
    let names = ["start_date_time", "end_date_time", "created_at", "captured_at"];
    let amounts = ["energy_wh", "power_w", "amount_minor", "captured_minor", "refunded_minor"];
    let document =
        (status, currency, [date(), date(), date(), date()], [number(), number(), number(), number(), number()]);
    let document = document.prop_map(move |(status, currency, dates, numbers)| {
        let named = names.into_iter().zip(dates).chain(amounts.into_iter().zip(numbers));
        let named = named.chain([("status", status), ("currency", currency)]);
        named.map(|(name, value)| (name.to_owned(), value)).collect()
    });
    prop::collection::vec(document, 0..40)
}

/// A list lacks no document that its figure counts, and has no other.
#[test]
fn every_list_holds_exactly_the_documents_of_its_figure() {
    let at = at("2018-06-15T12:00:00Z");
    let whole = |rows: &[Fields], collection| {
        let mut cells = Cells::default();
        rows.iter().for_each(|row| cells.merge(&contributions(collection, row)));
        serde_json::to_value(figures(&cells, &at)).unwrap()
    };
    for FigureEntry { name, counted, .. } in FIGURES {
        let Some(counted) = counted else { continue };
        // A runner counts its cases over all that it runs.
        let compared = TestRunner::new(ProptestConfig::with_cases(64)).run(&documents(), |rows| {
            let listed = behind(name, &rows, &at);
            let (all, some) = (&whole(&rows, counted.collection())[name], &whole(&listed, counted.collection())[name]);
            prop_assert_eq!(all, some, "{} lacks a document", name);
            // What counts documents says how many are listed; what adds up their values does not.
            if let Some(n) = all.get("count").unwrap_or(all).as_u64().filter(|_| !SUMS.contains(name)) {
                prop_assert_eq!(n, listed.len() as u64, "{} lists another document", name);
            }
            Ok(())
        });
        compared.unwrap();
    }
}

/// Figures that add up a value of the documents that they count.
const SUMS: [&str; 3] = ["live_power", "energy_today", "revenue_today"];

#[test]
fn a_split_has_few_parts_however_many_statuses_there_are() {
    let evse = |n: u32| json!({"status": format!("odd {n}")});
    let stations = json!([{"evses": (10..99).map(evse).chain([json!({"status": "AVAILABLE"})]).collect::<Vec<_>>()}]);
    let split = figures(&cells(stations, Collection::Stations), &at("2018-06-15T12:00:00Z")).evse_split;
    assert_eq!((split.len(), split.iter().map(|(_, n)| n).sum::<i64>()), (22, 90));
    assert_eq!(split.first(), Some(&(EvseStatus::Available, 1)));
    assert_eq!(split.last(), Some(&(EvseStatus::Other("…".to_owned()), 69)));
}

#[test]
fn the_split_adds_up_and_the_silent_are_unknown() {
    let cells = cells(
        json!([
            {"connection": "ONLINE", "last_heartbeat_at": "2018-06-15T11:50:00Z", "evses": [{"status": "AVAILABLE"}, {"status": "CHARGING"}]},
            {"connection": "ONLINE", "last_heartbeat_at": "2018-06-15T11:44:59Z", "evses": [{"status": "AVAILABLE"}]},
            {"connection": "OFFLINE", "last_heartbeat_at": "2018-06-15T12:00:00Z", "evses": [{"status": "AVAILABLE"}]},
            {"evses": [{"status": "ODD"}, {}]},
        ]),
        Collection::Stations,
    );
    let split = figures(&cells, &at("2018-06-15T12:00:00Z")).evse_split;
    let counts: Vec<_> = split.iter().map(|(s, n)| (s.code(), *n)).collect();
    assert_eq!(counts, [("AVAILABLE", 1), ("CHARGING", 1), ("UNKNOWN", 3), ("ODD", 1)]);
}

#[test]
fn what_is_removed_is_in_no_service() {
    let station = |id: &str, removed_at: serde_json::Value, watts: i64| {
        json!({"station_id": id, "connection": "ONLINE", "last_heartbeat_at": "2018-06-15T12:00:00Z", "removed_at": removed_at,
            "evses": [{"status": "AVAILABLE", "connectors": [{"max_electric_power": watts}]}]})
    };
    let all = json!([
        station("ST1", json!(null), 11_000),
        station("ST2", json!("2018-06-12T12:00:00Z"), 50_000),
        station("ST3", json!("2018-06-15T12:00:01Z"), 7000),
    ]);
    let cells = cells(all, Collection::Stations);
    let seen = |now| {
        let f = figures(&cells, &at(now));
        let split: Vec<_> = f.evse_split.iter().map(|(status, n)| (status.code().to_owned(), *n)).collect();
        (split, f.installed_power)
    };
    let of = |available, removed| vec![("AVAILABLE".to_owned(), available), ("REMOVED".to_owned(), removed)];
    assert_eq!(seen("2018-06-15T12:00:00Z"), (of(2, 1), Some(Watt(18_000))), "the third is taken away later");
    assert_eq!(seen("2018-06-15T12:00:01Z"), (of(1, 2), Some(Watt(11_000))));
}

#[test]
fn a_sum_of_nothing_known_is_not_known() {
    let f = |documents, collection| figures(&cells(documents, collection), &at("2018-06-15T12:00:00Z"));
    let empty = f(json!([]), Collection::ChargingSessions);
    assert_eq!((empty.energy_today, empty.live_power), (Some(Wh(0)), Some(Watt(0))), "no session is no energy");
    assert_eq!(empty.installed_power, Some(Watt(0)));
    let ended = |wh: serde_json::Value| json!({"status": "COMPLETED", "start_date_time": "2018-06-15T10:00:00Z", "end_date_time": "2018-06-15T11:00:00Z", "energy_wh": wh});
    let active = |w: serde_json::Value| json!({"status": "ACTIVE", "power_w": w});
    let none = f(json!([ended(json!(null)), active(json!(null))]), Collection::ChargingSessions);
    assert_eq!((none.energy_today, none.energy_unknown, none.live_power, none.power_unknown), (None, 1, None, 1));
    assert_eq!(none.energy_series.today[48..50], [None, Some(0)], "what nobody knows is a gap in the chart");
    let some = json!([ended(json!(null)), ended(json!(0)), active(json!(null)), active(json!(0))]);
    let some = f(some, Collection::ChargingSessions);
    assert_eq!((some.energy_today, some.energy_unknown), (Some(Wh(0)), 1), "a session of no energy is known");
    assert_eq!((some.live_power, some.power_unknown), (Some(Watt(0)), 1));
    let unrated = f(json!([{"evses": [{"status": "AVAILABLE"}]}]), Collection::Stations);
    assert_eq!((unrated.installed_power, unrated.rating_unknown), (None, 1));
    let paid = json!([
        {"status": "CAPTURED", "captured_minor": 500, "captured_at": "2018-06-15T10:00:00Z"},
        {"status": "CAPTURED", "captured_minor": 300, "refunded_minor": 300, "currency": "EUR", "captured_at": "2018-06-15T10:00:00Z"},
        {"status": "PENDING", "currency": "EUR"},
    ]);
    let paid = f(paid, Collection::Payments);
    let revenue: Vec<_> = paid.revenue_today.iter().map(|r| (r.money.currency.0.as_str(), r.money.minor)).collect();
    assert_eq!((revenue, paid.amount_unknown), (vec![("EUR", 0)], 1), "given back is not the same as not known");
    assert_eq!((paid.open_payments.count, paid.open_payments.unknown), (1, 1));
}

#[test]
fn what_cannot_be_true_is_in_no_energy() {
    let session = |start: &str, end: &str, wh: i64| json!({"status": "COMPLETED", "start_date_time": start, "end_date_time": end, "energy_wh": wh});
    let documents = json!([
        session("2018-06-15T08:00:00Z", "2018-06-15T11:59:00Z", -4_076_287),
        session("2018-06-15T08:00:00Z", "2018-06-15T11:59:00Z", 910_031),
        session("2018-06-15T11:56:00Z", "2018-06-15T11:59:00Z", 36_900),
        session("2018-06-15T11:59:00Z", "2018-06-15T10:59:00Z", 5000),
        session("2018-06-15T14:00:00Z", "2018-06-15T15:00:00Z", 6000),
        session("2018-06-15T10:00:00Z", "2018-06-15T11:59:00Z", 20_000),
        {"status": "COMPLETED", "end_date_time": "2018-06-15T11:00:00Z"},
    ]);
    let cells = cells(documents, Collection::ChargingSessions);
    let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
    let energy = (f.energy_today, f.energy_left_out, f.energy_doubtful, f.energy_unknown);
    assert_eq!(energy, (Some(Wh(910_031 + 36_900 + 20_000)), 3, 2, 1));
    assert_eq!((f.completed_today, f.sessions_ahead), (7, 1), "all are in the list");
    assert_eq!(f.newest_data, UtcMs::parse("2018-06-15T11:45:00Z"), "what lies ahead is not new");
    let later = figures(&cells, &at("2018-06-15T14:15:00Z"));
    assert_eq!((later.energy_left_out, later.sessions_ahead), (2, 0), "an hour of the clock is allowed");
}

#[test]
fn revenue_is_never_added_across_currencies() {
    let cells = cells(
        json!([
            {"status": "CAPTURED", "captured_minor": 500, "currency": "GBP", "captured_at": "2018-06-15T10:00:00Z"},
            {"status": "CAPTURED", "captured_minor": 70, "currency": "GBP", "captured_at": "2018-06-15T10:00:00Z", "source": {"derived": true}},
            {"status": "REFUNDED", "captured_minor": 300, "refunded_minor": 400, "currency": "EUR", "captured_at": "2018-06-15T10:00:00Z"},
            {"status": "AUTHORIZED", "amount_minor": 900, "currency": "EUR"},
        ]),
        Collection::Payments,
    );
    let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
    let revenue: Vec<_> =
        f.revenue_today.iter().map(|r| (r.money.currency.0.as_str(), r.money.minor, r.derived_minor)).collect();
    assert_eq!(revenue, [("EUR", -100, 0), ("GBP", 570, 70)]);
    assert_eq!((f.open_payments.count, f.open_payments.amounts[0].minor), (1, 900));
    let codes = |f: Figures| f.revenue_today.into_iter().map(|r| r.money.currency.0).collect::<Vec<_>>();
    assert_eq!(codes(f.clone().lead_with(&Currency("GBP".into()))), ["GBP", "EUR"], "the network's before the others");
    assert_eq!(codes(f.lead_with(&Currency("JPY".into()))), ["EUR", "GBP"]);
}
