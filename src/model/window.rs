//! A list on a page: the first rows of a collection in its default order, followed change by change.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::{
    change::{Change, Op, patch},
    fields::Fields,
    frame::Delta,
    ids::{Collection, DocId},
    position::{ClusterTime, Position},
    snapshot::{Row, Snapshot},
    time::UtcMs,
};

impl Collection {
    /// How many rows its list shows.
    pub const fn shown(self) -> usize {
        match self {
            Self::Stations => 500,
            _ => 50,
        }
    }

    /// How many rows a snapshot holds: those shown and a reserve, so that a deletion need not fetch at once.
    pub const fn fetched(self) -> usize {
        self.shown() + 25
    }

    /// The field that its list is sorted by: a name ascending, or a date, newest first.
    pub const fn order_field(self) -> &'static str {
        match self {
            Self::Clients | Self::Payments => "created_at",
            Self::Stations => "name",
            Self::ChargingSessions => "start_date_time",
            Self::EcoStats => "period_start",
        }
    }
}

/// A row's place in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Name(Option<String>, DocId),
    Newest(Reverse<Option<UtcMs>>, Reverse<DocId>),
}

impl Place {
    const fn id(&self) -> &DocId {
        match self {
            Self::Name(_, id) | Self::Newest(_, Reverse(id)) => id,
        }
    }

    fn of(collection: Collection, id: &DocId, row: &Fields) -> Self {
        let text = row.get(collection.order_field()).and_then(|v| v.as_str());
        match collection {
            Collection::Stations => Self::Name(text.map(str::to_owned), id.clone()),
            _ => Self::Newest(Reverse(text.and_then(UtcMs::parse)), Reverse(id.clone())),
        }
    }
}

/// Why a list cannot go on from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The delta begins after what was received; subscribe again from [`Window::received`].
    Gap,
    /// Another epoch, or too few rows left: take a new snapshot.
    Stale,
}

/// What an applied delta did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Rows whose content changed.
    pub changed: Vec<DocId>,
    /// Whether rows came, went or moved.
    pub moved: bool,
}

/// The rows of a list and how far they are known.
#[derive(Clone, Debug)]
pub struct Window {
    collection: Collection,
    rows: HashMap<DocId, Fields>,
    order: BTreeSet<Place>,
    /// The place after which nothing is known; `None` when all documents are here.
    horizon: Option<Place>,
    received: Position,
    floor: ClusterTime,
}

impl From<Snapshot> for Window {
    fn from(snapshot: Snapshot) -> Self {
        let collection = snapshot.topic;
        let mut order = BTreeSet::new();
        for row in &snapshot.rows {
            order.insert(Place::of(collection, &row.id, &row.fields));
        }
        let horizon = if snapshot.complete { None } else { order.last().cloned() };
        Self {
            collection,
            rows: snapshot.rows.into_iter().map(|r| (r.id, r.fields)).collect(),
            order,
            horizon,
            received: snapshot.position,
            floor: snapshot.ct,
        }
    }
}

impl Window {
    pub const fn collection(&self) -> Collection {
        self.collection
    }

    /// The position up to which changes were received.
    pub const fn received(&self) -> Position {
        self.received
    }

    /// The rows as a snapshot whose changes up to `ct` are in.
    pub fn into_snapshot(mut self, ct: ClusterTime) -> Snapshot {
        let ids: Vec<DocId> = self.order.iter().map(Place::id).cloned().collect();
        let rows = ids.into_iter().filter_map(|id| self.rows.remove(&id).map(|fields| Row { id, fields })).collect();
        Snapshot { topic: self.collection, position: self.received, ct, rows, complete: self.horizon.is_none() }
    }

    pub fn row(&self, id: &DocId) -> Option<&Fields> {
        self.rows.get(id)
    }

    /// The rows shown, in order.
    pub fn shown(&self) -> impl Iterator<Item = &DocId> {
        self.order.iter().take(self.collection.shown()).map(Place::id)
    }

    /// Applies a delta by the client's rule: what was received is dropped, a gap is told, the rest is applied.
    ///
    /// # Errors
    /// [`Broken`] when the list cannot follow; nothing was applied.
    pub fn apply(&mut self, delta: Delta) -> Result<Applied, Broken> {
        if delta.to.epoch != self.received.epoch || delta.from.epoch != self.received.epoch {
            return Err(Broken::Stale);
        }
        if delta.to <= self.received {
            return Ok(Applied::default());
        }
        if delta.from > self.received {
            return Err(Broken::Gap);
        }
        let mut applied = Applied::default();
        if delta.ct > self.floor {
            for change in delta.changes {
                self.apply_one(change, &mut applied)?;
            }
        }
        // With more to come the position stays, so that a cut socket asks for the whole again.
        if !delta.more {
            self.received = delta.to;
        }
        if self.horizon.is_some() && self.order.len() < self.collection.shown() {
            Err(Broken::Stale)
        } else {
            Ok(applied)
        }
    }

    fn apply_one(&mut self, change: Change, applied: &mut Applied) -> Result<(), Broken> {
        let Change { id, op } = change;
        let before = self.rows.get(&id).map(|row| Place::of(self.collection, &id, row));
        let after = match op {
            Op::Delete => None,
            Op::Put(row) => Some(row),
            Op::Patch(set, unset) => match self.rows.get(&id) {
                Some(row) => {
                    let mut row = row.clone();
                    patch(&mut row, set, &unset);
                    Some(row)
                }
                // Behind the horizon, and stays there unless its place changed.
                None if set.contains_key(self.collection.order_field()) => return Err(Broken::Stale),
                None => return Ok(()),
            },
        };
        let place = after.as_ref().map(|row| Place::of(self.collection, &id, row)).filter(|p| self.within(p));
        if before == place {
            if let (Some(row), Some(_)) = (after, place) {
                self.rows.insert(id.clone(), row);
                applied.changed.push(id);
            }
            return Ok(());
        }
        applied.moved = true;
        if let Some(before) = before {
            self.order.remove(&before);
            self.rows.remove(&id);
        }
        if let (Some(row), Some(place)) = (after, place) {
            self.order.insert(place);
            self.rows.insert(id.clone(), row);
            applied.changed.push(id);
        }
        Ok(())
    }

    fn within(&self, place: &Place) -> bool {
        self.horizon.as_ref().is_none_or(|horizon| place <= horizon)
    }
}

/// The rows of a whole collection from a list of documents, as the window would show them.
pub fn shown_of(collection: Collection, documents: &BTreeMap<DocId, Fields>) -> Vec<DocId> {
    let mut places: Vec<_> = documents.iter().map(|(id, row)| (Place::of(collection, id, row), id.clone())).collect();
    places.sort();
    places.into_iter().take(collection.shown()).map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        change::fold,
        ids::Topic,
        log::changed_fields,
        position::{Epoch, Seq},
    };
    use proptest::prelude::*;
    use serde_json::json;

    /// One document's next state; the index in the history is its number and its cluster time.
    type Step = (u8, Option<(u8, u8)>);

    fn row((place, value): (u8, u8)) -> Fields {
        let at = UtcMs::from_seconds(1_600_000_000 + i64::from(place));
        [("created_at".to_owned(), json!(at.to_string())), ("value".to_owned(), json!(value))].into()
    }

    fn state(history: &[Step]) -> BTreeMap<DocId, Fields> {
        let mut all = BTreeMap::new();
        for (id, next) in history {
            let id = DocId(format!("{id:03}"));
            match next {
                Some(r) => drop(all.insert(id, row(*r))),
                None => drop(all.remove(&id)),
            }
        }
        all
    }

    fn at(n: usize) -> Position {
        Position::new(Epoch(1), Seq(n as u64))
    }

    /// As a hub would: the newest change alone may be a patch, anything folded sends rows.
    fn delta(history: &[Step], from: usize, to: usize) -> Delta {
        let mut changes = Vec::new();
        for n in from..to {
            let id = DocId(format!("{:03}", history[n].0));
            let (before, after) = (state(&history[..n]), state(&history[..=n]));
            let op = match (before.get(&id), after.get(&id)) {
                (Some(b), Some(a)) if to - from == 1 => {
                    let set = changed_fields(b, a).into_iter().map(|f| (f.clone(), a[&f].clone())).collect();
                    Op::Patch(set, vec![])
                }
                (_, Some(a)) => Op::Put(a.clone()),
                (_, None) => Op::Delete,
            };
            changes.push(Change { id, op });
        }
        Delta {
            topic: Topic::Collection(Collection::Clients),
            from: at(from),
            to: at(to),
            ct: ClusterTime(to as u64),
            changes: fold(changes),
            more: false,
        }
    }

    fn snapshot(history: &[Step], position: usize, time: usize) -> Snapshot {
        let all = state(&history[..time]);
        let mut places: Vec<_> = all.iter().map(|(id, r)| (Place::of(Collection::Clients, id, r), id)).collect();
        places.sort();
        let fetched = Collection::Clients.fetched();
        let rows =
            places.iter().take(fetched).map(|(_, id)| Row { id: (*id).clone(), fields: all[*id].clone() }).collect();
        Snapshot {
            topic: Collection::Clients,
            position: at(position),
            ct: ClusterTime(time as u64),
            rows,
            complete: places.len() <= fetched,
        }
    }

    #[test]
    fn rows_behind_the_horizon_do_not_stand_in_for_those_not_known() {
        let id = |n: usize| DocId(format!("{n:03}"));
        let newest_first = |n: usize| row((u8::try_from(200 - n).unwrap(), 0));
        let rows = (0..Collection::Clients.fetched()).map(|n| Row { id: id(n), fields: newest_first(n) }).collect();
        let snapshot =
            Snapshot { topic: Collection::Clients, position: at(0), ct: ClusterTime(0), rows, complete: false };
        let mut window = Window::from(snapshot);
        let behind = (100..160).map(|n| Change { id: id(n), op: Op::Put(newest_first(n)) });
        let gone = (0..26).map(|n| Change { id: id(n), op: Op::Delete });
        let delta = |to: usize, changes| Delta {
            topic: Topic::Collection(Collection::Clients),
            from: at(to - 1),
            to: at(to),
            ct: ClusterTime(to as u64),
            changes,
            more: false,
        };
        assert!(!window.apply(delta(1, behind.collect())).unwrap().moved, "what is behind is not shown");
        assert_eq!(window.apply(delta(2, gone.collect())), Err(Broken::Stale), "49 are known, 50 are shown");
    }

    #[test]
    fn what_the_rows_hold_already_is_not_done_again() {
        let id = || DocId("a".into());
        let rows = vec![Row { id: id(), fields: row((1, 9)) }];
        let snapshot =
            Snapshot { topic: Collection::Clients, position: at(3), ct: ClusterTime(7), rows, complete: true };
        let mut window = Window::from(snapshot);
        let older = |n: usize, op| Delta {
            topic: Topic::Collection(Collection::Clients),
            from: at(n - 1),
            to: at(n),
            ct: ClusterTime(n as u64),
            changes: vec![Change { id: id(), op }],
            more: false,
        };
        for op in [Op::Put(row((1, 4))), Op::Delete] {
            window.apply(older(4, op)).unwrap();
            assert_eq!(window.row(&id()), Some(&row((1, 9))), "a page never goes back");
        }
        let next = |n| Delta { from: at(4), ..older(n, Op::Put(row((1, 10)))) };
        assert_eq!(window.apply(older(8, Op::Delete)), Err(Broken::Gap));
        window.apply(Delta { more: true, ..next(8) }).unwrap();
        assert_eq!(window.received(), at(4), "a part alone does not move the position");
        window.apply(next(8)).unwrap();
        window.apply(Delta { ct: ClusterTime(8), ..older(6, Op::Delete) }).unwrap();
        assert_eq!(
            (window.received(), window.row(&id())),
            (at(8), Some(&row((1, 10)))),
            "what was received is dropped"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// Snapshots that are older than the log's head, overlapping and conflated frames, lost frames, new snapshots:
        /// the list ends as MongoDB has it.
        #[test]
        fn a_list_ends_as_the_database_is(
            history in prop::collection::vec((0..130_u8, prop::option::weighted(0.8, (0..200_u8, 0..3_u8))), 1..160),
            cuts in prop::collection::vec((0..12_usize, 0..6_usize, prop::bool::weighted(0.1)), 0..60),
            start in 0..100_usize, ahead in 0..8_usize,
        ) {
            let end = history.len();
            let start = start.min(end);
            let mut window = Window::from(snapshot(&history, start, (start + ahead).min(end)));
            let mut head = start;
            for (step, back, lost) in cuts {
                let to = (head + step).min(end);
                let from = head.saturating_sub(back);
                head = to;
                if lost || from >= to { continue; }
                match window.apply(delta(&history, from, to)) {
                    Ok(_) => {}
                    Err(Broken::Gap) => {
                        let received = usize::try_from(window.received().seq.0).unwrap();
                        if window.apply(delta(&history, received, to)).is_err() {
                            window = Window::from(snapshot(&history, to.saturating_sub(3), to));
                        }
                    }
                    Err(Broken::Stale) => window = Window::from(snapshot(&history, to.saturating_sub(3), to)),
                }
            }
            let received = usize::try_from(window.received().seq.0).unwrap();
            if received < end && window.apply(delta(&history, received, end)).is_err() {
                window = Window::from(snapshot(&history, end, end));
            }
            let all = state(&history);
            let shown: Vec<DocId> = window.shown().cloned().collect();
            prop_assert_eq!(&shown, &shown_of(Collection::Clients, &all));
            for id in &shown {
                prop_assert_eq!(window.row(id), all.get(id));
            }
        }
    }
}
