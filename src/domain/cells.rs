//! The figures' building blocks: integer sums that depend on no clock, in 15-minute UTC buckets where time matters.
//!
//! A change adds `contributions(after) - contributions(before)`. So folding all documents gives the same as applying
//! all changes.
//!
//! Long, because what is summed stands beside how sums are kept, and a sixth of it is tests.

mod counted;
mod sums;

use std::{
    collections::BTreeSet,
    ops::{Bound, RangeBounds},
    sync::Arc,
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

/// Sums in one piece of [`Cells`].
const PIECE: usize = 256;

/// Sums by cell. A sum of zero is not kept.
///
/// A clone shares all sums with its original, and a change copies only the pieces that it touches. So whoever reads
/// sums of years keeps nobody waiting who adds to them meanwhile.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Cell, i64)>", into = "Vec<(Cell, i64)>")]
pub struct Cells {
    /// Sorted by cell, within each piece and from piece to piece. No piece is empty.
    pieces: Vec<Arc<Vec<(Cell, i64)>>>,
}

impl Cells {
    pub const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn get(&self, cell: &Cell) -> i64 {
        self.range(cell..=cell).next().map_or(0, |(_, n)| n)
    }

    /// The cells of a range, such as one measure over a period.
    pub fn range(&self, range: impl RangeBounds<Cell>) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        let first = self.pieces.partition_point(|piece| piece.last().is_some_and(|sum| is_before(&range, sum)));
        let pieces = self.pieces.get(first..).unwrap_or_default();
        let count = pieces.partition_point(|piece| piece.first().is_some_and(|sum| is_not_after(&range, sum)));
        pieces.get(..count).unwrap_or_default().iter().flat_map(move |piece| {
            let from = piece.partition_point(|sum| is_before(&range, sum));
            let until = piece.partition_point(|sum| is_not_after(&range, sum));
            piece.get(from..until).unwrap_or_default().iter().map(|(cell, n)| (cell, *n))
        })
    }

    /// The cells of a measure without periods, from `first` while `own` returns a value.
    pub fn measure<'a, T>(
        &'a self,
        first: Cell,
        own: impl Fn(&'a Cell) -> Option<T>,
    ) -> impl Iterator<Item = (T, i64)> {
        self.range(first..).map_while(move |(cell, n)| Some((own(cell)?, n)))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        self.pieces.iter().flat_map(|piece| piece.iter().map(|(cell, n)| (cell, *n)))
    }

    fn add(&mut self, cell: Cell, n: i64) {
        // The last piece that begins at the cell or before it, else the first one.
        let begin = |piece: &Arc<Vec<(Cell, i64)>>| piece.first().is_some_and(|(first, _)| *first <= cell);
        let at = self.pieces.partition_point(begin).saturating_sub(1);
        let Some(piece) = self.pieces.get_mut(at) else {
            if n != 0 {
                self.pieces.push(Arc::new(vec![(cell, n)]));
            }
            return;
        };
        match piece.binary_search_by(|(known, _)| known.cmp(&cell)) {
            Err(_) if n == 0 => {}
            Err(place) => {
                let piece = Arc::make_mut(piece);
                piece.insert(place, (cell, n));
                if piece.len() > PIECE {
                    let rest = piece.split_off(PIECE / 2);
                    piece.shrink_to_fit();
                    self.pieces.insert(at.saturating_add(1), Arc::new(rest));
                }
            }
            Ok(place) => {
                let piece = Arc::make_mut(piece);
                let Some((_, sum)) = piece.get_mut(place) else { return };
                *sum = sum.wrapping_add(n);
                if *sum == 0 {
                    piece.remove(place);
                }
                if piece.is_empty() {
                    self.pieces.remove(at);
                }
            }
        }
    }

    /// The cells in which these and `other` differ, each with both values.
    pub fn differences(&self, other: &Self) -> Vec<(Cell, i64, i64)> {
        let cells: BTreeSet<&Cell> = self.iter().chain(other.iter()).map(|(cell, _)| cell).collect();
        let both = cells.into_iter().map(|cell| (cell.clone(), self.get(cell), other.get(cell)));
        both.filter(|(_, ours, theirs)| ours != theirs).collect()
    }

    /// Adds every sum of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (cell, n) in other.iter() {
            self.add(cell.clone(), n);
        }
    }
}

fn is_before(range: &impl RangeBounds<Cell>, (cell, _): &(Cell, i64)) -> bool {
    match range.start_bound() {
        Bound::Included(start) => cell < start,
        Bound::Excluded(start) => cell <= start,
        Bound::Unbounded => false,
    }
}

fn is_not_after(range: &impl RangeBounds<Cell>, (cell, _): &(Cell, i64)) -> bool {
    match range.end_bound() {
        Bound::Included(end) => cell <= end,
        Bound::Excluded(end) => cell < end,
        Bound::Unbounded => true,
    }
}

/// Equal sums may be in other pieces.
impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Cells {}

impl From<Vec<(Cell, i64)>> for Cells {
    fn from(sums: Vec<(Cell, i64)>) -> Self {
        let mut cells = Self::default();
        sums.into_iter().for_each(|(cell, n)| cells.add(cell, n));
        cells
    }
}

impl From<Cells> for Vec<(Cell, i64)> {
    fn from(cells: Cells) -> Self {
        cells.iter().map(|(cell, n)| (cell.clone(), n)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn cell(n: i64) -> Cell {
        if n % 7 == 0 { Cell::Captured(Bucket(n)) } else { Cell::Started(Bucket(n)) }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_map(adds in prop::collection::vec((0..2000i64, -2..3i64), 0..4000), from in 0..2000i64, width in 0..900i64) {
            let (mut cells, mut map) = (Cells::default(), BTreeMap::<Cell, i64>::new());
            for (at, n) in adds {
                cells.add(cell(at), n);
                *map.entry(cell(at)).or_default() += n;
            }
            map.retain(|_, n| *n != 0);
            prop_assert!(cells.iter().eq(map.iter().map(|(cell, n)| (cell, *n))));
            prop_assert!(cells.pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= PIECE));
            let range = Cell::Started(Bucket(from))..Cell::Started(Bucket(from + width));
            prop_assert!(cells.range(range.clone()).eq(map.range(range.clone()).map(|(cell, n)| (cell, *n))));
            prop_assert!(cells.range(range.clone()).rev().eq(map.range(range).rev().map(|(cell, n)| (cell, *n))));
            (0..2000).for_each(|n| assert_eq!(cells.get(&cell(n)), map.get(&cell(n)).copied().unwrap_or(0)));
        }
    }

    #[test]
    fn a_change_copies_the_piece_that_it_touches_and_no_other() {
        let sums = (0..10_000).map(|n| (Cell::Started(Bucket(n)), 1));
        let mut cells: Cells = sums.collect::<Vec<_>>().into();
        let read = cells.clone();
        cells.add(Cell::Started(Bucket(5_000)), 1);
        let copied = cells.pieces.iter().zip(&read.pieces).filter(|(ours, theirs)| !Arc::ptr_eq(ours, theirs)).count();
        assert_eq!((copied, cells.pieces.len()), (1, read.pieces.len()));
        assert_eq!([&cells, &read].map(|cells| cells.get(&Cell::Started(Bucket(5_000)))), [2, 1]);
        assert!(read.pieces.len() > 10_000 / PIECE);
    }
}
