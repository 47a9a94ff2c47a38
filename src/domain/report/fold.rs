//! Folds documents into groups. What cannot be attributed goes into a group that says so, so that the groups always
//! add up to the whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::By;
use crate::domain::{
    cells::{Cell, Cells},
    collections::{Payment, Session},
    money::Currency,
    quality::{Delivered, is_ahead},
    range::Day,
    time::{Period, UtcMs, Zone},
};

/// Names what a session lacks if no payment for it is known.
pub const NO_PAYMENT: &str = "payment";

/// What a group's documents have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// A public id, a city, a method's code, or the first day of a piece of time.
    Is(String),
    /// The name of what is not known of them.
    Lacks(String),
}

impl Key {
    /// What is known, or the name of what is not.
    pub fn of(known: Option<String>, what: &str) -> Self {
        known.filter(|text| !text.is_empty()).map_or_else(|| Self::Lacks(what.to_owned()), Self::Is)
    }

    /// The key of the piece of time that holds an instant.
    pub fn at(by: By, zone: &Zone, at: UtcMs) -> Self {
        Self::Is(by.first_day(Day::of(zone.civil(at))).to_string())
    }
}

/// What some documents add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSums {
    pub sessions: i64,
    pub energy_wh: i64,
    /// Sessions whose energy is not known.
    pub without_energy: i64,
    /// Sessions whose energy is not in the sum, because the energy or the times cannot be true.
    pub left_out: i64,
    /// Sessions whose energy is in the sum although it is more than is likely.
    pub doubtful: i64,
    pub payments: i64,
    /// Payments computed from a tariff.
    pub derived: i64,
    /// Payments whose captured amount or currency is not known.
    pub without_amount: i64,
    /// In the order of their codes.
    pub money: Vec<(Currency, MoneySums)>,
}

/// What some payments of one currency add up to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneySums {
    pub payments: i64,
    pub captured: i64,
    pub refunded: i64,
    pub fees: i64,
    /// Payments whose fee is not known.
    pub fees_missing: i64,
    /// Captured minus refunded and fee, over the payments whose fee is known.
    pub net: i64,
}

impl ReportSums {
    /// What a session that counts adds, as it stands at `now`.
    pub fn of_session(session: &Session, now: UtcMs) -> Self {
        Self::of_delivered(session.delivered(), session.end_date_time, now)
    }

    /// What a session adds that delivered so much until its end.
    pub fn of_delivered(delivered: Delivered, end: Option<UtcMs>, now: UtcMs) -> Self {
        let mut sums = Self { sessions: 1, ..Self::default() };
        let ahead = end.is_some_and(|end| is_ahead(end, now));
        match delivered {
            Delivered::Unknown => sums.without_energy = 1,
            Delivered::Doubtful(energy) if !ahead => (sums.energy_wh, sums.doubtful) = (energy.0, 1),
            Delivered::Likely(energy) if !ahead => sums.energy_wh = energy.0,
            Delivered::Impossible | Delivered::Doubtful(_) | Delivered::Likely(_) => sums.left_out = 1,
        }
        sums
    }

    /// What all documents of a period add, taken from the figures' cells. The period's ends must be bucket ends.
    pub fn of_cells(cells: &Cells, period: Period, now: UtcMs) -> Self {
        let energy = cells.energy(period, now);
        let (refunded, fees) = (cells.by_currency(period, Cell::Refunded), cells.by_currency(period, Cell::Fees));
        let (missing, without) =
            (cells.by_currency(period, Cell::WithoutFee), cells.by_currency(period, Cell::RevenueWithoutFee));
        let revenue = cells.revenue(period);
        let money = |(currency, payments): (Currency, i64)| {
            let of = |sums: &BTreeMap<Currency, i64>| sums.get(&currency).copied().unwrap_or(0);
            let revenue = revenue.get(&currency).map_or(0, |(minor, _)| *minor);
            let (refunded, fees) = (of(&refunded), of(&fees));
            let money = MoneySums {
                payments,
                captured: revenue.wrapping_add(refunded),
                refunded,
                fees,
                fees_missing: of(&missing),
                net: revenue.wrapping_sub(of(&without)).wrapping_sub(fees),
            };
            (currency, money)
        };
        Self {
            sessions: energy.completed,
            energy_wh: energy.wh.unwrap_or(0),
            without_energy: energy.unknown,
            left_out: energy.left_out,
            doubtful: energy.doubtful,
            payments: cells.sum(period, Cell::Captured),
            derived: cells.sum(period, Cell::Derived),
            without_amount: cells.sum(period, Cell::WithoutAmount),
            money: cells.by_currency(period, Cell::WithAmount).into_iter().map(money).collect(),
        }
    }

    /// What a payment that counts adds.
    pub fn of_payment(payment: &Payment) -> Self {
        let money = MoneySums::of_payment(payment);
        Self { money: money.clone().into_iter().collect(), ..Self::of_paid(payment.derived, money.is_some()) }
    }

    /// What a payment adds beside its amounts.
    pub fn of_paid(derived: bool, amount_is_known: bool) -> Self {
        let (derived, without_amount) = (i64::from(derived), i64::from(!amount_is_known));
        Self { payments: 1, derived, without_amount, ..Self::default() }
    }

    /// Adds other sums, separately for each currency. As everywhere, sums beyond 64 bits wrap around instead of
    /// failing.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.sessions, other.sessions),
            (&mut self.energy_wh, other.energy_wh),
            (&mut self.without_energy, other.without_energy),
            (&mut self.left_out, other.left_out),
            (&mut self.doubtful, other.doubtful),
            (&mut self.payments, other.payments),
            (&mut self.derived, other.derived),
            (&mut self.without_amount, other.without_amount),
        ] {
            *sum = sum.wrapping_add(more);
        }
        for (currency, more) in &other.money {
            match self.money.binary_search_by(|(known, _)| known.cmp(currency)) {
                Ok(at) => self.money.iter_mut().skip(at).take(1).for_each(|(_, money)| money.add(more)),
                Err(at) => self.money.insert(at, (currency.clone(), *more)),
            }
        }
    }
}

impl MoneySums {
    /// What a payment adds in its currency; `None` if its captured amount or its currency is not known.
    pub fn of_payment(payment: &Payment) -> Option<(Currency, Self)> {
        let currency = payment.revenue()?.currency;
        Some((currency, Self::of(payment.captured_minor?, payment.refunded_minor.unwrap_or(0), payment.fee_minor)))
    }

    /// What one payment with these amounts adds.
    pub fn of(captured: i64, refunded: i64, fee: Option<i64>) -> Self {
        Self {
            payments: 1,
            captured,
            refunded,
            fees: fee.unwrap_or(0),
            fees_missing: i64::from(fee.is_none()),
            net: fee.map_or(0, |fee| captured.wrapping_sub(refunded).wrapping_sub(fee)),
        }
    }

    pub fn add(&mut self, other: &Self) {
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

/// A group's sums, with its name if one is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub key: Key,
    pub name: Option<String>,
    pub sums: ReportSums,
}

/// Maximum bytes of a report's groups and names, which is some 150,000 groups, more than a network of a million sessions a
/// year has clients. Documents may hold any number of ids and methods.
const BYTES_MAX: usize = 96 << 20;
/// Bytes of a group without its text: its place in a tree that is half full, and room for four currencies.
const GROUP: usize = 640;
/// Bytes of a currency in a group.
const CURRENCY: usize = 144;

/// A report would take more memory than one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the report has too many groups")]
pub struct TooManyGroups;

/// The memory of a report's groups and names, which is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportRoom {
    /// Bytes that are taken.
    taken: usize,
}

impl ReportRoom {
    /// Counts bytes that are kept beside the groups, such as names.
    ///
    /// # Errors
    /// If there is no room for them. Then the report is of no use, because no group may lack.
    pub const fn take(&mut self, bytes: usize) -> Result<(), TooManyGroups> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > BYTES_MAX { Err(TooManyGroups) } else { Ok(()) }
    }

    /// Counts a group with so many currencies.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn group(&mut self, key: &Key, currencies: usize) -> Result<(), TooManyGroups> {
        let (Key::Is(text) | Key::Lacks(text)) = key;
        self.take(text.len().saturating_add(GROUP).saturating_add(currencies.saturating_mul(CURRENCY)))
    }
}

/// The groups of all that counted so far. Their memory is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    groups: BTreeMap<Key, ReportSums>,
    room: ReportRoom,
}

impl Folded {
    /// # Errors
    /// As [`ReportRoom::take`].
    pub fn add(&mut self, key: Key, sums: &ReportSums) -> Result<(), TooManyGroups> {
        if !self.groups.contains_key(&key) {
            self.room.group(&key, 0)?;
        }
        let group = self.groups.entry(key).or_default();
        let known = group.money.len();
        group.add(sums);
        let new = group.money.len().saturating_sub(known);
        self.take(new.saturating_mul(CURRENCY))
    }

    /// Counts bytes that are kept beside the groups, such as names.
    ///
    /// # Errors
    /// As [`ReportRoom::take`].
    pub const fn take(&mut self, bytes: usize) -> Result<(), TooManyGroups> {
        self.room.take(bytes)
    }

    /// The public ids of the groups.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().filter_map(|key| match key {
            Key::Is(id) => Some(id.as_str()),
            Key::Lacks(_) => None,
        })
    }

    /// The groups in the order of their keys, each with the name that `name` returns for its id.
    pub fn groups(self, name: impl Fn(&str) -> Option<String>) -> Vec<Group> {
        let named = |(key, sums)| {
            let name = if let Key::Is(id) = &key { name(id) } else { None };
            Group { key, name, sums }
        };
        self.groups.into_iter().map(named).collect()
    }
}

#[cfg(test)]
mod tests;
