//! Random histories of the protocol, from the log to a page's rows, over two instances. Changes are written, cut,
//! lost, trimmed, rolled back, cached and fetched in any order. The page's list and its place in the protocol are the
//! browser's own code.
//!
//! The page asks for nothing anew unless a frame was lost. At every position its rows are MongoDB's at that
//! position's cluster time, or at the later time at which they were read. When all is quiet they are MongoDB's.
//!
//! Long, because a step, what it may do and what must hold after it only make sense side by side.

mod database;

use std::collections::VecDeque;

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use self::database::{Database, Log, OF, Rows};
use super::{
    Form, Since,
    frames::text,
    state::{HubState, since},
};
use crate::{
    domain::{
        ids::DocId,
        protocol::{
            follow::Follow,
            frame::{Delta, Frame},
            log::Entry,
            position::{ClusterTime, Epoch, Position, Seq},
            snapshot::{Snapshot, is_current},
            topic::Topic,
            window::{Broken, Window, shown_of},
        },
    },
    server::redis::log::before,
};

type Checked = Result<(), TestCaseError>;

/// What happens next. Instances are 0 and 1; other numbers say how much.
#[derive(Clone, Debug)]
enum HubStep {
    /// Writes documents, each with what becomes of it, in one transaction or one by one.
    Write(Vec<(u8, u8)>, bool),
    /// The collection is replaced at once.
    Replace(u8),
    Append(usize),
    /// A document is written, and the change goes the whole way to the page unless something holds it up.
    Arrive(u8),
    /// The oldest Pub/Sub message arrives; `Lose` drops it.
    Deliver(usize),
    Lose(usize),
    /// A round begins, or ends.
    Round(usize, bool),
    /// An instance asks for the log's last id.
    Check(usize),
    Restart(usize),
    Trim(usize),
    /// Redis fails over to a replica that lacks the last entries.
    RollBack(usize),
    /// A new epoch begins, with the state of so many events ago.
    NewEpoch(usize),
    /// Redis fails over to a replica that has not even heard of the epoch.
    OldEpoch,
    /// The server reads what the page sent. `Flush` sends what is new, and `Progress` says that nothing is.
    Hear,
    Flush,
    Progress,
    Receive(usize),
    LoseFrame,
    Paint,
    Connect(usize),
    Disconnect,
    Hide(bool),
    /// Rows are read for another page, at a time so many events ago.
    Read(usize, usize),
    /// The rows arrive that a reset made the page ask for. They were read so many events ago.
    Fetched(usize, usize),
    /// Rows arrive for a list that is followed but was in doubt.
    Refreshed(usize, usize),
}

fn step() -> impl Strategy<Value = HubStep> {
    use HubStep::*;
    let instance = || 0..2_usize;
    prop_oneof![
        12 => (prop::collection::vec((0..9_u8, any::<u8>()), 1..5), any::<bool>()).prop_map(|(w, txn)| Write(w, txn)),
        1 => any::<u8>().prop_map(Replace),
        14 => (1..6_usize).prop_map(Append),
        20 => any::<u8>().prop_map(Arrive),
        14 => instance().prop_map(Deliver),
        3 => instance().prop_map(Lose),
        3 => (instance(), prop::bool::weighted(0.3)).prop_map(|(i, begins)| Round(i, begins)),
        4 => instance().prop_map(Check),
        1 => instance().prop_map(Restart),
        1 => (1..4_usize).prop_map(Trim),
        1 => (1..4_usize).prop_map(RollBack),
        1 => (0..6_usize).prop_map(NewEpoch),
        1 => Just(OldEpoch),
        10 => Just(Hear),
        14 => Just(Flush),
        2 => Just(Progress),
        14 => (1..4_usize).prop_map(Receive),
        2 => Just(LoseFrame),
        12 => Just(Paint),
        3 => instance().prop_map(Connect),
        1 => Just(Disconnect),
        2 => prop::bool::weighted(0.25).prop_map(Hide),
        2 => (instance(), 0..6_usize).prop_map(|(i, lag)| Read(i, lag)),
        8 => (instance(), 0..6_usize).prop_map(|(i, lag)| Fetched(i, lag)),
        3 => (instance(), 0..6_usize).prop_map(|(i, lag)| Refreshed(i, lag)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<HubStep>> {
    prop::collection::vec(step(), 1..160)
}

enum SocketMessage {
    Subscribed(u32),
    Delta(Delta),
    Reset(Position),
}

/// A socket: what is under way in both directions, and the server's cursor.
struct Socket {
    instance: usize,
    cursor: Option<Position>,
    hidden: bool,
    up: VecDeque<(u32, Position)>,
    down: VecDeque<SocketMessage>,
}

struct Page {
    window: Window,
    /// When the rows were read.
    floor: ClusterTime,
    follow: Follow,
    min_position: Option<Position>,
    socket: Option<Socket>,
    rid: u32,
}

struct World {
    database: Database,
    log: Log,
    /// The log before the epoch. `bases` holds where each epoch's numbers begin.
    older: Option<Log>,
    bases: Vec<usize>,
    instances: [HubState; 2],
    published: [VecDeque<Entry>; 2],
    cached: Option<Snapshot>,
    page: Page,
    /// Whether a frame was lost.
    lost: bool,
}

impl World {
    fn new() -> Self {
        let mut database = Database { states: vec![Rows::new()], records: Vec::new(), whole: vec![true] };
        database.write((0..9).map(|name| (name, 4)).collect(), true);
        let log = Log::opened(Epoch(0), database.end(), database.ct(database.end()));
        let snapshot = database.snapshot(Position::new(Epoch(0), Seq(0)), database.end());
        let page = Page {
            floor: snapshot.ct,
            window: Window::from(snapshot),
            follow: Follow::default(),
            min_position: None,
            socket: None,
            rid: 0,
        };
        let bases = vec![log.base];
        let mut world = Self {
            database,
            log,
            older: None,
            bases,
            instances: Default::default(),
            published: Default::default(),
            cached: None,
            page,
            lost: false,
        };
        (0..2).for_each(|instance| world.catch_up(instance));
        for step in [HubStep::Connect(0), HubStep::Hear, HubStep::Receive(1)] {
            world.step(step).expect("nothing was written");
        }
        world
    }

    fn step(&mut self, step: HubStep) -> Checked {
        match step {
            HubStep::Write(writes, txn) => self.database.write(writes, txn),
            HubStep::Replace(with) => self.database.replace(with),
            HubStep::Append(most) => {
                let entry = self.log.append(&self.database, most);
                self.published.iter_mut().for_each(|published| published.extend(entry.clone()));
            }
            HubStep::Arrive(what) => {
                use HubStep::{Append, Deliver, Flush, Hear, Receive};
                self.database.write(vec![(what % 9, what)], false);
                let ways = [Append(2), Deliver(0), Deliver(1), Hear, Flush, Receive(2)];
                ways.into_iter().try_for_each(|step| self.step(step))?;
                return self.paint();
            }
            HubStep::Deliver(i) => {
                if let Some(entry) = self.published[i].pop_front()
                    && self.instances[i].take(entry) == super::state::Intake::Gap
                {
                    self.catch_up(i);
                }
                self.instances[i].advance();
            }
            HubStep::Round(i, begins) => {
                self.instances[i].serving = begins;
                self.instances[i].advance();
            }
            HubStep::Lose(i) => drop(self.published[i].pop_front()),
            HubStep::Check(i) => {
                if self.instances[i].lacks(self.log.last().position()) {
                    self.catch_up(i);
                }
            }
            HubStep::Restart(i) => {
                self.instances[i] = HubState::default();
                self.published[i].clear();
                if self.page.socket.take_if(|socket| socket.instance == i).is_some() {
                    self.page.follow.hang_up();
                }
                self.catch_up(i);
            }
            HubStep::Trim(keep) => drop(self.log.entries.drain(..self.log.entries.len().saturating_sub(keep))),
            HubStep::RollBack(most) => self.log.entries.truncate(self.log.entries.len().saturating_sub(most).max(1)),
            HubStep::NewEpoch(back) => {
                let (epoch, base) = (Epoch(self.bases.len() as u64), self.database.whole_before(back));
                self.bases.push(base);
                let new = Log::opened(epoch, base, self.database.ct(base));
                self.older = Some(std::mem::replace(&mut self.log, new));
            }
            HubStep::OldEpoch => self.log = self.older.take().unwrap_or_else(|| self.log.clone()),
            HubStep::Hear => self.hear(),
            HubStep::Flush => self.flush(),
            HubStep::Progress => self.progress(),
            HubStep::Receive(most) => (0..most).for_each(|_| self.receive()),
            HubStep::LoseFrame => self.lose_frame(),
            HubStep::Paint => return self.paint(),
            HubStep::Connect(i) => {
                self.paint()?;
                self.page.follow.hang_up();
                let (up, down) = Default::default();
                self.page.socket = Some(Socket { instance: i, cursor: None, hidden: false, up, down });
                self.subscribe();
            }
            HubStep::Disconnect => {
                self.paint()?;
                self.page.socket = None;
                self.page.follow.hang_up();
            }
            HubStep::Hide(hidden) => {
                if let Some(socket) = &mut self.page.socket {
                    socket.hidden = hidden;
                }
            }
            HubStep::Read(i, lag) => drop(self.read(i, lag)),
            HubStep::Fetched(i, lag) if self.page.follow.is_fetching() => self.fetched(i, lag),
            HubStep::Refreshed(i, lag) if self.page.follow.is_live() => self.fetched(i, lag),
            HubStep::Fetched(..) | HubStep::Refreshed(..) => {}
        }
        Ok(())
    }

    /// Reads the log as the hub's tail does.
    fn catch_up(&mut self, i: usize) {
        let state = &mut self.instances[i];
        let mut from = state.reads_after(self.log.last().position());
        loop {
            let page = self.log.after(from);
            let Some(first) = page.first() else { return };
            if !from.is_some_and(|tail| first.epoch == tail.epoch && before(first) <= tail.seq) {
                state.begin(first);
                if from.take().is_some() {
                    continue;
                }
            }
            for entry in page {
                from = Some(entry.position());
                state.take(entry);
                state.advance();
            }
        }
    }

    fn hear(&mut self) {
        if let Some(socket) = &mut self.page.socket
            && let Some((rid, position)) = socket.up.pop_front()
        {
            socket.cursor = Some(position);
            socket.down.push_back(SocketMessage::Subscribed(rid));
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some(socket) = self.page.socket.as_mut().filter(|socket| !socket.hidden) else { return };
        let Some(cursor) = socket.cursor else { return };
        match since(|| &self.instances[socket.instance], OF, cursor) {
            Since::Current => {}
            Since::Frames(shared) => {
                for bytes in shared.encoded(Form::Compact) {
                    let Ok(Frame::Delta(delta)) = Frame::read(text(bytes)) else { panic!("no delta") };
                    socket.down.push_back(SocketMessage::Delta(delta));
                }
                socket.cursor = Some(shared.to);
            }
            Since::Reset { min_position, .. } => {
                socket.cursor = None;
                socket.down.push_back(SocketMessage::Reset(min_position));
            }
        }
    }

    fn progress(&mut self) {
        let Some(socket) = self.page.socket.as_mut().filter(|socket| !socket.hidden) else { return };
        let state = &self.instances[socket.instance];
        if let (Some(from), Some(to)) = (socket.cursor, state.head())
            && from.epoch == to.epoch
            && from < to
            && matches!(since(|| state, OF, from), Since::Current)
        {
            let delta =
                Delta { topic: Topic::Collection(OF), from, to, ct: state.ct, changes: Vec::new(), more: false };
            socket.down.push_back(SocketMessage::Delta(delta));
            socket.cursor = Some(to);
        }
    }

    fn receive(&mut self) {
        match self.page.socket.as_mut().and_then(|socket| socket.down.pop_front()) {
            None => {}
            Some(SocketMessage::Subscribed(rid)) => self.page.follow.confirm(rid, Position::default()),
            Some(SocketMessage::Delta(delta)) => drop(self.page.follow.receive(&delta)),
            Some(SocketMessage::Reset(min_position)) => self.fetch(Some(min_position)),
        }
    }

    /// Loses the oldest delta under way, with all its parts.
    fn lose_frame(&mut self) {
        let Some(socket) = &mut self.page.socket else { return };
        while let Some(SocketMessage::Delta(delta)) = socket.down.front() {
            let more = delta.more;
            self.lost = true;
            socket.down.pop_front();
            if !more {
                return;
            }
        }
    }

    fn fetch(&mut self, min_position: Option<Position>) {
        if self.page.follow.fetch() {
            self.page.min_position = min_position;
        }
    }

    fn subscribe(&mut self) {
        let page = &mut self.page;
        if let Some(socket) = page.socket.as_mut().filter(|_| page.follow.is_waiting()) {
            page.rid += 1;
            page.follow.ask(page.rid);
            socket.up.push_back((page.rid, page.window.received()));
        }
    }

    fn paint(&mut self) -> Checked {
        for delta in self.page.follow.take() {
            match self.page.window.apply(delta) {
                Ok(_) => self.check()?,
                Err(Broken::Gap) => {
                    prop_assert!(self.lost, "asked anew although nothing was lost");
                    self.page.follow.wait();
                    self.subscribe();
                    break;
                }
                Err(Broken::Stale) => {
                    self.fetch(None);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Checks that the page's rows are those at its position, or at the later time at which they were read.
    fn check(&self) -> Checked {
        let Position { epoch, seq } = self.page.window.received();
        let n = self.bases[usize::try_from(epoch.0).unwrap()] + usize::try_from(seq.0).unwrap();
        let n = n.max(self.database.at(self.page.floor));
        prop_assert!(self.database.whole[n], "half a transaction is shown");
        self.equals(n)
    }

    fn equals(&self, n: usize) -> Checked {
        let (window, rows) = (&self.page.window, &self.database.states[n]);
        let shown: Vec<DocId> = window.shown().cloned().collect();
        prop_assert_eq!(&shown, &shown_of(OF, rows), "after {} events", n);
        for id in &shown {
            prop_assert!(window.row(id) == rows.get(id), "document {} after {} events", id.0, n);
        }
        Ok(())
    }

    /// Reads rows at a time some events ago, if that is good enough, and caches them.
    fn read(&mut self, i: usize, lag: usize) -> Option<Snapshot> {
        let state = &self.instances[i];
        let (position, reached) = (state.head()?, state.ct);
        let n = self.database.whole_before(lag);
        if !is_current(self.database.ct(n), reached) {
            return None;
        }
        let snapshot = self.database.snapshot(position, n);
        // The cache is kept per epoch, and never replaces a newer snapshot.
        if self.cached.as_ref().is_none_or(|cached| cached.position < position) {
            self.cached = Some(snapshot.clone());
        }
        Some(snapshot)
    }

    /// Brings the cache's rows up to the hub's head, as the server does.
    fn bring_up(&self, i: usize, snapshot: Snapshot) -> Option<Snapshot> {
        let state = &self.instances[i];
        let delta = state.catch_up(OF, snapshot.position)?.delta();
        let floor = snapshot.ct;
        let mut window = Window::from(snapshot);
        window.apply(delta).ok()?;
        Some(window.into_snapshot(floor.max(state.ct)))
    }

    fn fetched(&mut self, i: usize, lag: usize) {
        let min_position = self.page.min_position.take();
        let min = |snapshot: &&Snapshot| {
            min_position.is_none_or(|min| min.epoch == snapshot.position.epoch && min <= snapshot.position)
        };
        let cached = self.cached.as_ref().filter(min).cloned().and_then(|cached| self.bring_up(i, cached));
        let fetched = cached.or_else(|| {
            let read = self.read(i, lag)?;
            Some(self.bring_up(i, read.clone()).unwrap_or(read))
        });
        let Some(snapshot) = fetched else {
            self.page.min_position = min_position;
            return;
        };
        self.page.floor = snapshot.ct;
        self.page.window.replace(snapshot);
        self.page.follow.wait();
        self.subscribe();
    }

    /// Writes one more change, by which a lost frame shows. Then nothing is written any more, and Pub/Sub is silent.
    fn settle(&mut self) -> Checked {
        self.database.write(vec![(8, 4)], false);
        while self.log.append(&self.database, 4).is_some() {}
        for i in 0..2 {
            self.instances[i].serving = false;
            self.step(HubStep::Check(i))?;
            self.instances[i].advance();
        }
        self.step(HubStep::Hide(false))?;
        if self.page.socket.is_none() {
            self.step(HubStep::Connect(0))?;
        }
        for _ in 0..12 {
            for step in [HubStep::Hear, HubStep::Flush, HubStep::Progress, HubStep::Receive(100), HubStep::Paint] {
                self.step(step)?;
            }
            let instance = self.page.socket.as_ref().map_or(0, |socket| socket.instance);
            self.step(HubStep::Fetched(instance, 0))?;
        }
        self.check()?;
        self.equals(self.database.end())
    }
}

fn history(steps: Vec<HubStep>) -> Checked {
    let mut world = World::new();
    steps.into_iter().try_for_each(|step| world.step(step))?;
    world.settle()
}

/// Whether one of `cases` histories ends wrong. The histories are the same in every run.
pub fn goes_wrong(cases: u32) -> bool {
    let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 0, ..Default::default() };
    let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let run = TestRunner::new_with_rng(config, same).run(&steps(), history);
    matches!(run, Err(TestError::Fail(..)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, max_shrink_iters: 2000, ..Default::default() })]
    #[test]
    fn pages_are_what_the_database_was_and_end_as_it_is(steps in steps()) {
        history(steps)?;
    }
}
