//! Tests lists against random histories, and single rules against hand-written ones.
//!
//! Long, because each rule of a list has an example of its own, and all of them share the same rows and changes.

use super::*;
use crate::domain::{
    protocol::{
        change::fold,
        log::changed_fields,
        position::{Epoch, Seq},
        topic::Topic,
    },
    selection::{Criterion, FilterField},
    time::Period,
};
use proptest::prelude::*;
use serde_json::json;

/// One document's next state; the index in the history is its number and its cluster time.
type HistoryStep = (u8, Option<(u8, u8)>);

fn date(place: u8) -> UtcMs {
    UtcMs::from_seconds(1_600_000_000 + i64::from(place))
}

pub(super) fn row((place, value): (u8, u8)) -> Fields {
    let status = ["ACTIVE", "BLOCKED", "odd"][usize::from(value % 3)];
    let client = format!("C-{}", value / 3);
    let at = date(place).to_string();
    [
        ("created_at".to_owned(), json!(at)),
        ("status".to_owned(), json!(status)),
        ("client_id".to_owned(), json!(client)),
    ]
    .into()
}

pub(super) fn id(n: usize) -> DocId {
    DocId(format!("{n:03}"))
}

fn at(n: usize) -> Position {
    Position::new(Epoch(1), Seq(n as u64))
}

/// Every state of a collection, and the selection that a page looks at.
struct World {
    states: Vec<BTreeMap<u8, (u8, u8)>>,
    steps: Vec<HistoryStep>,
    selection: Selection,
}

impl World {
    fn new(first: usize, steps: Vec<HistoryStep>, selection: Selection) -> Self {
        let small = |n: usize| u8::try_from(n).unwrap();
        let dense = (0..first).map(|n| (small(n), (small(n * 3 % 200), small(n % 7))));
        let mut states = vec![dense.collect::<BTreeMap<_, _>>()];
        for (id, next) in &steps {
            let mut state = states[states.len() - 1].clone();
            match next {
                Some(row) => drop(state.insert(*id, *row)),
                None => drop(state.remove(id)),
            }
            states.push(state);
        }
        Self { states, steps, selection }
    }

    fn end(&self) -> usize {
        self.steps.len()
    }

    fn documents(&self, n: usize) -> BTreeMap<DocId, Fields> {
        self.states[n].iter().map(|(n, r)| (id(usize::from(*n)), row(*r))).collect()
    }

    /// The documents that match the selection.
    fn listed(&self, n: usize) -> BTreeMap<DocId, Fields> {
        let mut all = self.documents(n);
        all.retain(|_, row| self.selection.matches(Collection::Clients, row, &EvalContext::default()));
        all
    }

    fn snapshot(&self, position: usize, time: usize) -> Snapshot {
        let all = self.listed(time);
        let mut places: Vec<_> = all.iter().map(|(id, r)| (SortKey::of(Collection::Clients, id, r), id)).collect();
        places.sort();
        let fetched = Collection::Clients.fetched();
        let rows = places.iter().take(fetched).map(|(_, id)| Row { id: (*id).clone(), fields: all[*id].clone() });
        Snapshot {
            rows: rows.collect(),
            complete: places.len() <= fetched,
            total: (!self.selection.is_everything()).then_some(places.len()),
            selection: self.selection.clone(),
            ..empty(position, time)
        }
    }

    /// Builds a delta as a hub would: the newest frame may hold patches, a folded one holds rows.
    fn delta(&self, from: usize, to: usize, patches: bool) -> Delta {
        let mut changes = Vec::new();
        for n in from..to {
            let name = self.steps[n].0;
            let (before, after) = (self.states[n].get(&name), self.states[n + 1].get(&name));
            let op = match (before.copied().map(row), after.copied().map(row)) {
                (Some(b), Some(a)) if patches => {
                    let set = changed_fields(&b, &a).into_iter().map(|f| (f.clone(), a[&f].clone())).collect();
                    Op::Patch(set, vec![])
                }
                (_, Some(a)) => Op::Put(a),
                (_, None) => Op::Delete,
            };
            changes.push(Change { id: id(usize::from(name)), op });
        }
        Delta { changes: fold(changes), ..delta(from, to) }
    }
}

pub(super) fn empty(position: usize, time: usize) -> Snapshot {
    Snapshot::blank(Collection::Clients, at(position), ClusterTime(time as u64))
}

pub(super) fn delta(from: usize, to: usize) -> Delta {
    Delta {
        topic: Topic::Collection(Collection::Clients),
        from: at(from),
        to: at(to),
        ct: ClusterTime(to as u64),
        changes: Vec::new(),
        more: false,
    }
}

pub(super) fn active() -> Selection {
    Selection::default().with(FilterField::Status, Criterion::one_of(["ACTIVE"]))
}

/// A page: its list, and whether it must fetch again because the list is in doubt.
struct Page<'a> {
    world: &'a World,
    window: Window,
    doubt: bool,
}

impl Page<'_> {
    fn receive(&mut self, delta: Delta, to: usize) {
        match self.window.apply(delta) {
            Ok(applied) => self.doubt |= applied.uncertain,
            Err(Broken::Gap) => {
                let received = usize::try_from(self.window.received().seq.0).unwrap();
                self.receive(self.world.delta(received, to, false), to);
            }
            Err(Broken::Stale) => self.fetch(to.saturating_sub(3), to),
        }
    }

    fn fetch(&mut self, position: usize, time: usize) {
        self.window = Window::from(self.world.snapshot(position, time));
        self.doubt = false;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// List and total end as MongoDB has them, whatever came: snapshots older than the log's head, overlapping,
    /// conflated and lost frames, new snapshots. A page that is not in doubt need not fetch.
    #[test]
    fn a_list_ends_as_the_database_is(
        first in prop::sample::select(vec![0_usize, 60, 250]),
        steps in prop::collection::vec((0..255_u8, prop::option::weighted(0.8, (0..200_u8, 0..7_u8))), 1..120),
        cuts in prop::collection::vec((0..12_usize, 0..6_usize, any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.3)), 0..60),
        start in 0..100_usize, ahead in 0..8_usize,
        selection in prop::sample::select(vec![
            Selection::default(),
            active(),
            active().with(FilterField::Created, Criterion::Within(Period { from: date(40), to: date(120) })),
            active().with(FilterField::Client, Criterion::one_of(["C-1", "C-2"])),
        ]),
    ) {
        let world = World::new(first, steps, selection);
        let end = world.end();
        let start = start.min(end);
        let window = Window::from(world.snapshot(start, (start + ahead).min(end)));
        let mut page = Page { world: &world, window, doubt: false };
        let mut head = start;
        for (step, back, patches, lost, asks) in cuts {
            let to = (head + step).min(end);
            let from = head.saturating_sub(back);
            head = to;
            if lost || from >= to { continue; }
            page.receive(world.delta(from, to, patches), to);
            if page.doubt && asks {
                page.fetch(to.saturating_sub(1), to);
            }
        }
        let received = usize::try_from(page.window.received().seq.0).unwrap();
        if received < end {
            page.receive(world.delta(received, end, false), end);
        }
        if page.doubt {
            page.fetch(end, end);
        }
        let all = world.listed(end);
        let shown: Vec<DocId> = page.window.shown().cloned().collect();
        prop_assert_eq!(&shown, &shown_of(Collection::Clients, &all));
        for id in &shown {
            prop_assert_eq!(page.window.row(id), all.get(id));
        }
        prop_assert_eq!(page.window.total(), (!world.selection.is_everything()).then_some(all.len()));
        let again = Window::from(page.window.clone().into_snapshot(ClusterTime(end as u64)));
        prop_assert!(again.order == page.window.order && again.rows == page.window.rows, "written and read, it is the same");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// While a list is held still, it reports no existing document as deleted, reports a row as left only if it left,
    /// and counts each new row once, however rows come, go, move and push each other out.
    #[test]
    fn a_held_list_tells_what_became_of_its_rows(
        first in prop::sample::select(vec![10_usize, 60, 250]),
        steps in prop::collection::vec((0..255_u8, prop::option::weighted(0.7, (0..200_u8, 0..7_u8))), 1..120),
        drawn in 0..60_usize, fetched in prop::option::weighted(0.3, 0..60_usize),
        selection in prop::sample::select(vec![Selection::default(), active()]),
    ) {
        let world = World::new(first, steps, selection);
        let (end, drawn) = (world.end(), drawn.min(world.end()));
        let mut page = Page { world: &world, window: Window::from(world.snapshot(drawn, drawn)), doubt: false };
        let screen: Vec<DocId> = page.window.shown().cloned().collect();
        page.window.note_drawing(true);
        let mut was_fetched = false;
        for n in drawn..end {
            if page.window.apply(world.delta(n, n + 1, false)).is_err() || fetched == Some(n) {
                page.window.replace(world.snapshot(n + 1, n + 1));
                was_fetched = true;
            }
        }
        let (before, all, matching) = (world.listed(drawn), world.documents(end), world.listed(end));
        let (waiting, fates) = page.window.waiting();
        prop_assert_eq!(fates.len(), screen.len());
        for (id, fate) in screen.iter().zip(&fates) {
            match fate {
                Fate::Deleted => prop_assert!(!all.contains_key(id), "{id:?} exists"),
                Fate::Left if !was_fetched => prop_assert!(all.contains_key(id) && !matching.contains_key(id)),
                Fate::Left => prop_assert!(!page.window.shown().any(|shown| shown == id)),
                Fate::Stays | Fate::Moved | Fate::Pushed => prop_assert!(matching.contains_key(id)),
            }
        }
        let count = |fate| fates.iter().filter(|f| **f == fate).count();
        prop_assert_eq!((waiting.left, waiting.deleted), (count(Fate::Left), count(Fate::Deleted)));
        if before.len() <= Collection::Clients.shown() && matching.len() <= Collection::Clients.shown() {
            prop_assert_eq!(waiting.new, matching.keys().filter(|id| !before.contains_key(*id)).count());
            prop_assert_eq!(count(Fate::Pushed), 0);
        }
        page.window.note_drawing(true);
        let (waiting, fates) = page.window.waiting();
        prop_assert!(waiting == Waiting::default() && fates.iter().all(|fate| *fate == Fate::Stays));
    }
}

#[test]
fn rows_behind_the_horizon_do_not_stand_in_for_those_not_known() {
    let newest_first = |n: usize| row((u8::try_from(200 - n).unwrap(), 0));
    let rows = (0..Collection::Clients.fetched()).map(|n| Row { id: id(n), fields: newest_first(n) }).collect();
    let mut window = Window::from(Snapshot { rows, complete: false, ..empty(0, 0) });
    let behind = (100..160).map(|n| Change { id: id(n), op: Op::Put(newest_first(n)) });
    let gone = (0..26).map(|n| Change { id: id(n), op: Op::Delete });
    let behind = Delta { changes: behind.collect(), ..delta(0, 1) };
    assert!(!window.apply(behind).unwrap().moved, "what is behind is not shown");
    let gone = Delta { changes: gone.collect(), ..delta(1, 2) };
    assert_eq!(window.apply(gone), Err(Broken::Stale), "49 are known, 50 are shown");
}

#[test]
fn what_the_rows_hold_already_is_not_done_again() {
    let rows = vec![Row { id: id(1), fields: row((1, 9)) }];
    let mut window = Window::from(Snapshot { rows, ..empty(3, 7) });
    let older = |n: usize, op| Delta { changes: vec![Change { id: id(1), op }], ..delta(n - 1, n) };
    for op in [Op::Put(row((1, 4))), Op::Delete] {
        window.apply(older(4, op)).unwrap();
        assert_eq!(window.row(&id(1)), Some(&row((1, 9))), "a page never goes back");
    }
    let next = |n| Delta { from: at(4), ..older(n, Op::Put(row((1, 10)))) };
    assert_eq!(window.apply(older(8, Op::Delete)), Err(Broken::Gap));
    window.apply(next(8)).unwrap();
    window.apply(Delta { ct: ClusterTime(8), ..older(6, Op::Delete) }).unwrap();
    assert_eq!((window.received(), window.row(&id(1))), (at(8), Some(&row((1, 10)))), "what was received is dropped");
}

/// A page must not ask for rows when it can know that it has them all.
#[test]
fn a_list_that_has_all_is_in_doubt_only_where_a_row_may_come() {
    let rows = vec![Row { id: id(1), fields: row((1, 0)) }];
    let mut window = Window::from(Snapshot { rows, selection: active(), total: Some(1), ..empty(0, 0) });
    let mut n = 0;
    let mut apply = |name: usize, op: Op| {
        n += 1;
        let applied = window.apply(Delta { changes: vec![Change { id: id(name), op }], ..delta(n - 1, n) }).unwrap();
        (applied.uncertain, window.total().unwrap())
    };
    let patch = |fields: serde_json::Value| Op::Patch(serde_json::from_value(fields).unwrap(), Vec::new());
    assert_eq!(apply(2, Op::Put(row((2, 1)))), (false, 1), "one that does not match");
    assert_eq!(apply(2, patch(json!({"name": "x", "created_at": "2026-01-01T00:00:00Z"}))), (false, 1));
    assert_eq!(apply(2, patch(json!({"status": "odd"}))), (false, 1));
    assert_eq!(apply(2, Op::Delete), (false, 1));
    assert_eq!(apply(3, Op::Put(row((3, 0)))), (false, 2), "one that does");
    assert_eq!(apply(3, patch(json!({"status": "BLOCKED"}))), (false, 1), "and then does not");
    assert_eq!(apply(3, patch(json!({"status": "ACTIVE"}))), (true, 1), "and then does, but its row was let go");
    assert_eq!(apply(1, Op::Delete), (false, 0));
}

#[test]
fn the_total_of_a_list_that_has_not_all_is_exact_or_in_doubt() {
    let fetched = Collection::Clients.fetched();
    let rows = (0..fetched).map(|n| Row { id: id(n), fields: row((u8::try_from(200 - n).unwrap(), 0)) }).collect();
    let start = Snapshot { rows, complete: false, selection: active(), total: Some(100), ..empty(0, 0) };
    let mut window = Window::from(start);
    let mut n = 0;
    let mut apply = |name: usize, op: Op| {
        n += 1;
        let applied = window.apply(Delta { changes: vec![Change { id: id(name), op }], ..delta(n - 1, n) }).unwrap();
        (applied.uncertain, window.total().unwrap())
    };
    let patch = |fields: serde_json::Value| Op::Patch(serde_json::from_value(fields).unwrap(), Vec::new());
    assert_eq!(apply(3, patch(json!({"status": "BLOCKED"}))), (false, 99), "a known one leaves");
    assert_eq!(apply(4, Op::Delete), (false, 98), "another is gone");
    assert_eq!(apply(5, patch(json!({"created_at": date(1).to_string()}))), (false, 98), "one moves out of sight");
    assert_eq!(apply(90, patch(json!({"name": "x"}))), (false, 98), "an unseen one stays what it was");
    assert!(apply(90, patch(json!({"created_at": date(199).to_string()}))).0, "it may come into sight");
    assert!(apply(90, patch(json!({"status": "BLOCKED"}))).0, "it may have been counted");
    assert!(apply(90, patch(json!({"status": "ACTIVE"}))).0, "it may count now");
    assert!(apply(91, Op::Put(row((199, 1)))).0 && apply(92, Op::Put(row((199, 0)))).0 && apply(93, Op::Delete).0);
}

#[test]
fn stations_fall_silent_without_any_change() {
    let heard = |s: i64| UtcMs::from_seconds(s).to_string();
    let station = |status: &str, s| -> Fields {
        serde_json::from_value(json!({"name": status, "last_heartbeat_at": heard(s), "evses": [{"status": status}]}))
            .unwrap()
    };
    let selection = Selection::default().with(FilterField::Evse, Criterion::one_of(["OUTOFORDER"]));
    let context = |s| EvalContext { now: UtcMs::from_seconds(s), silent_after_s: 900, ..EvalContext::default() };
    let snapshot = Snapshot {
        topic: Collection::Stations,
        rows: vec![Row { id: id(1), fields: station("OUTOFORDER", 5000) }],
        selection,
        total: Some(1),
        context: context(5000),
        others: Some(vec![Row { id: id(2), fields: station("OUTOFORDER", 1) }]),
        unknown: None,
        ..empty(0, 0)
    };
    let mut window = Window::from(snapshot.clone());
    let shown = |window: &Window| window.shown().cloned().collect::<Vec<_>>();
    assert_eq!(shown(&window), [id(1)]);
    assert_eq!(window.tick(UtcMs::from_seconds(5030)), Applied::default(), "the minute is not over");
    let heartbeat = Op::Patch([("last_heartbeat_at".to_owned(), json!(heard(6000)))].into(), vec![]);
    let back = Delta { changes: vec![Change { id: id(2), op: heartbeat.clone() }], ..delta(0, 1) };
    let applied = window.apply(back).unwrap();
    assert_eq!((shown(&window), applied.uncertain), (vec![id(1), id(2)], false), "it was here, unseen");
    let other = Delta { changes: vec![Change { id: id(9), op: heartbeat }], ..delta(1, 2) };
    assert!(!window.apply(other).unwrap().uncertain, "a heartbeat breaks no EVSE");
    assert!(window.tick(UtcMs::from_seconds(6000)).moved);
    assert_eq!((shown(&window), window.total()), (vec![id(2)], Some(1)), "the first is silent by now");
    let again = Window::from(window.clone().into_snapshot(ClusterTime(2)));
    assert_eq!((shown(&again), again.rows.len()), (vec![id(2)], 2), "the silent one is kept, unseen");
    let mut many = Window::from(Snapshot { others: None, ..snapshot });
    assert!(many.tick(UtcMs::from_seconds(6000)).uncertain, "where not all are here, some may have come");
}

/// The server cuts what does not fit into a list, and a page cannot judge such a row again.
#[test]
fn a_row_whose_evses_were_cut_stays_until_new_rows_tell() {
    let station = |name: &str, evses: serde_json::Value| -> Fields {
        serde_json::from_value(json!({"name": name, "connection": "ONLINE", "evses": evses})).unwrap()
    };
    let minute = |n: i64| UtcMs::from_seconds(n * 60);
    let snapshot = Snapshot {
        topic: Collection::Stations,
        rows: vec![
            Row { id: id(1), fields: station("a", json!("…")) },
            Row { id: id(2), fields: station("b", json!("…")) },
        ],
        selection: Selection::default().with(FilterField::Evse, Criterion::one_of(["OUTOFORDER"])),
        total: Some(2),
        context: EvalContext { now: minute(1), silent_after_s: 900, ..EvalContext::default() },
        ..empty(0, 0)
    };
    let mut window = Window::from(snapshot);
    let listed = |window: &Window| (window.shown().cloned().collect::<Vec<_>>(), window.total());
    let both = (vec![id(1), id(2)], Some(2));
    let mut n = 0;
    let mut apply = |window: &mut Window, name: usize, op: Op| {
        n += 1;
        window.apply(Delta { changes: vec![Change { id: id(name), op }], ..delta(n - 1, n) }).unwrap().uncertain
    };
    let patch = |fields: serde_json::Value| Op::Patch(serde_json::from_value(fields).unwrap(), Vec::new());
    let heartbeat = minute(2).to_string();
    assert!(!apply(&mut window, 1, patch(json!({"last_heartbeat_at": heartbeat, "city": "Dundee"}))));
    assert_eq!(listed(&window), both, "a heartbeat breaks no EVSE and mends none");
    assert_eq!(window.row(&id(1)).unwrap()["city"], "Dundee", "what is known of it follows");
    assert!(apply(&mut window, 1, patch(json!({"connection": "OFFLINE"}))), "this may take it out of the list");
    assert!(window.tick(minute(3)).uncertain, "and so may the clock");
    assert_eq!(listed(&window), both);
    apply(&mut window, 1, patch(json!({"connection": "ONLINE", "evses": [{"status": "AVAILABLE"}]})));
    assert_eq!(listed(&window), (vec![id(2)], Some(1)), "all of it is known now");
    apply(&mut window, 2, Op::Put(station("c", json!([{"status": "OUTOFORDER"}]))));
    assert_eq!(listed(&window), (vec![id(2)], Some(1)));
    apply(&mut window, 2, Op::Put(station("c", json!("…"))));
    assert_eq!(listed(&window), (Vec::new(), Some(0)), "a document that has a text there has no EVSE");
}

#[test]
fn sessions_come_to_run_long_without_any_change() {
    let quarter = |n: i64| UtcMs::parse("2026-01-01T00:00:00Z").unwrap().after(n * 900_000);
    let session = |started: i64| -> Fields {
        let started = quarter(started).to_string();
        serde_json::from_value(json!({"status": "ACTIVE", "start_date_time": started})).unwrap()
    };
    let selection = Selection::default()
        .with(FilterField::Running, Criterion::For(8))
        .with(FilterField::Status, Criterion::one_of(["ACTIVE"]));
    let snapshot = Snapshot {
        topic: Collection::ChargingSessions,
        rows: vec![Row { id: id(1), fields: session(60) }],
        selection,
        total: Some(1),
        context: EvalContext { now: quarter(100), ..EvalContext::default() },
        others: Some(vec![Row { id: id(2), fields: session(80) }]),
        unknown: None,
        ..empty(0, 0)
    };
    let mut window = Window::from(snapshot);
    let shown = |window: &Window| window.shown().cloned().collect::<Vec<_>>();
    assert_eq!(shown(&window), [id(1)]);
    let begins = Delta { changes: vec![Change { id: id(3), op: Op::Put(session(100)) }], ..delta(0, 1) };
    assert!(!window.apply(begins).unwrap().uncertain, "it has only just begun");
    window.tick(quarter(112));
    assert_eq!(shown(&window), [id(1)], "after eight hours to the quarter of an hour, and not before");
    assert!(window.tick(quarter(113)).moved);
    assert_eq!((shown(&window), window.total()), (vec![id(2), id(1)], Some(2)));
    let ends = Op::Patch([("status".to_owned(), json!("COMPLETED"))].into(), vec![]);
    let applied = window.apply(Delta { changes: vec![Change { id: id(1), op: ends }], ..delta(1, 2) }).unwrap();
    assert_eq!((shown(&window), applied.uncertain), (vec![id(2)], false));
    window.tick(quarter(133));
    assert_eq!(shown(&window), [id(3), id(2)]);
}
