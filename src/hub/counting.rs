//! The figures' cells: counted once, then moved by what each change adds. No I/O.

use crate::{
    guards::{self, Guard},
    model::{cells::Cells, position::ClusterTime},
};

pub struct Counting {
    counted: Option<Counted>,
    /// A count from before is of no use, because a collection was replaced then, or the log begins there.
    since: ClusterTime,
    /// While a count is wanted: what the log adds meanwhile, each with its cluster time.
    deltas: Option<Vec<(ClusterTime, Cells)>>,
    /// The last change of which nobody knows what it adds, because MongoDB had no images of it.
    unknown: Option<ClusterTime>,
}

struct Counted {
    cells: Cells,
    /// When MongoDB was read; may be ahead of the log, whose changes up to it are in already.
    at: ClusterTime,
}

impl Counting {
    /// Begins, or begins again, where the log begins or a collection was replaced.
    pub const fn since(since: ClusterTime) -> Self {
        Self { counted: None, since, deltas: Some(Vec::new()), unknown: None }
    }

    /// A change of the log; without `added` nobody knows what it adds.
    pub fn change(&mut self, ct: ClusterTime, added: Option<&Cells>) {
        let Some(added) = added else {
            self.unknown = Some(ct);
            return;
        };
        if added.is_empty() {
            return;
        }
        if let Some(deltas) = &mut self.deltas {
            deltas.push((ct, added.clone()));
        }
        if let Some(counted) =
            self.counted.as_mut().filter(|counted| ct > counted.at || !guards::on(Guard::ClusterTimeFloor))
        {
            counted.cells.merge(added);
        }
    }

    /// Whether a count is waited for.
    pub const fn is_wanted(&self) -> bool {
        self.deltas.is_some()
    }

    /// Wants another count if a change is not in this one; which is shown until then.
    pub fn again(&mut self) {
        if self.inexact_since().is_some() && self.deltas.is_none() {
            self.deltas = Some(Vec::new());
        }
    }

    /// All documents were counted at `ct`. Whether that was of use.
    pub fn counted(&mut self, ct: ClusterTime, mut cells: Cells) -> bool {
        if ct < self.since {
            return false;
        }
        let Some(deltas) = self.deltas.take() else { return false };
        deltas.iter().filter(|(at, _)| *at > ct).for_each(|(_, delta)| cells.merge(delta));
        self.counted = Some(Counted { cells, at: ct });
        true
    }

    /// The cells, as far as they are known.
    pub fn cells(&self) -> Option<&Cells> {
        self.counted.as_ref().map(|counted| &counted.cells)
    }

    /// The cells and the cluster time of their count, if every change since is in them.
    pub fn exact(&self) -> Option<(&Cells, ClusterTime)> {
        let counted = self.counted.as_ref().filter(|_| self.inexact_since().is_none())?;
        Some((&counted.cells, counted.at))
    }

    /// When the cells were counted, if there are changes since that are not in them.
    pub fn inexact_since(&self) -> Option<ClusterTime> {
        let at = self.counted.as_ref()?.at;
        self.unknown.filter(|unknown| *unknown > at).map(|_| at)
    }
}

impl Default for Counting {
    fn default() -> Self {
        Self::since(ClusterTime::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{cells::Cell, ids::Collection};

    const CELL: Cell = Cell::Documents(Collection::Clients);

    fn cells(n: i64) -> Cells {
        vec![(CELL, n)].into()
    }

    fn sum(counting: &Counting) -> i64 {
        counting.cells().expect("counted").get(&CELL)
    }

    #[test]
    fn a_count_is_completed_by_what_happened_since() {
        let mut c = Counting::default();
        (1..=2).for_each(|ct| c.change(ClusterTime(ct), Some(&cells(1))));
        assert!(c.is_wanted());
        assert!(c.counted(ClusterTime(1), cells(10)));
        assert_eq!(sum(&c), 11, "only the change after the count's cluster time is added");
        c.change(ClusterTime(3), Some(&cells(1)));
        assert_eq!(sum(&c), 12);
    }

    #[test]
    fn a_count_ahead_of_the_log_takes_no_change_twice() {
        let mut c = Counting::default();
        c.counted(ClusterTime(3), cells(10));
        (1..=4).for_each(|ct| c.change(ClusterTime(ct), Some(&cells(1))));
        assert_eq!(sum(&c), 11);
    }

    #[test]
    fn a_count_from_before_a_collection_was_replaced_is_of_no_use() {
        let mut c = Counting::since(ClusterTime(5));
        assert!(!c.counted(ClusterTime(4), cells(10)));
        assert!(c.cells().is_none() && c.is_wanted());
    }

    #[test]
    fn changes_without_images_leave_the_count_shown_and_make_another_wanted() {
        let mut c = Counting::default();
        c.counted(ClusterTime(1), cells(10));
        c.again();
        assert!(!c.is_wanted(), "nothing is missing");
        c.change(ClusterTime(2), None);
        c.change(ClusterTime(3), Some(&cells(1)));
        assert_eq!((sum(&c), c.inexact_since(), c.exact().is_some()), (11, Some(ClusterTime(1)), false));
        c.again();
        c.change(ClusterTime(4), Some(&cells(1)));
        c.change(ClusterTime(5), None);
        assert_eq!(sum(&c), 12, "shown while the next is counted");
        c.counted(ClusterTime(4), cells(20));
        assert_eq!((sum(&c), c.inexact_since()), (20, Some(ClusterTime(4))), "one came after the count");
        c.again();
        c.counted(ClusterTime(6), cells(21));
        assert_eq!((sum(&c), c.exact().is_some()), (21, true));
    }
}
