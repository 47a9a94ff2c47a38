//! Folding, by examples and by random documents.

use super::*;
use crate::domain::report::attribution::{captured_in, completed_in, first_of, method_of};
use crate::domain::{
    cells::{Cells, delta},
    collections::{Collection, see},
    fields::Fields,
    time::Bucket,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn at(text: &str) -> UtcMs {
    UtcMs::parse(text).unwrap()
}

fn london() -> Zone {
    Zone { name: "Europe/London".into(), offsets: vec![(0, 0), (1_521_939_600, 3600), (1_540_688_400, 0)] }
}

fn session(fields: Value) -> Session {
    see(&serde_json::from_value(fields).unwrap()).doc
}

fn payment(fields: Value) -> Payment {
    see(&serde_json::from_value(fields).unwrap()).doc
}

#[test]
fn a_period_holds_its_beginning_and_not_its_end() {
    let period = Period { from: at("2018-06-01T00:00:00Z"), to: at("2018-06-02T00:00:00Z") };
    let counts = |status: &str, end: &str| {
        completed_in(&session(json!({"status": status, "end_date_time": end})), period).is_some()
    };
    assert!(counts("COMPLETED", "2018-06-01T00:00:00Z"));
    assert!(counts("COMPLETED", "2018-06-01T23:59:59.999Z"));
    assert!(!counts("COMPLETED", "2018-06-02T00:00:00Z"));
    assert!(!counts("INVALID", "2018-06-01T12:00:00Z"));
    let paid =
        |status: &str, at: &str| captured_in(&payment(json!({"status": status, "captured_at": at})), period).is_some();
    for status in ["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "DISPUTED"] {
        assert!(paid(status, "2018-06-01T00:00:00Z") && !paid(status, "2018-06-02T00:00:00Z"), "{status}");
    }
    assert!(!paid("AUTHORIZED", "2018-06-01T12:00:00Z"));
}

#[test]
fn days_are_those_of_the_zone_however_long() {
    let day = |text: &str| Key::at(By::Day, &london(), at(text));
    let is = |text: &str| Key::Is(text.to_owned());
    // These days have 23 and 25 hours.
    assert_eq!(day("2018-03-24T23:59:59Z"), is("2018-03-24"));
    assert_eq!(day("2018-03-25T00:00:00Z"), is("2018-03-25"));
    assert_eq!(day("2018-03-25T22:59:59Z"), is("2018-03-25"));
    assert_eq!(day("2018-03-25T23:00:00Z"), is("2018-03-26"));
    assert_eq!(day("2018-10-27T23:00:00Z"), is("2018-10-28"));
    assert_eq!(day("2018-10-28T23:59:59Z"), is("2018-10-28"));
    assert_eq!(Key::at(By::Week, &london(), at("2018-06-17T22:59:59Z")), is("2018-06-11"));
    assert_eq!(Key::at(By::Week, &london(), at("2018-06-17T23:00:00Z")), is("2018-06-18"));
    assert_eq!(Key::at(By::Month, &london(), at("2018-06-30T23:00:00Z")), is("2018-07-01"));
}

#[test]
fn missing_is_counted_and_never_zero() {
    let now = at("2018-06-01T12:00:00Z");
    let mut sums = ReportSums::of_session(&session(json!({"energy_wh": 1500})), now);
    sums.add(&ReportSums::of_session(&session(json!({"energy_wh": "a lot"})), now));
    assert_eq!((sums.sessions, sums.energy_wh, sums.without_energy), (2, 1500, 1));
    // What cannot be true is in no sum, what is unlikely is in the sum, and both are counted.
    for odd in [
        json!({"energy_wh": -4_076_287}),
        json!({"energy_wh": 5000, "start_date_time": "2018-06-01T11:00:00Z", "end_date_time": "2018-06-01T10:00:00Z"}),
        json!({"energy_wh": 5000, "end_date_time": "2018-06-01T13:15:00Z"}),
        json!({"energy_wh": 910_000, "end_date_time": "2018-06-01T13:14:59Z"}),
    ] {
        sums.add(&ReportSums::of_session(&session(odd), now));
    }
    assert_eq!((sums.sessions, sums.energy_wh, sums.left_out, sums.doubtful), (6, 911_500, 3, 1));
    let paid = |fields: Value| ReportSums::of_payment(&payment(fields));
    let mut sums = paid(json!({"status": "CAPTURED", "captured_minor": 1000, "fee_minor": 30, "currency": "GBP"}));
    sums.add(&paid(json!({"status": "REFUNDED", "captured_minor": 500, "refunded_minor": 500, "currency": "GBP"})));
    sums.add(&paid(
        json!({"status": "CAPTURED", "captured_minor": 700, "currency": "EUR", "source": {"derived": true}}),
    ));
    sums.add(&paid(json!({"status": "CAPTURED", "currency": "EUR"})));
    assert_eq!((sums.payments, sums.derived, sums.without_amount), (4, 1, 1));
    let gbp = MoneySums { payments: 2, captured: 1500, refunded: 500, fees: 30, fees_missing: 1, net: 970 };
    let eur = MoneySums { payments: 1, captured: 700, refunded: 0, fees: 0, fees_missing: 1, net: 0 };
    assert_eq!(sums.money, [(Currency("EUR".into()), eur), (Currency("GBP".into()), gbp)]);
}

#[test]
fn a_sessions_method_is_that_of_its_payment() {
    let payments = [
        payment(json!({"payment_id": "P1", "session_id": "S1", "status": "FAILED", "method": "CARD"})),
        payment(json!({"payment_id": "P2", "session_id": "S1", "status": "CAPTURED", "method": "APP"})),
        payment(json!({"payment_id": "P3", "session_id": "S2", "status": "PENDING", "method": "WALLET"})),
        payment(json!({"payment_id": "P4", "session_id": "S4"})),
    ];
    let method = |fields: Value| method_of(&session(fields), &payments);
    assert_eq!(method(json!({"session_id": "S1"})), Some(Some("APP".into())), "what was captured");
    assert_eq!(method(json!({"session_id": "S1", "payment_id": "P1"})), Some(Some("CARD".into())), "what it names");
    assert_eq!(method(json!({"session_id": "S9", "payment_id": "P3"})), Some(Some("WALLET".into())));
    assert_eq!(method(json!({"session_id": "S4"})), Some(None));
    assert_eq!(method(json!({"session_id": "S9"})), None);
    assert_eq!(
        method_of(&session(json!({})), &[payment(json!({}))]),
        None,
        "two that name nothing do not belong together"
    );
}

/// The reader keeps one payment of each session, and one of each id that a session names.
#[test]
fn of_many_payments_one_decides() {
    let of =
        |id: &str, status: &str| payment(json!({"payment_id": id, "session_id": "S1", "status": status, "method": id}));
    let all = [of("P3", "CAPTURED"), of("P1", "FAILED"), of("P2", "CAPTURED"), of("P1", "PENDING")];
    let session = |named: &str| session(json!({"session_id": "S1", "payment_id": named}));
    for turn in 0..all.len() {
        let mut all = all.clone();
        all.rotate_left(turn);
        let best = |all: &[Payment]| all.iter().cloned().reduce(first_of);
        let named: Vec<_> = all.iter().filter(|payment| payment.payment_id.as_deref() == Some("P1")).cloned().collect();
        let kept: Vec<_> = best(&all).into_iter().chain(best(&named)).collect();
        for id in ["P1", "P9"] {
            assert_eq!(method_of(&session(id), &kept), method_of(&session(id), &all), "{id}");
        }
        assert_eq!(method_of(&session("P9"), &kept), Some(Some("P2".into())));
        assert_eq!(method_of(&session("P1"), &kept), Some(Some("P1".into())));
    }
}

/// Whatever documents hold, the groups of a report take bounded memory, or there is no report.
#[test]
fn groups_have_a_bound_in_bytes() {
    let fits = |length: usize| {
        let mut folded = Folded::default();
        (0..200_000)
            .take_while(|n| folded.add(Key::Is(format!("{n:0>length$}")), &ReportSums::default()).is_ok())
            .count()
    };
    assert!((150_000..165_000).contains(&fits(6)), "{}", fits(6));
    assert!((37_000..39_000).contains(&fits(2000)), "{}", fits(2000));
    assert!(size_of::<(Key, ReportSums)>() * 11 / 5 + 4 * size_of::<(Currency, MoneySums)>() <= GROUP, "as counted");
    assert!(2 * size_of::<(Currency, MoneySums)>() <= CURRENCY, "as counted");
    let money =
        |n: usize| ReportSums { money: vec![(Currency(n.to_string()), MoneySums::default())], ..Default::default() };
    let mut folded = Folded::default();
    folded.take(BYTES_MAX - GROUP - "one".len() - 2 * CURRENCY).unwrap();
    let mut add = |n| folded.add(Key::Is("one".to_owned()), &money(n));
    assert!((0..1000).all(|_| add(1).is_ok()), "a group and a currency are counted once");
    assert_eq!([add(2), add(3)], [Ok(()), Err(TooManyGroups)]);
}

fn document() -> impl Strategy<Value = Fields> {
    let value = prop_oneof![
        prop::sample::select(vec![
            "COMPLETED",
            "CAPTURED",
            "REFUNDED",
            "DISPUTED",
            "FAILED",
            "EUR",
            "GBP",
            "JPY",
            "A",
            "B",
            ""
        ])
        .prop_map(|text| json!(text)),
        (1_521_700_000_i64..1_522_000_000).prop_map(|s| json!(UtcMs::from_seconds(s).to_string())),
        any::<i64>().prop_map(|n| json!(n.to_string())),
        (-5_i64..500).prop_map(|n| json!(n)),
        Just(Value::Null),
    ];
    let names = [
        "status",
        "end_date_time",
        "energy_wh",
        "captured_at",
        "captured_minor",
        "refunded_minor",
        "fee_minor",
        "currency",
        "client_id",
        "method",
    ];
    let kept = [("status", json!("COMPLETED")), ("status", json!("CAPTURED")), ("status", json!("REFUNDED"))];
    let some = prop::collection::btree_map(prop::sample::select(names.to_vec()).prop_map(str::to_owned), value, 0..10);
    (some, prop::sample::select(kept.to_vec())).prop_map(|(mut fields, (name, value))| {
        fields.insert(name.to_owned(), value);
        fields
    })
}

/// One hour after it lies within the dates of the documents.
const NOW: UtcMs = UtcMs::from_seconds(1_521_896_000);

/// The cells of `documents`, after those of `gone` came and went: a deletion must take away what its document added.
fn cells(documents: &[Fields], gone: &[Fields]) -> Cells {
    let mut cells = Cells::default();
    for collection in [Collection::ChargingSessions, Collection::Payments] {
        for fields in documents.iter().chain(gone) {
            cells.merge(&delta(collection, None, Some(fields)));
        }
        gone.iter().for_each(|fields| cells.merge(&delta(collection, Some(fields), None)));
    }
    cells
}

proptest! {
    #[test]
    fn cells_tell_what_documents_do(
        documents in prop::collection::vec(document(), 0..60), gone in prop::collection::vec(document(), 0..9)
    ) {
        let cells = cells(&documents, &gone);
        for (from, to) in [(1_521_693_000, 1_521_999_900), (1_521_750_600, 1_521_900_000), (1_521_750_600, 1_521_751_500)] {
            let period = Period { from: UtcMs::from_seconds(from), to: UtcMs::from_seconds(to) };
            prop_assert!(Bucket::fill(period));
            let mut read = ReportSums::default();
            for fields in &documents {
                let (session, payment) = (see::<Session>(fields).doc, see::<Payment>(fields).doc);
                completed_in(&session, period).into_iter().for_each(|_| read.add(&ReportSums::of_session(&session, NOW)));
                captured_in(&payment, period).into_iter().for_each(|_| read.add(&ReportSums::of_payment(&payment)));
            }
            prop_assert_eq!(ReportSums::of_cells(&cells, period, NOW), read);
        }
    }

    #[test]
    fn groups_add_up_to_the_whole(documents in prop::collection::vec(document(), 0..60)) {
        let period = Period { from: UtcMs::from_seconds(1_521_750_000), to: UtcMs::from_seconds(1_521_950_000) };
        for by in By::ALL {
            let (mut folded, mut whole) = (Folded::default(), ReportSums::default());
            for fields in &documents {
                let (session, payment) = (see::<Session>(fields).doc, see::<Payment>(fields).doc);
                let key = |at| match by {
                    By::Client => Key::of(session.client_id.clone(), "client"),
                    By::Method => Key::of(payment.method.clone(), "method"),
                    by => Key::at(by, &london(), at),
                };
                let sums = completed_in(&session, period).map(|at| (key(at), ReportSums::of_session(&session, period.to)));
                let paid = captured_in(&payment, period).map(|at| (key(at), ReportSums::of_payment(&payment)));
                for (key, sums) in sums.into_iter().chain(paid) {
                    whole.add(&sums);
                    folded.add(key, &sums).unwrap();
                }
            }
            let mut added = ReportSums::default();
            folded.groups(|_| None).iter().rev().for_each(|group| added.add(&group.sums));
            prop_assert_eq!(&added, &whole);
            // A currency holds what its own payments add and nothing else.
            for (currency, money) in &whole.money {
                let alone = documents.iter().map(|fields| see::<Payment>(fields).doc);
                let alone = alone.filter(|p| captured_in(p, period).is_some() && p.currency.as_ref() == Some(currency));
                let alone = alone.filter(|p| p.revenue().is_some()).filter_map(|p| p.captured_minor);
                prop_assert_eq!(money.captured, alone.fold(0_i64, i64::wrapping_add));
            }
        }
    }
}
