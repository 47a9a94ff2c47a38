//! Sums of cells over a period, or as of now.

use std::collections::BTreeMap;

use super::{Bucket, Cell, Cells};
use crate::domain::{
    money::Currency,
    status::{PaymentStatus, named},
    time::{Period, UtcMs},
};

impl Cells {
    /// The sum of one measure over a period.
    pub fn sum(&self, period: Period, measure: impl Fn(Bucket) -> Cell) -> i64 {
        let buckets = Bucket::range(period);
        total(self.range(measure(buckets.start)..measure(buckets.end)))
    }

    /// The energy of a period as it stands at `now`. What lies more than an hour ahead is left out.
    pub fn energy(&self, period: Period, now: UtcMs) -> Energy {
        let buckets = Bucket::range(period);
        let ahead = Bucket::ahead(now).next().clamp(buckets.start, buckets.end.max(buckets.start));
        let until = |measure: fn(Bucket) -> Cell| total(self.range(measure(buckets.start)..measure(ahead)));
        let all = |measure: fn(Bucket) -> Cell| self.sum(period, measure);
        let (completed, unknown) = (all(Cell::Completed), all(Cell::WithoutEnergy));
        let later = completed.saturating_sub(until(Cell::Completed));
        let later = later.saturating_sub(unknown.saturating_sub(until(Cell::WithoutEnergy)));
        let left_out = later.saturating_add(until(Cell::LeftOut));
        let doubtful = until(Cell::Doubtful);
        let wh = known(until(Cell::Energy), completed, left_out.saturating_add(unknown));
        Energy { wh, completed, unknown, left_out, doubtful }
    }

    /// The revenue of a period by currency, in minor units: all of it, and the part that was derived from a tariff.
    /// Only payments with a known amount and currency count.
    pub fn revenue(&self, period: Period) -> BTreeMap<Currency, (i64, i64)> {
        let mut by_currency: BTreeMap<Currency, (i64, i64)> =
            self.by_currency(period, Cell::WithAmount).into_keys().map(|currency| (currency, (0, 0))).collect();
        let first = |bucket| Cell::Revenue(bucket, Currency(String::new()), false);
        let buckets = Bucket::range(period);
        for (cell, minor) in self.range(first(buckets.start)..first(buckets.end)) {
            if let Cell::Revenue(_, currency, derived) = cell {
                let (all, of_tariff) = by_currency.entry(currency.clone()).or_default();
                *all = all.wrapping_add(minor);
                *of_tariff = of_tariff.wrapping_add(if *derived { minor } else { 0 });
            }
        }
        by_currency
    }

    /// The sums of a measure over a period, separately for each currency.
    pub fn by_currency(&self, period: Period, measure: fn(Bucket, Currency) -> Cell) -> BTreeMap<Currency, i64> {
        let first = |bucket| measure(bucket, Currency(String::new()));
        let buckets = Bucket::range(period);
        let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
        for (cell, n) in self.range(first(buckets.start)..first(buckets.end)) {
            if let Cell::WithAmount(_, currency)
            | Cell::Refunded(_, currency)
            | Cell::Fees(_, currency)
            | Cell::WithoutFee(_, currency)
            | Cell::RevenueWithoutFee(_, currency) = cell
            {
                let sum = sums.entry(currency.clone()).or_default();
                *sum = sum.wrapping_add(n);
            }
        }
        sums
    }

    /// The sum of a measure over the stations that are not removed at `now`.
    pub fn in_service(&self, now: UtcMs, measure: fn(Option<i64>) -> Cell) -> i64 {
        let removed_later = measure(Some(now.seconds().saturating_add(1)))..=measure(Some(i64::MAX));
        self.get(&measure(None)).wrapping_add(total(self.range(removed_later)))
    }

    /// The payments created in a period, by status. Of many unknown statuses only [some have a name](named).
    pub fn payments(&self, period: Period) -> BTreeMap<PaymentStatus, i64> {
        let first = |bucket| Cell::Payments(bucket, PaymentStatus::LEAST.clone());
        let buckets = Bucket::range(period);
        let mut by_status = BTreeMap::new();
        for (cell, n) in self.range(first(buckets.start)..first(buckets.end)) {
            if let Cell::Payments(_, status) = cell {
                let sum: &mut i64 = by_status.entry(status.clone()).or_default();
                *sum = sum.wrapping_add(n);
            }
        }
        named(by_status)
    }
}

fn total<'a>(cells: impl Iterator<Item = (&'a Cell, i64)>) -> i64 {
    cells.fold(0, |sum, (_, n)| sum.wrapping_add(n))
}

/// A sum over `documents`, of which `missing` have no value. `None` if there are documents and all are missing.
pub fn known(sum: i64, documents: i64, missing: i64) -> Option<i64> {
    (documents == 0 || missing < documents).then_some(sum)
}

/// The energy that the sessions of a period delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Energy {
    /// `None` if sessions were completed but the energy of none is known.
    pub wh: Option<i64>,
    pub completed: i64,
    /// Completed sessions whose energy is not known.
    pub unknown: i64,
    /// Completed sessions that are not in the sum, because the energy or the times cannot be true.
    pub left_out: i64,
    /// Completed sessions whose energy is in the sum although it is more than is likely.
    pub doubtful: i64,
}
