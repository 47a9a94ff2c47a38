//! A list's rows, one signal each. A change touches its own row only; the list itself changes only when rows come, go
//! or move.
//!
//! Long, because nothing outside may touch a row's signal or the list's order.

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
pub type ShownList = (DocId, LiveRow);

/// Numbers beside a list. They share one signal, because each type of signal adds to the download.
#[derive(Clone, Copy, Default, PartialEq)]
struct ListCounts {
    waiting: Waiting,
    /// How many documents match the selection. `None` for the whole list, which is not counted here.
    total: Option<usize>,
}

/// A followed list. While it is held, rows change in place, but none comes, goes or moves.
#[derive(Clone, Copy)]
pub struct ListStore {
    window: StoredValue<Window>,
    rows: StoredValue<HashMap<DocId, LiveRow>>,
    order: RwSignal<Vec<ShownList>>,
    counts: RwSignal<ListCounts>,
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
        let order: Vec<ShownList> =
            window.shown().filter_map(|id| Some((id.clone(), loaded(window.row(id)?)))).collect();
        Self {
            counts: RwSignal::new(ListCounts { total: window.total(), ..ListCounts::default() }),
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
    pub const fn order(&self) -> RwSignal<Vec<ShownList>> {
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
        if held { self.note_drawing() } else { self.release() }
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
            window.shown().filter_map(row).collect::<Vec<ShownList>>()
        });
        let Some(order) = order else { return };
        self.rows.set_value(order.iter().cloned().collect());
        order.iter().for_each(|(_, row)| row.meet(Fate::Stays));
        self.set_counts(|counts| counts.waiting = Waiting::default());
        if self.order.with_untracked(|old| *old != order) {
            self.order.set(order);
        }
        self.note_drawing();
    }

    /// Notes in the window that the shown rows are on the screen now.
    fn note_drawing(&self) {
        let held = self.held.get_value();
        self.window.update_value(|window| window.note_drawing(held));
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

    fn set_counts(&self, what: impl Fn(&mut ListCounts)) {
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
mod tests;
