//! The figures' building blocks: integer sums that depend on no clock, in 15-minute UTC buckets where time matters.
//!
//! A change adds `contributions(after) - contributions(before)`. So folding all documents gives the same as applying
//! all changes.

mod counted;
mod sums;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeBounds,
};

use serde::{Deserialize, Serialize};

pub use counted::{contributions, delta};
pub use sums::{Energy, known};

use super::{
    collections::Collection,
    money::Currency,
    status::{ClientStatus, EvseStatus, PaymentStatus, SessionStatus},
    time::Bucket,
};

/// What is summed. The bucket is a variant's first field, so that a period is one range of the map. The order of the
/// variants means nothing.
///
/// A sum of values has a cell beside it that counts the documents without the value, where there can be such. A sum
/// of which no part is known is unknown, not zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cell {
    /// documents
    Documents(Collection),
    /// documents that have a field of unexpected shape
    Unreadable(Collection),
    /// sessions in a known status
    Sessions(SessionStatus),
    /// ACTIVE sessions, by `start_date_time`
    ActiveSince(Bucket),
    /// W, over ACTIVE sessions
    LivePower,
    /// ACTIVE sessions whose power is not known
    WithoutPower,
    /// sessions, by `start_date_time`
    Started(Bucket),
    /// COMPLETED sessions, by `end_date_time`
    Completed(Bucket),
    /// Wh of COMPLETED sessions, by `end_date_time`
    Energy(Bucket),
    /// COMPLETED sessions whose energy is not known
    WithoutEnergy(Bucket),
    /// COMPLETED sessions whose energy is in no sum, because the energy or the times cannot be true
    LeftOut(Bucket),
    /// COMPLETED sessions whose energy is in the sum although it is more than is likely
    Doubtful(Bucket),
    /// payments, by `captured_at`
    Captured(Bucket),
    /// captured payments that were derived from a tariff
    Derived(Bucket),
    /// captured payments whose captured amount is not known, or whose currency is no code
    WithoutAmount(Bucket),
    /// captured payments whose captured amount and currency are known
    WithAmount(Bucket, Currency),
    /// minor units captured minus refunded; the flag is true for payments derived from a tariff
    Revenue(Bucket, Currency, bool),
    /// minor units refunded
    Refunded(Bucket, Currency),
    /// minor units
    Fees(Bucket, Currency),
    /// captured payments whose amount is known but whose fee is not
    WithoutFee(Bucket, Currency),
    /// minor units captured minus refunded, over the payments of `WithoutFee`
    RevenueWithoutFee(Bucket, Currency),
    /// minor units of payments PENDING or AUTHORIZED
    OpenAmount(Currency),
    /// payments PENDING or AUTHORIZED
    Open,
    /// payments PENDING or AUTHORIZED whose amount or currency is not known
    OpenWithoutAmount,
    /// payments, by `created_at`
    Payments(Bucket, PaymentStatus),
    /// clients in a known status
    Clients(ClientStatus),
    /// EVSEs, with the facts that decide whether their status is believed
    Evses { status: EvseStatus, offline: bool, heartbeat_s: Option<i64>, removed_s: Option<i64> },
    /// W, the strongest connector of each EVSE, by the second at which its station is removed
    InstalledPower(Option<i64>),
    /// EVSEs whose power is not known, by the second at which their station is removed
    WithoutRating(Option<i64>),
}

impl Cell {
    /// Whether the cell belongs to a quarter of an hour, and so to the course of a figure over time.
    pub const fn is_time_series(&self) -> bool {
        match self {
            Self::Started(_)
            | Self::Completed(_)
            | Self::Energy(_)
            | Self::WithoutEnergy(_)
            | Self::LeftOut(_)
            | Self::Doubtful(_)
            | Self::Captured(_)
            | Self::Derived(_)
            | Self::WithoutAmount(_)
            | Self::WithAmount(..)
            | Self::Revenue(..)
            | Self::Refunded(..)
            | Self::Fees(..)
            | Self::WithoutFee(..)
            | Self::RevenueWithoutFee(..)
            | Self::Payments(..) => true,
            Self::Documents(_)
            | Self::Unreadable(_)
            | Self::Sessions(_)
            | Self::ActiveSince(_)
            | Self::LivePower
            | Self::WithoutPower
            | Self::OpenAmount(_)
            | Self::Open
            | Self::OpenWithoutAmount
            | Self::Clients(_)
            | Self::Evses { .. }
            | Self::InstalledPower(_)
            | Self::WithoutRating(_) => false,
        }
    }
}

/// Sums by cell. A sum of zero is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Cell, i64)>", into = "Vec<(Cell, i64)>")]
pub struct Cells(BTreeMap<Cell, i64>);

impl Cells {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, cell: &Cell) -> i64 {
        self.0.get(cell).copied().unwrap_or(0)
    }

    /// The cells of a range, such as one measure over a period.
    pub fn range(&self, range: impl RangeBounds<Cell>) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        self.0.range(range).map(|(cell, n)| (cell, *n))
    }

    /// The cells of a measure without periods, from `first` while `own` returns a value.
    pub fn measure<'a, T>(
        &'a self,
        first: Cell,
        own: impl Fn(&'a Cell) -> Option<T>,
    ) -> impl Iterator<Item = (T, i64)> {
        self.0.range(first..).map_while(move |(cell, n)| Some((own(cell)?, *n)))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        self.0.iter().map(|(cell, n)| (cell, *n))
    }

    fn add(&mut self, cell: Cell, n: i64) {
        use std::collections::btree_map::Entry;
        match self.0.entry(cell) {
            Entry::Vacant(e) => {
                if n != 0 {
                    e.insert(n);
                }
            }
            Entry::Occupied(mut e) => {
                *e.get_mut() = e.get().wrapping_add(n);
                if *e.get() == 0 {
                    e.remove();
                }
            }
        }
    }

    /// The cells in which these and `other` differ, each with both values.
    pub fn differences(&self, other: &Self) -> Vec<(Cell, i64, i64)> {
        let cells: BTreeSet<&Cell> = self.0.keys().chain(other.0.keys()).collect();
        let both = cells.into_iter().map(|cell| (cell.clone(), self.get(cell), other.get(cell)));
        both.filter(|(_, ours, theirs)| ours != theirs).collect()
    }

    /// Adds every sum of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (cell, n) in &other.0 {
            self.add(cell.clone(), *n);
        }
    }
}

impl From<Vec<(Cell, i64)>> for Cells {
    fn from(sums: Vec<(Cell, i64)>) -> Self {
        let mut cells = Self::default();
        sums.into_iter().for_each(|(cell, n)| cells.add(cell, n));
        cells
    }
}

impl From<Cells> for Vec<(Cell, i64)> {
    fn from(cells: Cells) -> Self {
        cells.0.into_iter().collect()
    }
}
