//! The figures' cells: counted once, then moved by what each change adds. No I/O.
//!
//! Long, because a third of it is tests.

use std::{
    collections::VecDeque,
    ops::{Bound, RangeBounds},
};

use super::weight;
use crate::{
    domain::{
        cells::{Cell, Cells},
        protocol::position::ClusterTime,
        time::UtcMs,
    },
    guards::guarded,
};

pub struct Counting {
    counted: Option<CountResult>,
    /// A count from before this time is of no use, because a collection was replaced then or the log begins there.
    since: ClusterTime,
    /// What the log adds while a count is wanted.
    deltas: Option<Deltas>,
    /// The last change with an unknown effect on the cells, because MongoDB had no images of it.
    unknown: Option<ClusterTime>,
    /// The audit under way.
    audit: Option<Audit>,
}

/// The cells as they were when an audit began, and what the log added since.
struct Audit {
    from: ClusterTime,
    cells: Cells,
    deltas: Deltas,
    /// MongoDB's operation time at the last two checks since the last change, the older first.
    idle: [Option<UtcMs>; 2],
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Bit for bit equal.
    Equal,
    /// These cells differ. Each comes with its value as it was and as counted; the count has replaced them.
    Different(Vec<(Cell, i64, i64)>),
    /// The two cannot be compared, because a reset, a change without images or another count lies between.
    Skipped,
}

/// Approximate bytes that deltas may take. That is some 60,000 changes while documents are counted, or since the log
/// begins.
const DELTAS_MAX: usize = 64 << 20;

/// What changes add to the cells, each with its cluster time.
#[derive(Default)]
struct Deltas {
    all: VecDeque<(ClusterTime, Cells)>,
    bytes: usize,
}

impl Deltas {
    /// Takes what a change adds. While there is no room the oldest are forgotten; returns the time of the last of them.
    fn push(&mut self, ct: ClusterTime, added: Cells) -> Option<ClusterTime> {
        self.bytes += size_of_val(&added) + weight::cells(&added);
        self.all.push_back((ct, added));
        let mut forgotten = None;
        while self.bytes > DELTAS_MAX
            && let Some((ct, oldest)) = self.all.pop_front()
        {
            self.bytes -= size_of_val(&oldest) + weight::cells(&oldest);
            forgotten = Some(ct);
        }
        forgotten
    }

    fn within(&self, times: impl RangeBounds<ClusterTime>) -> impl Iterator<Item = &Cells> {
        self.all.iter().filter(move |(at, _)| times.contains(at)).map(|(_, delta)| delta)
    }
}

struct CountResult {
    cells: Cells,
    /// When MongoDB was read. This may be ahead of the log, whose changes up to it are in the cells already.
    at: ClusterTime,
}

impl Counting {
    /// Begins anew, where the log begins or a collection was replaced.
    pub fn since(since: ClusterTime) -> Self {
        Self { counted: None, since, deltas: Some(Deltas::default()), unknown: None, audit: None }
    }

    /// Takes a change of the log. `added` is `None` if nobody knows what the change adds.
    pub fn change(&mut self, ct: ClusterTime, added: Option<&Cells>) {
        if let Some(audit) = &mut self.audit {
            audit.idle = [None; 2];
        }
        let Some(added) = added else {
            self.unknown = Some(ct);
            self.audit = None;
            return;
        };
        if added.is_empty() {
            return;
        }
        if let Some(forgotten) = self.deltas.as_mut().and_then(|deltas| deltas.push(ct, added.clone())) {
            // A count of an earlier time lacks what was forgotten, as it lacks changes without images.
            self.unknown = self.unknown.max(Some(forgotten));
        }
        if self.audit.as_mut().is_some_and(|audit| audit.deltas.push(ct, added.clone()).is_some()) {
            self.audit = None;
        }
        if let Some(counted) =
            self.counted.as_mut().filter(|counted| guarded!(ClusterTimeFloor: ct > counted.at, else true))
        {
            counted.cells.merge(added);
        }
    }

    /// Whether a count is waited for.
    pub const fn is_wanted(&self) -> bool {
        self.deltas.is_some()
    }

    /// Requests another count if a change is missing in this one. This one is shown until then.
    pub fn again(&mut self) {
        if self.inexact_since().is_some() && self.deltas.is_none() {
            self.deltas = Some(Deltas::default());
        }
    }

    /// Takes a count of all documents at `ct`. Returns whether it was of use.
    pub fn counted(&mut self, ct: ClusterTime, mut cells: Cells) -> bool {
        if ct < self.since {
            return false;
        }
        let Some(deltas) = self.deltas.take() else { return false };
        deltas.within(after(ct)).for_each(|delta| cells.merge(delta));
        self.counted = Some(CountResult { cells, at: ct });
        self.audit = None;
        true
    }

    /// Begins an audit at `ct`, up to which all changes are in. Returns false while there is nothing exact to audit.
    pub fn begin_audit(&mut self, ct: ClusterTime) -> bool {
        self.audit = self.exact().filter(|_| self.deltas.is_none()).map(|(cells, at)| Audit {
            from: at.max(ct),
            cells: cells.clone(),
            deltas: Deltas::default(),
            idle: [None; 2],
        });
        self.audit.is_some()
    }

    /// Notes the relay's message that nothing happened until `at`.
    pub const fn idle(&mut self, at: UtcMs) {
        if let Some(audit) = &mut self.audit {
            audit.idle = [audit.idle[1], Some(at)];
        }
    }

    /// Whether an audit with a count at `ct` can be decided, because all changes up to `ct` are in. They surely are
    /// up to `head`. Where nothing happens one check is not enough, because something may have happened between the
    /// stream's answer and the time that was asked for then. The next check's answer is later than that. Also true if
    /// the audit was broken off.
    pub fn may_decide(&self, ct: ClusterTime, head: ClusterTime) -> bool {
        let idle = |audit: &Audit| audit.idle[0].is_some_and(|at| at.seconds() > i64::from(ct.seconds()));
        self.audit.as_ref().is_none_or(|audit| head > ct || idle(audit))
    }

    /// Compares the audited cells with `truth`, a count of all documents at `ct`. It replaces them if they differ.
    pub fn end_audit(&mut self, ct: ClusterTime, truth: &Cells) -> Verdict {
        let Some(Audit { from, cells: mut known, deltas, .. }) = self.audit.take() else { return Verdict::Skipped };
        // A count of an earlier time than the cells says nothing about them.
        if ct < from {
            return Verdict::Skipped;
        }
        let until = (Bound::Excluded(from), Bound::Included(ct));
        deltas.within(until).for_each(|delta| known.merge(delta));
        if known == *truth {
            return Verdict::Equal;
        }
        let mut cells = truth.clone();
        deltas.within(after(ct)).for_each(|delta| cells.merge(delta));
        self.counted = Some(CountResult { cells, at: ct });
        Verdict::Different(known.differences(truth))
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

const fn after(ct: ClusterTime) -> (Bound<ClusterTime>, Bound<ClusterTime>) {
    (Bound::Excluded(ct), Bound::Unbounded)
}

impl Default for Counting {
    fn default() -> Self {
        Self::since(ClusterTime::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{cells::Cell, collections::Collection, time::Bucket};

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

    fn audited() -> Counting {
        let mut c = Counting::default();
        c.counted(ClusterTime(1), cells(10));
        assert!(c.begin_audit(ClusterTime(2)));
        (3..=5).for_each(|ct| c.change(ClusterTime(ct), Some(&cells(1))));
        c
    }

    #[test]
    fn an_audit_compares_at_the_counts_cluster_time() {
        assert_eq!(audited().end_audit(ClusterTime(4), &cells(12)), Verdict::Equal);
        assert_eq!(audited().end_audit(ClusterTime(1), &cells(10)), Verdict::Skipped, "counted before it began");
        let mut c = audited();
        assert_eq!(c.end_audit(ClusterTime(4), &cells(7)), Verdict::Different(vec![(CELL, 12, 7)]));
        assert_eq!(sum(&c), 8, "the count and what happened since");
        assert_eq!(c.end_audit(ClusterTime(4), &cells(7)), Verdict::Skipped, "it is over");
    }

    #[test]
    fn an_audit_waits_for_all_changes_of_its_time() {
        let (second, mut c) = (|s| ClusterTime::new(s, 0), audited());
        assert!(!c.may_decide(second(9), second(9)) && c.may_decide(second(9), second(10)));
        c.idle(UtcMs(10_000));
        assert!(!c.may_decide(second(9), second(5)), "a change may have come before the first check");
        c.change(second(8), Some(&cells(1)));
        c.idle(UtcMs(10_000));
        assert!(!c.may_decide(second(9), second(8)), "as this one did");
        c.idle(UtcMs(11_000));
        assert!(c.may_decide(second(9), second(8)));
    }

    #[test]
    fn what_cannot_be_compared_is_no_alarm() {
        let mut c = audited();
        c.change(ClusterTime(6), None);
        assert_eq!(c.end_audit(ClusterTime(6), &cells(0)), Verdict::Skipped, "no images");
        assert!(!c.begin_audit(ClusterTime(6)), "nothing exact to audit");
        assert!(!Counting::default().begin_audit(ClusterTime(1)), "not counted yet");
        let mut replaced = Counting::since(ClusterTime(7));
        assert_eq!(replaced.end_audit(ClusterTime(8), &cells(0)), Verdict::Skipped, "a collection was replaced");
    }

    #[test]
    fn who_reads_the_cells_keeps_them_as_they_are() {
        let mut c = Counting::default();
        c.counted(ClusterTime(1), cells(10));
        c.change(ClusterTime(2), Some(&cells(1)));
        let read = c.cells().unwrap().clone();
        c.change(ClusterTime(3), Some(&cells(1)));
        assert_eq!((read.get(&CELL), sum(&c)), (11, 12));
    }

    /// What a change adds to many cells.
    fn wide(n: i64) -> Cells {
        (0..1000).map(|bucket| (Cell::Started(Bucket(bucket)), n)).collect::<Vec<_>>().into()
    }

    fn kept(deltas: &Deltas) -> usize {
        deltas.all.iter().map(|(_, added)| weight::cells(added)).sum()
    }

    #[test]
    fn what_waits_for_a_count_is_bounded_and_a_count_that_lacks_something_is_not_exact() {
        let many = u64::try_from(2 * DELTAS_MAX / weight::cells(&wide(1))).unwrap();
        let changed = || {
            let mut c = Counting::default();
            (1..=many).for_each(|ct| c.change(ClusterTime(ct), Some(&wide(1))));
            c
        };
        let mut c = changed();
        let deltas = c.deltas.as_ref().unwrap();
        assert!(kept(deltas) <= DELTAS_MAX && kept(deltas) > DELTAS_MAX / 2);
        assert!(c.counted(ClusterTime(many), cells(10)) && c.exact().is_some(), "nothing is missing in a late count");
        let mut c = changed();
        assert!(c.counted(ClusterTime(1), cells(10)) && c.exact().is_none());
        c.again();
        assert!(c.is_wanted());
        assert!(c.counted(ClusterTime(many), cells(10)) && c.exact().is_some());
    }

    #[test]
    fn an_audit_that_takes_too_much_is_broken_off() {
        let mut c = audited();
        let many = u64::try_from(2 * DELTAS_MAX / weight::cells(&wide(1))).unwrap();
        (6..=many).for_each(|ct| c.change(ClusterTime(ct), Some(&wide(1))));
        assert!(c.audit.is_none());
        assert_eq!(c.end_audit(ClusterTime(many), &cells(0)), Verdict::Skipped);
        assert!(c.exact().is_some(), "the figures miss nothing");
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
