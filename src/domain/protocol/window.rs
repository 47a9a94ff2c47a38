//! A list on a page: the first rows of a collection, or of its documents that match a selection, in the collection's
//! default order. The list follows the collection change by change.
//!
//! With a selection the list also counts the documents that match. The count is exact while all of them are here.
//! Otherwise a change to a row that is not here leaves it in doubt ([`Applied::uncertain`]), because the row's
//! earlier state is not known. A new snapshot settles the doubt, but need not come at once.
//!
//! Long, because rows, order and count change together, with each change to a document.

mod held;
mod holding;
mod places;

use std::collections::{BTreeMap, HashMap};

pub use held::{Fate, Waiting};

use held::Held;
use places::{Places, SortKey};

use super::{
    change::{Change, Op, patch},
    frame::Delta,
    position::{ClusterTime, Position},
    snapshot::{Row, Snapshot},
};
use crate::{
    domain::{
        collections::Collection,
        fields::Fields,
        ids::DocId,
        selection::{EvalContext, MatchHint, Selection},
        time::UtcMs,
    },
    guards::guarded,
};

/// Why a list cannot follow a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The delta begins after the position received. Subscribe again from [`Window::received`].
    Gap,
    /// The delta is of another epoch, or too few rows are left to show. Take a new snapshot.
    Stale,
}

/// What an applied delta did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Rows whose content changed.
    pub changed: Vec<DocId>,
    /// Whether rows came, went or moved.
    pub moved: bool,
    /// Whether rows may be missing or the total may be wrong until a new snapshot.
    pub uncertain: bool,
}

/// The rows of a list, and how far the list is known.
#[derive(Clone, Debug)]
pub struct Window {
    collection: Collection,
    selection: Selection,
    context: EvalContext,
    /// The rows of the list. If the selection follows the clock, also those that may come to match as time passes.
    rows: HashMap<DocId, Fields>,
    /// The places of the rows that are in the list.
    order: Places,
    /// The place after which nothing is known; `None` if all rows that match are here.
    horizon: Option<SortKey>,
    /// Whether all rows are here that may come to match as time passes.
    others: bool,
    /// The number of documents that match, used while not all of them are here.
    total: usize,
    received: Position,
    floor: ClusterTime,
    /// Cluster time of what is shown.
    ct: ClusterTime,
    held: Option<Held>,
}

impl From<Snapshot> for Window {
    fn from(snapshot: Snapshot) -> Self {
        let collection = snapshot.topic;
        let mut order = Places::default();
        for row in &snapshot.rows {
            order.insert(SortKey::of(collection, &row.id, &row.fields));
        }
        let horizon = if snapshot.complete { None } else { order.0.last().cloned() };
        let others = !snapshot.selection.follows_clock() || snapshot.others.is_some();
        let rows = snapshot.rows.into_iter().chain(snapshot.others.into_iter().flatten());
        Self {
            collection,
            selection: snapshot.selection,
            context: snapshot.context,
            rows: rows.map(|r| (r.id, r.fields)).collect(),
            order,
            horizon,
            others,
            total: snapshot.total.unwrap_or(0),
            received: snapshot.position,
            floor: snapshot.ct,
            ct: snapshot.ct,
            held: None,
        }
    }
}

impl Window {
    /// Replaces all rows by the fetched ones and takes over their position, even if it is before the one received.
    pub fn replace(&mut self, snapshot: Snapshot) {
        let fetched = guarded!(ReplaceOnFetch: snapshot, else Snapshot {
            position: Some(self.received).filter(|at| at.epoch == snapshot.position.epoch).unwrap_or(snapshot.position),
            ..snapshot
        });
        *self = Self { held: self.held.take(), ..Self::from(fetched) };
        if let Some(held) = &mut self.held {
            held.gone.retain(|gone| !self.rows.contains_key(&gone.id));
        }
    }

    pub const fn collection(&self) -> Collection {
        self.collection
    }

    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The position up to which changes were received.
    pub const fn received(&self) -> Position {
        self.received
    }

    /// Cluster time of what is shown. New rows must not be of an earlier time.
    pub const fn ct(&self) -> ClusterTime {
        self.ct
    }

    /// Forgets the cluster time shown: after the database was set back, new rows may be of an earlier time.
    pub fn forget_time(&mut self) {
        self.ct = ClusterTime::default();
    }

    /// The number of documents that match, as far as known. `None` for the whole list, which is not counted here.
    pub fn total(&self) -> Option<usize> {
        let total = if self.horizon.is_none() { self.order.0.len() } else { self.total.max(self.order.0.len()) };
        (!self.selection.is_everything()).then_some(total)
    }

    /// Turns the list into a snapshot that holds all changes up to `ct`.
    pub fn into_snapshot(mut self, ct: ClusterTime) -> Snapshot {
        let total = self.total();
        let ids: Vec<DocId> = self.order.0.iter().map(SortKey::id).cloned().collect();
        let rows = ids.into_iter().filter_map(|id| self.rows.remove(&id).map(|fields| Row { id, fields })).collect();
        let others = (self.selection.follows_clock() && self.others)
            .then(|| self.rows.into_iter().map(|(id, fields)| Row { id, fields }).collect());
        Snapshot {
            topic: self.collection,
            position: self.received,
            ct,
            rows,
            complete: self.horizon.is_none(),
            selection: self.selection,
            total,
            context: self.context,
            others,
            unknown: None,
        }
    }

    /// A row of the list, or one that has left it and is still on the screen.
    pub fn row(&self, id: &DocId) -> Option<&Fields> {
        self.rows.get(id).or_else(|| self.held.as_ref()?.gone_row(id))
    }

    /// The rows shown, in order.
    pub fn shown(&self) -> impl Iterator<Item = &DocId> {
        self.order.0.iter().take(self.collection.shown()).map(SortKey::id)
    }

    /// Evaluates a selection that follows the clock again, once a minute as the figures do.
    pub fn tick(&mut self, now: UtcMs) -> Applied {
        let later = EvalContext { now, ..self.context.clone() };
        if !self.selection.follows_clock() || later.minute() <= self.context.minute() {
            return Applied::default();
        }
        self.context = later;
        let mut applied = Applied { uncertain: !self.is_whole(), ..Applied::default() };
        // A cut row stays where it is. New rows will tell, because a list with such a row is not whole.
        for (id, row) in self.rows.iter().filter(|(_, row)| !self.selection.is_cut(row)) {
            let place = SortKey::of(self.collection, id, row);
            let is = self.selection.matches(self.collection, row, &self.context);
            let moved = if is { self.order.insert(place) } else { self.order.remove(&place) };
            applied.moved |= moved;
            if moved && is {
                applied.changed.push(id.clone());
            }
        }
        applied
    }

    /// Applies a whole delta by the client's rule: drops what was received, reports a gap, and applies the rest.
    ///
    /// # Errors
    /// [`Broken`] when the list cannot follow. At a gap nothing was applied; a stale list may have taken a part.
    pub fn apply(&mut self, delta: Delta) -> Result<Applied, Broken> {
        if delta.to.epoch != self.received.epoch || delta.from.epoch != self.received.epoch {
            return Err(Broken::Stale);
        }
        if delta.to <= self.received {
            return Ok(Applied::default());
        }
        if guarded!(GapRule: delta.from > self.received, else false) {
            return Err(Broken::Gap);
        }
        let mut applied = Applied::default();
        if guarded!(ClusterTimeFloor: delta.ct > self.floor, else true) {
            for change in delta.changes {
                self.apply_one(change, &mut applied)?;
            }
        }
        self.received = delta.to;
        self.ct = self.ct.max(delta.ct);
        if self.horizon.is_some() && self.order.0.len() < self.collection.shown() {
            Err(Broken::Stale)
        } else {
            Ok(applied)
        }
    }

    fn apply_one(&mut self, change: Change, applied: &mut Applied) -> Result<(), Broken> {
        let Change { id, op } = change;
        let known = self.rows.get(&id);
        // Whether the row stays in the list or out of it, because it is cut and cannot be judged again.
        let mut stays = false;
        let after = match (op, known) {
            (Op::Delete, _) => None,
            (Op::Put(row), _) => Some(row),
            (Op::Patch(set, unset), Some(row)) => {
                let mut row = row.clone();
                let was_cut = self.selection.is_cut(&row);
                if was_cut {
                    self.patch_unseen(&set, &unset, applied)?;
                }
                patch(&mut row, set, &unset);
                stays = was_cut && self.selection.is_cut(&row);
                Some(row)
            }
            (Op::Patch(set, unset), None) => {
                self.patch_unseen(&set, &unset, applied)?;
                if self.held.as_mut().is_some_and(|held| held.patch_gone(&id, set, &unset)) {
                    applied.changed.push(id);
                }
                return Ok(());
            }
        };
        let deleted = after.is_none();
        let reads = after.clone().filter(|_| self.is_on_screen(&id));
        applied.uncertain |= known.is_none() && !self.is_whole();
        let before = known.map(|row| SortKey::of(self.collection, &id, row));
        let was = before.as_ref().is_some_and(|place| self.order.contains(place));
        let after = after.filter(|row| stays || self.selection.may_match(self.collection, row, &self.context));
        let matches = |row: &Fields| self.selection.matches(self.collection, row, &self.context);
        let is = if stays { was } else { after.as_ref().is_some_and(matches) };
        if before.is_some() {
            self.total = self.total.saturating_add(is.into()).saturating_sub(usize::from(was));
        }
        let place = after.as_ref().map(|row| SortKey::of(self.collection, &id, row)).filter(|p| self.within(p));
        if before != place || was != (is && place.is_some()) {
            applied.moved = true;
            if let Some(before) = before {
                self.order.remove(&before);
                self.rows.remove(&id);
            }
        }
        if !is || place.is_none() {
            let fate = if is { Fate::Moved } else { Fate::Left };
            // The row on the screen shows its document as it is now, even if it belongs elsewhere.
            applied.changed.extend(reads.is_some().then(|| id.clone()));
            self.note(&id, if deleted { Fate::Deleted } else { fate }, reads);
        }
        if let (Some(row), Some(place)) = (after, place) {
            self.is_back(&id);
            self.rows.insert(id.clone(), row);
            if is {
                self.order.insert(place);
                applied.changed.push(id);
            }
        }
        Ok(())
    }

    /// Decides what a patch of a row that is not here, or not all of it, means for the list.
    fn patch_unseen(&self, set: &Fields, unset: &[String], applied: &mut Applied) -> Result<(), Broken> {
        let place = self.collection.order().field();
        let moves = set.contains_key(place) || unset.iter().any(|gone| gone == place);
        if self.selection.is_everything() {
            // The row is behind the horizon, and stays there unless its place changed.
            return if moves { Err(Broken::Stale) } else { Ok(()) };
        }
        applied.uncertain |= match self.selection.match_hint(self.collection, set, unset, &self.context) {
            MatchHint::Perhaps => true,
            // If all rows that may match are here, this one did not match. Otherwise it may have been counted.
            MatchHint::No | MatchHint::Turns => !self.is_whole(),
            MatchHint::Nothing => moves && !self.is_whole(),
        };
        Ok(())
    }

    /// Whether a row that is not here neither matches nor comes to match by time alone. For the whole list this does
    /// not matter.
    fn is_whole(&self) -> bool {
        self.selection.is_everything() || self.horizon.is_none() && self.others
    }

    fn within(&self, place: &SortKey) -> bool {
        self.horizon.as_ref().is_none_or(|horizon| place <= horizon)
    }
}

/// The ids of the rows that the window over a whole collection would show, in order.
pub fn shown_of(collection: Collection, documents: &BTreeMap<DocId, Fields>) -> Vec<DocId> {
    let mut places: Vec<_> = documents.iter().map(|(id, row)| (SortKey::of(collection, id, row), id.clone())).collect();
    places.sort();
    places.into_iter().take(collection.shown()).map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
