//! A list's rows, one signal each: a change touches its row and no other; only rows that come, go or move touch the list.

use std::{
    collections::HashMap,
    mem::take,
    sync::atomic::{AtomicU32, Ordering},
};

use leptos::prelude::*;

use crate::model::{
    fields::Fields,
    frame::Delta,
    ids::{Collection, DocId},
    position::Position,
    selection::Selection,
    snapshot::Snapshot,
    time::UtcMs,
    window::{Applied, Broken, Window},
};

#[derive(Clone, Debug, PartialEq)]
pub struct RowState {
    pub fields: Fields,
    /// In how many seconds the row changed since it was loaded.
    pub stamp: u32,
    /// The last of these seconds: what changes many times in one is marked once.
    stamped: i64,
    /// The document is gone, but the list is held still.
    pub gone: bool,
}

impl RowState {
    const fn loaded(fields: Fields) -> Self {
        Self { fields, stamp: 0, stamped: i64::MIN, gone: false }
    }

    fn change(&mut self, fields: Fields, second: i64) {
        (self.fields, self.gone) = (fields, false);
        if self.stamped != second {
            (self.stamp, self.stamped) = (self.stamp + 1, second);
        }
    }
}

/// A row of a list, under a number of its own, by which it is told apart: of a document that went and came back before the
/// list was drawn again, the row is another than the one on screen.
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
}

impl PartialEq for LiveRow {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

/// A row that is shown, and its document.
pub type Shown = (DocId, LiveRow);

/// A followed list. While it is held, rows change in place but none comes, goes or moves.
#[derive(Clone, Copy)]
pub struct ListStore {
    window: StoredValue<Window>,
    rows: StoredValue<HashMap<DocId, LiveRow>>,
    order: RwSignal<Vec<Shown>>,
    waiting: RwSignal<usize>,
    /// How many documents match; nobody counts those of the whole list here.
    total: RwSignal<Option<usize>>,
    loading: RwSignal<bool>,
    held: StoredValue<bool>,
    /// The present one, since 1970.
    second: StoredValue<i64>,
}

impl ListStore {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let window = Window::from(snapshot);
        let order: Vec<Shown> = window.shown().filter_map(|id| Some((id.clone(), loaded(window.row(id)?)))).collect();
        Self {
            total: RwSignal::new(window.total()),
            window: StoredValue::new(window),
            rows: StoredValue::new(order.iter().cloned().collect()),
            order: RwSignal::new(order),
            waiting: RwSignal::new(0),
            loading: RwSignal::new(false),
            held: StoredValue::new(false),
            second: StoredValue::new(0),
        }
    }

    /// The rows shown, in order.
    pub const fn order(&self) -> RwSignal<Vec<Shown>> {
        self.order
    }

    fn row(&self, id: &DocId) -> Option<ArcRwSignal<RowState>> {
        self.rows.try_with_value(|rows| rows.get(id).map(|row| row.state.clone())).flatten()
    }

    /// How many rows wait to come or go.
    pub const fn waiting(&self) -> RwSignal<usize> {
        self.waiting
    }

    /// How many documents match the selection; `None` of the whole list.
    pub const fn total(&self) -> RwSignal<Option<usize>> {
        self.total
    }

    /// Whether new rows are on their way; the old ones stay readable.
    pub const fn loading(&self) -> RwSignal<bool> {
        self.loading
    }

    /// Holds the list still while someone points at it or reads in it.
    pub fn hold(&self, held: bool) {
        self.held.set_value(held);
        if !held {
            self.release();
        }
    }

    /// Shows what waits.
    pub fn release(&self) {
        let order = self.window.try_with_value(|window| {
            let mut before = self.rows.try_update_value(take).unwrap_or_default();
            let row = |id: &DocId| Some((id.clone(), before.remove(id).or_else(|| window.row(id).map(loaded))?));
            window.shown().filter_map(row).collect::<Vec<Shown>>()
        });
        let Some(order) = order else { return };
        self.rows.set_value(order.iter().cloned().collect());
        self.waiting.set(0);
        if self.order.with_untracked(|old| *old != order) {
            self.order.set(order);
        }
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

    pub fn set_loading(&self, loading: bool) {
        let _disposed = self.loading.try_set(loading);
    }

    /// Applies a delta; returns whether the list is in doubt, see [`Applied::uncertain`].
    ///
    /// # Errors
    /// See [`Window::apply`].
    pub fn apply(&self, delta: Delta) -> Result<bool, Broken> {
        let Some(applied) = self.window.try_update_value(|window| window.apply(delta)) else { return Ok(false) };
        Ok(self.show(&applied?))
    }

    /// Looks again as time passes; returns as [`Self::apply`].
    pub fn tick(&self, now: UtcMs) -> bool {
        self.second.try_update_value(|second| *second = now.seconds());
        let applied = self.window.try_update_value(|window| window.tick(now));
        applied.is_some_and(|applied| self.show(&applied))
    }

    fn show(&self, applied: &Applied) -> bool {
        let second = self.second.get_value();
        for id in &applied.changed {
            let Some(fields) = self.window.with_value(|window| window.row(id).cloned()) else { continue };
            match self.row(id) {
                Some(row) => row.update(|state| state.change(fields, second)),
                None => self.rows.update_value(|rows| {
                    let mut state = RowState::loaded(Fields::new());
                    state.change(fields, second);
                    rows.insert(id.clone(), LiveRow::new(state));
                }),
            }
        }
        if applied.moved {
            self.settle();
        }
        self.count();
        applied.uncertain
    }

    /// Takes new rows in place of all there were.
    pub fn replace(&self, snapshot: Snapshot) {
        if self.window.try_update_value(|window| window.replace(snapshot)).is_none() {
            return;
        }
        self.window.with_value(|window| {
            for id in window.shown() {
                if let (Some(row), Some(fields)) = (self.row(id), window.row(id))
                    && row.with_untracked(|state| state.gone || state.fields != *fields)
                {
                    row.update(|state| state.change(fields.clone(), self.second.get_value()));
                }
            }
        });
        self.set_loading(false);
        self.settle();
        self.count();
    }

    /// Shows what came, went and moved, or lets it wait.
    fn settle(&self) {
        if self.held.try_get_value() == Some(true) { self.wait() } else { self.release() }
    }

    fn count(&self) {
        let total = self.window.try_with_value(Window::total).flatten();
        if self.total.try_get_untracked().is_some_and(|before| before != total) {
            self.total.set(total);
        }
    }

    /// Marks what is gone, and counts what waits to be shown.
    fn wait(&self) {
        let shown: Vec<DocId> = self.window.with_value(|window| window.shown().cloned().collect());
        let (mut gone, mut new) = (0, shown.len());
        self.order.with_untracked(|order| {
            for (id, row) in order {
                if shown.contains(id) {
                    new -= 1;
                } else {
                    gone += 1;
                    if row.state.with_untracked(|state| !state.gone) {
                        row.state.update(|state| state.gone = true);
                    }
                }
            }
        });
        self.waiting.set(gone + new);
    }
}

fn loaded(fields: &Fields) -> LiveRow {
    LiveRow::new(RowState::loaded(fields.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        change::{Change, Op},
        ids::Topic,
        position::{ClusterTime, Epoch, Seq},
        selection::Sight,
        snapshot::Row,
    };

    #[test]
    fn a_row_is_marked_once_a_second_and_shows_every_change() {
        let mut row = RowState::loaded(Fields::new());
        let named = |name: &str| Fields::from([("name".to_owned(), name.into())]);
        let mut after = |name: &str, second| {
            row.change(named(name), second);
            (row.fields["name"].clone(), row.stamp)
        };
        assert_eq!(after("a", 7), ("a".into(), 1));
        assert_eq!(after("b", 7), ("b".into(), 1));
        assert_eq!(after("c", 9), ("c".into(), 2));
    }

    #[test]
    fn a_document_that_went_and_came_back_unseen_is_another_row_which_follows_it() {
        let at = |seq| Position::new(Epoch(1), Seq(seq));
        let id = DocId("a".to_owned());
        let named = |name: &str| Fields::from([("name".to_owned(), name.into())]);
        let snapshot = Snapshot {
            topic: Collection::Stations,
            position: at(1),
            ct: ClusterTime(1),
            rows: vec![Row { id: id.clone(), fields: named("first") }],
            complete: true,
            selection: Selection::default(),
            total: None,
            sight: Sight::default(),
            others: None,
        };
        let delta = |seq, op| Delta {
            topic: Topic::Collection(Collection::Stations),
            from: at(seq - 1),
            to: at(seq),
            ct: ClusterTime(seq),
            changes: vec![Change { id: id.clone(), op }],
            more: false,
        };
        Owner::new().with(|| {
            let store = ListStore::new(snapshot);
            let shown = || store.order().get_untracked()[0].1.clone();
            let first = shown();
            store.apply(delta(2, Op::Put(named("second")))).unwrap();
            assert!(shown() == first, "what only changes keeps its row");
            store.apply(delta(3, Op::Delete)).unwrap();
            store.apply(delta(4, Op::Put(named("third")))).unwrap();
            let second = shown();
            assert!(second != first, "a list that draws it now must not take it for the row that it has drawn");
            store.apply(delta(5, Op::Patch(named("fourth"), Vec::new()))).unwrap();
            assert_eq!(second.state.with_untracked(|row| row.fields["name"].clone()), "fourth");
        });
    }
}
