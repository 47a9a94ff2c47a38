//! A list's rows, one signal each. A change touches its own row only; the list itself changes only when rows come, go
//! or move.

use std::{
    collections::HashMap,
    mem::take,
    sync::atomic::{AtomicU32, Ordering},
};

use leptos::prelude::*;

use crate::domain::{
    collections::Collection,
    fields::Fields,
    ids::DocId,
    protocol::{
        frame::Delta,
        position::{ClusterTime, Position},
        snapshot::Snapshot,
        window::{Applied, Broken, Fate, Waiting, Window},
    },
    selection::Selection,
    time::UtcMs,
};

#[derive(Clone, Debug, PartialEq)]
pub struct RowState {
    pub fields: Fields,
    /// Number of distinct seconds in which a visible change was marked since the row was loaded.
    pub stamp: u32,
    /// The last of these seconds. Several changes within one second are marked once.
    stamped: i64,
    /// What became of the row while the list is held still.
    pub fate: Fate,
}

impl RowState {
    const fn loaded(fields: Fields) -> Self {
        Self { fields, stamp: 0, stamped: i64::MIN, fate: Fate::Stays }
    }

    const fn mark(&mut self, second: i64) {
        if self.stamped != second {
            (self.stamp, self.stamped) = (self.stamp.wrapping_add(1), second);
        }
    }
}

/// Returns whether a person sees a difference when a row's fields change from the first to the second.
type Differs = Box<dyn Fn(&Fields, &Fields) -> bool + Send + Sync>;

/// A row of a list. Its number identifies it, not its document. If a document goes and comes back before the list is
/// drawn again, its new row differs from the one on screen.
#[derive(Clone)]
pub struct LiveRow {
    pub number: u32,
    pub state: ArcRwSignal<RowState>,
}

impl LiveRow {
    fn new(state: RowState) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), state: ArcRwSignal::new(state) }
    }

    fn meet(&self, fate: Fate) {
        if self.state.with_untracked(|state| state.fate != fate) {
            self.state.update(|state| state.fate = fate);
        }
    }
}

impl PartialEq for LiveRow {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

/// A shown row with the id of its document.
pub type Shown = (DocId, LiveRow);

/// Numbers beside a list. They share one signal, because each type of signal adds to the download.
#[derive(Clone, Copy, Default, PartialEq)]
struct Counts {
    waiting: Waiting,
    /// How many documents match the selection. `None` for the whole list, which is not counted here.
    total: Option<usize>,
}

/// A followed list. While it is held, rows change in place, but none comes, goes or moves.
#[derive(Clone, Copy)]
pub struct ListStore {
    window: StoredValue<Window>,
    rows: StoredValue<HashMap<DocId, LiveRow>>,
    order: RwSignal<Vec<Shown>>,
    counts: RwSignal<Counts>,
    loading: RwSignal<bool>,
    held: StoredValue<bool>,
    /// Whether the first news holds the list still, because nothing tells whether someone is reading it.
    still: StoredValue<bool>,
    differs: StoredValue<Option<Differs>>,
    /// The current second since 1970.
    second: StoredValue<i64>,
}

impl ListStore {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let window = Window::from(snapshot);
        let order: Vec<Shown> = window.shown().filter_map(|id| Some((id.clone(), loaded(window.row(id)?)))).collect();
        Self {
            counts: RwSignal::new(Counts { total: window.total(), ..Counts::default() }),
            window: StoredValue::new(window),
            rows: StoredValue::new(order.iter().cloned().collect()),
            order: RwSignal::new(order),
            loading: RwSignal::new(false),
            held: StoredValue::new(false),
            still: StoredValue::new(false),
            differs: StoredValue::new(None),
            second: StoredValue::new(0),
        }
    }

    /// The shown rows, in order.
    pub const fn order(&self) -> RwSignal<Vec<Shown>> {
        self.order
    }

    fn row(&self, id: &DocId) -> Option<ArcRwSignal<RowState>> {
        self.rows.try_with_value(|rows| rows.get(id).map(|row| row.state.clone())).flatten()
    }

    /// How many rows wait to come, go or move.
    pub fn waiting(&self) -> Waiting {
        self.counts.with(|counts| counts.waiting)
    }

    /// How many documents match the selection; `None` for the whole list.
    pub fn total(&self) -> Option<usize> {
        self.counts.with(|counts| counts.total)
    }

    /// Whether new rows are on their way; the old ones stay readable.
    pub const fn loading(&self) -> RwSignal<bool> {
        self.loading
    }

    /// Holds the list still while someone points at it or reads it. Releases it otherwise.
    pub fn hold(&self, held: bool) {
        let still = self.still.try_get_value() == Some(true);
        if self.held.try_get_value() != Some(!held) || still && !held {
            return;
        }
        self.held.set_value(held);
        if held { self.drawn() } else { self.release() }
    }

    /// Holds the list still for good once it has caught up. On a device without hover nothing tells whether someone
    /// is reading, so assume that someone is.
    pub fn keep_still(&self) {
        self.still.set_value(true);
    }

    /// Marks a changed row when `differs` returns true for its old and new fields.
    pub fn mark_by(&self, differs: impl Fn(&Fields, &Fields) -> bool + Send + Sync + 'static) {
        self.differs.set_value(Some(Box::new(differs)));
    }

    /// Shows the rows that wait.
    pub fn release(&self) {
        let order = self.window.try_with_value(|window| {
            let mut before = self.rows.try_update_value(take).unwrap_or_default();
            let row = |id: &DocId| Some((id.clone(), before.remove(id).or_else(|| window.row(id).map(loaded))?));
            window.shown().filter_map(row).collect::<Vec<Shown>>()
        });
        let Some(order) = order else { return };
        self.rows.set_value(order.iter().cloned().collect());
        order.iter().for_each(|(_, row)| row.meet(Fate::Stays));
        self.set_counts(|counts| counts.waiting = Waiting::default());
        if self.order.with_untracked(|old| *old != order) {
            self.order.set(order);
        }
        self.drawn();
    }

    /// Notes in the window that the shown rows are on the screen now.
    fn drawn(&self) {
        let held = self.held.get_value();
        self.window.update_value(|window| window.drawn(held));
    }

    /// Whether this is the same store.
    pub fn is(&self, other: Self) -> bool {
        self.order == other.order
    }

    pub fn collection(&self) -> Option<Collection> {
        self.window.try_with_value(Window::collection)
    }

    pub fn selection(&self) -> Selection {
        self.window.try_with_value(|window| window.selection().clone()).unwrap_or_default()
    }

    pub fn received(&self) -> Option<Position> {
        self.window.try_with_value(Window::received)
    }

    /// See [`Window::ct`].
    pub fn ct(&self) -> ClusterTime {
        self.window.try_with_value(Window::ct).unwrap_or_default()
    }

    /// See [`Window::forget_time`].
    pub fn forget_time(&self) {
        _ = self.window.try_update_value(Window::forget_time);
    }

    pub fn set_loading(&self, loading: bool) {
        let _disposed = self.loading.try_set(loading);
    }

    /// Applies a delta. `news` is false for a delta that only catches up. Returns whether the list is in doubt, see
    /// [`Applied::uncertain`].
    ///
    /// # Errors
    /// See [`Window::apply`].
    pub fn apply(&self, delta: Delta, news: bool) -> Result<bool, Broken> {
        if news && self.still.try_get_value() == Some(true) {
            self.hold(true);
        }
        let Some(applied) = self.window.try_update_value(|window| window.apply(delta)) else { return Ok(false) };
        Ok(self.show(&applied?, news))
    }

    /// Evaluates the selection again as time passes. Returns the same as [`Self::apply`].
    pub fn tick(&self, now: UtcMs) -> bool {
        self.second.try_update_value(|second| *second = now.seconds());
        let applied = self.window.try_update_value(|window| window.tick(now));
        applied.is_some_and(|applied| self.show(&applied, true))
    }

    fn show(&self, applied: &Applied, news: bool) -> bool {
        for id in &applied.changed {
            let Some(fields) = self.window.with_value(|window| window.row(id).cloned()) else { continue };
            match self.row(id) {
                Some(row) => self.change(&row, fields, news),
                None if news => self.rows.update_value(|rows| {
                    let mut state = RowState::loaded(fields);
                    state.mark(self.second.get_value());
                    rows.insert(id.clone(), LiveRow::new(state));
                }),
                // A row that was caught up gets no mark. It is created when it is drawn.
                None => {}
            }
        }
        if applied.moved {
            self.settle();
        }
        self.count();
        applied.uncertain
    }

    fn change(&self, row: &ArcRwSignal<RowState>, fields: Fields, news: bool) {
        let differs = |differs: &Option<Differs>| {
            let before = |row: &RowState| differs.as_ref().is_some_and(|differs| differs(&row.fields, &fields));
            row.with_untracked(before)
        };
        let marked = news && self.differs.with_value(differs);
        row.update(|state| {
            state.fields = fields;
            if marked {
                state.mark(self.second.get_value());
            }
        });
    }

    /// Replaces all rows by those of a new snapshot.
    pub fn replace(&self, snapshot: Snapshot) {
        if self.window.try_update_value(|window| window.replace(snapshot)).is_none() {
            return;
        }
        self.window.with_value(|window| {
            for (id, row) in self.rows.get_value() {
                if let Some(fields) = window.row(&id)
                    && row.state.with_untracked(|state| state.fields != *fields)
                {
                    self.change(&row.state, fields.clone(), false);
                }
            }
        });
        self.set_loading(false);
        self.settle();
        self.count();
    }

    /// Shows the rows that came, went or moved, or lets them wait while the list is held. An empty list is never
    /// held.
    fn settle(&self) {
        let held = self.held.try_get_value() == Some(true) && self.order.with_untracked(|order| !order.is_empty());
        if held { self.wait() } else { self.release() }
    }

    fn count(&self) {
        let total = self.window.try_with_value(Window::total).flatten();
        self.set_counts(|counts| counts.total = total);
    }

    fn set_counts(&self, what: impl Fn(&mut Counts)) {
        _ = self.counts.try_maybe_update(|counts| {
            let before = *counts;
            what(counts);
            (*counts != before, ())
        });
    }

    /// Sets the fate of each row on the screen, and counts the rows that wait.
    fn wait(&self) {
        let (waiting, fates) = self.window.with_value(Window::waiting);
        self.order.with_untracked(|order| order.iter().zip(fates).for_each(|((_, row), fate)| row.meet(fate)));
        self.set_counts(|counts| counts.waiting = waiting);
    }
}

fn loaded(fields: &Fields) -> LiveRow {
    LiveRow::new(RowState::loaded(fields.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        protocol::{
            change::{Change, Op},
            position::{Epoch, Seq},
            snapshot::Row,
            topic::Topic,
        },
        selection::EvalContext,
    };

    #[test]
    fn a_row_is_marked_once_a_second_and_shows_every_change() {
        Owner::new().with(|| {
            let store = ListStore::new(snapshot(&["a"]));
            store.mark_by(|before, after| before != after);
            let after = |seq, name: &str, second| {
                store.tick(UtcMs::from_seconds(second));
                store.apply(delta(seq, "a", Op::Put(named(name))), true).unwrap();
                row(store, 0).state.with_untracked(|row| (row.fields["name"].clone(), row.stamp))
            };
            assert_eq!(after(2, "b", 7), ("b".into(), 1));
            assert_eq!(after(3, "c", 7), ("c".into(), 1));
            assert_eq!(after(4, "d", 9), ("d".into(), 2));
        });
    }

    #[test]
    fn a_mark_is_for_what_a_person_sees_change() {
        let beating =
            |name: &str, at: i64| Fields::from([("name".to_owned(), name.into()), ("beat".to_owned(), at.into())]);
        Owner::new().with(|| {
            let store = ListStore::new(snapshot(&["a", "b"]));
            store.mark_by(|before, after| before["name"] != after["name"]);
            let apply = |seq, id: &str, row, news| store.apply(delta(seq, id, Op::Put(row)), news).unwrap();
            let stamps = || {
                store.order().with_untracked(|order| {
                    order.iter().map(|(_, row)| row.state.with_untracked(|row| row.stamp)).collect::<Vec<_>>()
                })
            };
            apply(2, "a", beating("a", 1), true);
            apply(3, "b", beating("bb", 1), false);
            apply(4, "c", beating("c", 1), false);
            assert_eq!(stamps(), [0, 0, 0], "a heartbeat, and what was caught up");
            store.replace(Snapshot { position: at(4), ..snapshot(&["aa", "b"]) });
            assert_eq!(stamps(), [0, 0], "what was fetched");
            apply(5, "b", beating("bbb", 2), true);
            apply(6, "c", beating("c", 2), true);
            assert_eq!(stamps(), [0, 1, 1]);
        });
    }

    #[test]
    fn a_list_that_is_held_still_shows_changes_and_tells_what_waits() {
        let fates = |store: ListStore| {
            store.order().with_untracked(|order| {
                order.iter().map(|(_, row)| row.state.with_untracked(|row| row.fate)).collect::<Vec<_>>()
            })
        };
        Owner::new().with(|| {
            let store = ListStore::new(snapshot(&["a", "b", "d"]));
            store.hold(true);
            store.apply(delta(2, "c", Op::Put(named("c"))), true).unwrap();
            store.apply(delta(3, "a", Op::Delete), true).unwrap();
            store.apply(delta(4, "b", Op::Put(named("z"))), true).unwrap();
            assert_eq!(untrack(|| store.waiting()), Waiting { new: 1, left: 0, deleted: 1, moved: 1 });
            assert_eq!(fates(store), [Fate::Deleted, Fate::Moved, Fate::Stays]);
            assert_eq!(
                row(store, 1).state.with_untracked(|row| row.fields["name"].clone()),
                "z",
                "it changes in place"
            );
            store.release();
            assert_eq!(untrack(|| store.waiting()), Waiting::default());
            assert_eq!(fates(store), [Fate::Stays; 3]);
            store.apply(delta(5, "e", Op::Put(named("e"))), true).unwrap();
            assert_eq!(untrack(|| store.waiting()).new, 1, "it is held still");
            store.hold(false);
            assert_eq!(fates(store).len(), 4);
        });
    }

    #[test]
    fn where_nothing_tells_who_reads_a_list_is_still_from_the_first_news_on() {
        Owner::new().with(|| {
            let store = ListStore::new(snapshot(&[]));
            let shown = || store.order().with_untracked(Vec::len);
            store.keep_still();
            store.apply(delta(2, "a", Op::Put(named("a"))), false).unwrap();
            assert_eq!(shown(), 1, "it catches up");
            store.apply(delta(3, "b", Op::Put(named("b"))), true).unwrap();
            store.hold(false);
            assert_eq!((shown(), untrack(|| store.waiting()).new), (1, 1), "nobody knows when one has read");
            store.release();
            store.apply(delta(4, "a", Op::Delete), true).unwrap();
            store.apply(delta(5, "b", Op::Delete), false).unwrap();
            store.release();
            assert_eq!(shown(), 0);
            store.apply(delta(6, "a", Op::Put(named("a"))), true).unwrap();
            assert_eq!(shown(), 1, "where nothing is nothing moves");
        });
    }

    fn at(seq: u64) -> Position {
        Position::new(Epoch(1), Seq(seq))
    }

    fn named(name: &str) -> Fields {
        Fields::from([("name".to_owned(), name.into())])
    }

    fn row(store: ListStore, i: usize) -> LiveRow {
        store.order().get_untracked()[i].1.clone()
    }

    /// Stations with these names. The first letter of a name is the id.
    fn snapshot(names: &[&str]) -> Snapshot {
        Snapshot {
            topic: Collection::Stations,
            position: at(1),
            ct: ClusterTime(1),
            rows: names.iter().map(|name| Row { id: DocId(name[..1].to_owned()), fields: named(name) }).collect(),
            complete: true,
            selection: Selection::default(),
            total: None,
            sight: EvalContext::default(),
            others: None,
            unknown: None,
        }
    }

    fn delta(seq: u64, id: &str, op: Op) -> Delta {
        Delta {
            topic: Topic::Collection(Collection::Stations),
            from: at(seq - 1),
            to: at(seq),
            ct: ClusterTime(seq),
            changes: vec![Change { id: DocId(id.to_owned()), op }],
            more: false,
        }
    }

    #[test]
    fn a_document_that_went_and_came_back_unseen_is_another_row_which_follows_it() {
        Owner::new().with(|| {
            let store = ListStore::new(snapshot(&["a"]));
            let apply = |seq, op| store.apply(delta(seq, "a", op), true).unwrap();
            let first = row(store, 0);
            apply(2, Op::Put(named("second")));
            assert!(row(store, 0) == first, "what only changes keeps its row");
            apply(3, Op::Delete);
            apply(4, Op::Put(named("third")));
            let second = row(store, 0);
            assert!(second != first, "a list that draws it now must not take it for the row that it has drawn");
            apply(5, Op::Patch(named("fourth"), Vec::new()));
            assert_eq!(second.state.with_untracked(|row| row.fields["name"].clone()), "fourth");
        });
    }
}
