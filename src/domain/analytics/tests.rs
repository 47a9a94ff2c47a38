use super::*;
use crate::domain::{cells::contributions, collections::Collection};
use serde_json::json;

fn at(text: &str) -> UtcMs {
    UtcMs::parse(text).unwrap()
}

fn period(from: &str, to: &str) -> Period {
    Period { from: at(from), to: at(to) }
}

fn cells(collection: Collection, documents: serde_json::Value) -> Cells {
    let documents: Vec<Fields> = serde_json::from_value(documents).unwrap();
    let mut cells = Cells::default();
    documents.iter().for_each(|row| cells.merge(&contributions(collection, row)));
    cells
}

fn plan() -> Plan {
    Plan {
        zone: Zone { name: "Europe/London".into(), offsets: vec![(0, 3600)] },
        pieces: vec![
            period("2018-06-14T23:00:00Z", "2018-06-15T23:00:00Z"),
            period("2018-06-15T23:00:00Z", "2018-06-16T23:00:00Z"),
        ],
        earlier: vec![period("2018-06-07T23:00:00Z", "2018-06-08T23:00:00Z")],
    }
}

#[test]
fn pieces_are_half_open_and_what_has_not_begun_is_not_zero() {
    let mut cells = cells(
        Collection::ChargingSessions,
        json!([
            {"status": "COMPLETED", "start_date_time": "2018-06-15T21:00:00Z", "end_date_time": "2018-06-15T22:59:59Z", "energy_wh": 5},
            {"status": "COMPLETED", "start_date_time": "2018-06-15T22:00:00Z", "end_date_time": "2018-06-15T23:00:00Z", "energy_wh": 70},
            {"status": "COMPLETED", "start_date_time": "2018-06-08T01:00:00Z", "end_date_time": "2018-06-08T03:00:00Z", "energy_wh": 900},
        ]),
    );
    cells.merge(&self::cells(
        Collection::Payments,
        json!([
            {"status": "CAPTURED", "captured_minor": 500, "currency": "GBP", "created_at": "2018-06-15T10:00:00Z", "captured_at": "2018-06-15T10:00:00Z"},
            {"status": "REFUNDED", "captured_minor": 300, "refunded_minor": 400, "currency": "EUR", "created_at": "2018-06-16T10:00:00Z", "captured_at": "2018-06-15T10:00:00Z"},
            {"status": "CAPTURED", "captured_minor": 70, "currency": "EUR", "captured_at": "2018-06-15T10:00:00Z", "source": {"derived": true}},
            {"status": "FAILED", "amount_minor": 1, "currency": "GBP", "created_at": "2018-06-17T10:00:00Z"},
        ]),
    ));
    let fields = fields(&cells, &plan(), at("2018-06-15T22:59:59Z"));
    let pieces = pieces_of(&fields);
    let first = pieces[0].sums.as_ref().unwrap();
    assert_eq!((first.energy, first.completed, first.started), (Some(5), 1, 2));
    let revenue: Vec<_> = first.revenue.iter().map(|(currency, minor)| (currency.0.as_str(), *minor)).collect();
    assert_eq!(revenue, [("EUR", -30), ("GBP", 500)], "never added across currencies");
    assert_eq!(first.derived_minor, [(Currency("EUR".into()), 70)].into(), "of euros some was derived, of pounds none");
    assert_eq!((pieces.len(), &pieces[1].sums), (2, &None));
    assert_eq!(total(&earlier_of(&fields)).energy, Some(900));
    let before = |now| before_of(&super::fields(&cells, &plan(), at(now))).unwrap().energy;
    assert_eq!(before("2018-06-15T02:44:59Z"), Some(0), "a week before it had not come to 03:00 either");
    assert_eq!(before("2018-06-15T03:00:00Z"), Some(900));
    let payments: Vec<_> = payments_of(&fields).into_iter().map(|(s, n)| (s.code().to_owned(), n)).collect();
    assert_eq!(payments, [("CAPTURED".to_owned(), 1), ("REFUNDED".to_owned(), 1)]);
    let later = super::fields(&cells, &plan(), at("2018-06-15T23:00:00Z"));
    assert_eq!(total(&pieces_of(&later)).energy, Some(75));
}

#[test]
fn what_nobody_knows_is_no_zero_and_what_cannot_be_true_is_in_no_sum() {
    let session = |end: &str, wh: serde_json::Value| json!({"status": "COMPLETED", "start_date_time": "2018-06-15T01:00:00Z", "end_date_time": end, "energy_wh": wh});
    let mut cells = cells(
        Collection::ChargingSessions,
        json!([
            session("2018-06-15T02:00:00Z", json!(null)),
            session("2018-06-16T02:00:00Z", json!(7)),
            session("2018-06-16T03:00:00Z", json!(-70)),
            session("2018-06-16T05:00:00Z", json!(700)),
        ]),
    );
    let paid = |currency: Option<&str>, at: &str| json!({"status": "CAPTURED", "captured_minor": 5, "currency": currency, "captured_at": at});
    cells.merge(&self::cells(
        Collection::Payments,
        json!([
            paid(None, "2018-06-15T10:00:00Z"),
            paid(Some("EUR"), "2018-06-16T01:00:00Z"),
            paid(None, "2018-06-16T01:00:00Z")
        ]),
    ));
    let pieces = pieces_of(&fields(&cells, &plan(), at("2018-06-16T03:30:00Z")));
    let sums: Vec<&Sums> = pieces.iter().flat_map(|piece| &piece.sums).collect();
    assert_eq!((sums[0].energy, sums[0].energy_unknown), (None, 1));
    assert_eq!((sums[1].energy, sums[1].energy_left_out), (Some(7), 2), "one is negative, one ends ahead of the clock");
    let all = total(&pieces);
    assert_eq!((all.energy, all.completed, all.energy_unknown, all.energy_left_out), (Some(7), 4, 1, 2));
    let euros = |sums: &Sums| sums.revenue_in(&Currency("EUR".into()));
    assert_eq!((euros(sums[0]), euros(sums[1]), euros(&all), all.amount_unknown), (None, Some(5), Some(5), 2));
    assert_eq!(euros(&Sums::default()), Some(0), "nothing captured is no money");
}

#[test]
fn the_week_has_the_hours_of_the_zone() {
    let cells = cells(Collection::ChargingSessions, json!([{"start_date_time": "2018-06-15T22:59:59Z"}]));
    let hours = hours_of(&fields(&cells, &plan(), at("2018-06-16T00:00:00Z")));
    assert_eq!(hours.iter().sum::<i64>(), 1);
    assert_eq!(hours[4 * 24 + 23], 1, "a Friday, shortly before midnight in London");
}

#[test]
fn a_board_has_one_name() {
    let name = "last=7d&by=day&against=before&zone=Europe/London";
    assert_eq!(name.parse::<Query>().unwrap().to_string(), name);
    for other in ["last=7d", "by=day&last=7d&against=before&zone=UTC", "last=7d&by=odd&against=before&zone=UTC"] {
        assert!(other.parse::<Query>().is_err(), "{other}");
    }
}
