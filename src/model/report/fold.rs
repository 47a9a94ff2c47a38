//! Documents folded into groups. Whatever cannot be attributed stands in a group that says so, so that the groups always
//! add up to the whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::By;
use crate::model::{
    entities::{Payment, Session},
    money::Currency,
    range::Day,
    status::SessionStatus,
    time::{Period, UtcMs, Zone},
};

/// When the session counts in the period: it is COMPLETED and ended in it.
pub fn completed_in(session: &Session, period: Period) -> Option<UtcMs> {
    let completed = session.status == Some(SessionStatus::Completed);
    session.end_date_time.filter(|at| completed && within(period, *at))
}

/// When the payment counts in the period: money was captured in it, whatever was given back since.
pub fn captured_in(payment: &Payment, period: Period) -> Option<UtcMs> {
    let revenue = payment.status.as_ref().is_some_and(|status| status.is_revenue());
    payment.captured_at.filter(|at| revenue && within(period, *at))
}

const fn within(period: Period, at: UtcMs) -> bool {
    period.from.0 <= at.0 && at.0 < period.to.0
}

/// The method of a session's payment, of those that may be its: the one it names, else one that was captured.
/// `None`: it has no payment; `Some(None)`: its payment names none.
pub fn method_of(session: &Session, payments: &[Payment]) -> Option<Option<String>> {
    let named = |payment: &Payment| payment.payment_id.is_some() && payment.payment_id == session.payment_id;
    let its =
        |payment: &&Payment| named(payment) || payment.session_id.is_some() && payment.session_id == session.session_id;
    let rank = |payment: &&Payment| {
        let revenue = payment.status.as_ref().is_some_and(|status| status.is_revenue());
        (!named(payment), !revenue, payment.payment_id.clone(), payment.method.clone())
    };
    payments.iter().filter(its).min_by_key(rank).map(|payment| payment.method.clone())
}

/// What a group's documents have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// A public id, a city, a method's code, or the first day of a piece of time.
    Is(String),
    /// The name of what is not known of them.
    Lacks(String),
}

impl Key {
    /// What is known, or that it is not.
    pub fn of(known: Option<String>, what: &str) -> Self {
        known.filter(|text| !text.is_empty()).map_or_else(|| Self::Lacks(what.to_owned()), Self::Is)
    }

    /// The piece of time that holds an instant.
    pub fn at(by: By, zone: &Zone, at: UtcMs) -> Self {
        Self::Is(by.first_day(Day::of(zone.civil(at))).to_string())
    }
}

/// What some documents add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub sessions: i64,
    pub energy_wh: i64,
    /// Sessions that do not say what they delivered.
    pub without_energy: i64,
    pub payments: i64,
    /// Payments computed from a tariff.
    pub derived: i64,
    /// Payments that do not say how much was captured, or in which currency.
    pub without_amount: i64,
    pub money: Vec<(Currency, Money)>,
}

/// What some payments of one currency add up to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub payments: i64,
    pub captured: i64,
    pub refunded: i64,
    pub fees: i64,
    /// Payments whose fee is not known.
    pub fees_missing: i64,
    /// Captured less refunded and fee, of the others.
    pub net: i64,
}

impl Sums {
    /// What a session that counts adds.
    pub fn of_session(session: &Session) -> Self {
        Self {
            sessions: 1,
            energy_wh: session.energy_wh.map_or(0, |energy| energy.0),
            without_energy: i64::from(session.energy_wh.is_none()),
            ..Self::default()
        }
    }

    /// What a payment that counts adds.
    pub fn of_payment(payment: &Payment) -> Self {
        let amounts = payment.captured_minor.zip(payment.currency.clone()).zip(payment.revenue());
        let mut sums = Self {
            payments: 1,
            derived: i64::from(payment.derived),
            without_amount: i64::from(amounts.is_none()),
            ..Self::default()
        };
        if let Some(((captured, currency), revenue)) = amounts {
            let fee = payment.fee_minor;
            let money = Money {
                payments: 1,
                captured,
                refunded: payment.refunded_minor.unwrap_or(0),
                fees: fee.unwrap_or(0),
                fees_missing: i64::from(fee.is_none()),
                net: fee.map_or(0, |fee| revenue.minor.wrapping_sub(fee)),
            };
            sums.money.push((currency, money));
        }
        sums
    }

    /// Adds; each currency to itself. As everywhere, sums beyond 64 bits wrap around rather than stop anything.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.sessions, other.sessions),
            (&mut self.energy_wh, other.energy_wh),
            (&mut self.without_energy, other.without_energy),
            (&mut self.payments, other.payments),
            (&mut self.derived, other.derived),
            (&mut self.without_amount, other.without_amount),
        ] {
            *sum = sum.wrapping_add(more);
        }
        for (currency, more) in &other.money {
            match self.money.binary_search_by(|(known, _)| known.cmp(currency)) {
                Ok(at) => self.money[at].1.add(more),
                Err(at) => self.money.insert(at, (currency.clone(), *more)),
            }
        }
    }
}

impl Money {
    fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.payments, other.payments),
            (&mut self.captured, other.captured),
            (&mut self.refunded, other.refunded),
            (&mut self.fees, other.fees),
            (&mut self.fees_missing, other.fees_missing),
            (&mut self.net, other.net),
        ] {
            *sum = sum.wrapping_add(more);
        }
    }
}

/// A group's sums, with its name where its documents tell one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub key: Key,
    pub name: Option<String>,
    pub sums: Sums,
}

/// All that counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    groups: BTreeMap<Key, Sums>,
}

impl Folded {
    pub fn add(&mut self, key: Key, sums: &Sums) {
        self.groups.entry(key).or_default().add(sums);
    }

    /// The public ids of the groups.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().filter_map(|key| match key {
            Key::Is(id) => Some(id.as_str()),
            Key::Lacks(_) => None,
        })
    }

    /// The groups in the order of their keys, each with the name that its id has.
    pub fn groups(self, name: impl Fn(&str) -> Option<String>) -> Vec<Group> {
        let named = |(key, sums)| {
            let name = if let Key::Is(id) = &key { name(id) } else { None };
            Group { key, name, sums }
        };
        self.groups.into_iter().map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{entities::see, fields::Fields};
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
        let paid = |status: &str, at: &str| {
            captured_in(&payment(json!({"status": status, "captured_at": at})), period).is_some()
        };
        for status in ["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "DISPUTED"] {
            assert!(paid(status, "2018-06-01T00:00:00Z") && !paid(status, "2018-06-02T00:00:00Z"), "{status}");
        }
        assert!(!paid("AUTHORIZED", "2018-06-01T12:00:00Z"));
    }

    #[test]
    fn days_are_those_of_the_zone_however_long() {
        let day = |text: &str| Key::at(By::Day, &london(), at(text));
        let is = |text: &str| Key::Is(text.to_owned());
        // 23 hours, and 25.
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
        let mut sums = Sums::of_session(&session(json!({"energy_wh": 1500})));
        sums.add(&Sums::of_session(&session(json!({"energy_wh": "a lot"}))));
        assert_eq!((sums.sessions, sums.energy_wh, sums.without_energy), (2, 1500, 1));
        let paid = |fields: Value| Sums::of_payment(&payment(fields));
        let mut sums = paid(json!({"status": "CAPTURED", "captured_minor": 1000, "fee_minor": 30, "currency": "GBP"}));
        sums.add(&paid(json!({"status": "REFUNDED", "captured_minor": 500, "refunded_minor": 500, "currency": "GBP"})));
        sums.add(&paid(
            json!({"status": "CAPTURED", "captured_minor": 700, "currency": "EUR", "source": {"derived": true}}),
        ));
        sums.add(&paid(json!({"status": "CAPTURED", "currency": "EUR"})));
        assert_eq!((sums.payments, sums.derived, sums.without_amount), (4, 1, 1));
        let gbp = Money { payments: 2, captured: 1500, refunded: 500, fees: 30, fees_missing: 1, net: 970 };
        let eur = Money { payments: 1, captured: 700, refunded: 0, fees: 0, fees_missing: 1, net: 0 };
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
        let some =
            prop::collection::btree_map(prop::sample::select(names.to_vec()).prop_map(str::to_owned), value, 0..10);
        (some, prop::sample::select(kept.to_vec())).prop_map(|(mut fields, (name, value))| {
            fields.insert(name.to_owned(), value);
            fields
        })
    }

    proptest! {
        #[test]
        fn groups_add_up_to_the_whole(documents in prop::collection::vec(document(), 0..60)) {
            let period = Period { from: UtcMs::from_seconds(1_521_750_000), to: UtcMs::from_seconds(1_521_950_000) };
            for by in By::ALL {
                let (mut folded, mut whole) = (Folded::default(), Sums::default());
                for fields in &documents {
                    let (session, payment) = (see::<Session>(fields).doc, see::<Payment>(fields).doc);
                    let key = |at| match by {
                        By::Client => Key::of(session.client_id.clone(), "client"),
                        By::Method => Key::of(payment.method.clone(), "method"),
                        by => Key::at(by, &london(), at),
                    };
                    let sums = completed_in(&session, period).map(|at| (key(at), Sums::of_session(&session)));
                    let paid = captured_in(&payment, period).map(|at| (key(at), Sums::of_payment(&payment)));
                    for (key, sums) in sums.into_iter().chain(paid) {
                        whole.add(&sums);
                        folded.add(key, &sums);
                    }
                }
                let mut added = Sums::default();
                folded.groups(|_| None).iter().rev().for_each(|group| added.add(&group.sums));
                prop_assert_eq!(&added, &whole);
                // A currency holds what its own payments say and nothing else.
                for (currency, money) in &whole.money {
                    let alone = documents.iter().map(|fields| see::<Payment>(fields).doc);
                    let alone = alone.filter(|p| captured_in(p, period).is_some() && p.currency.as_ref() == Some(currency));
                    let alone = alone.filter(|p| p.revenue().is_some()).filter_map(|p| p.captured_minor);
                    prop_assert_eq!(money.captured, alone.fold(0_i64, i64::wrapping_add));
                }
            }
        }
    }
}
