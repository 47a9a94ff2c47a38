//! `simulate --replay`: an imported day happens again. A pure state machine yields the writes that a running network
//! would make for that day's sessions: it inserts each one as it starts, meters it while it runs, and ends it as it
//! ended.
//!
//! Events wait in a queue by simulated time. One step takes the earliest and yields its writes, which belong together
//! and are written all or none. So what the database holds of a copy shows how far it has come, and a stopped replay
//! continues there. Nothing depends on a clock, the database or chance, so the same input gives the same writes.
//!
//! | file | owns |
//! |---|---|
//! | `day` | which day, moved to where |
//! | `load` | reads the day and the network from a database |
//! | `copies` | the documents |

mod copies;
mod day;
mod load;

pub use day::ReplayDay;
pub use load::load;

use std::collections::{BTreeMap, BTreeSet};

use mongodb::bson::{Bson, Document, doc};

use self::{copies::Session, day::Shift};
use super::{
    date,
    ledger::Ledger,
    world::{DocumentWrite, EvseIndex, SimulatedStation, WriteOperation, count, evse_fields},
};
use crate::domain::{
    collections::Collection,
    status::{EvseStatus, SessionStatus},
};

const METER_EVERY: i64 = 60_000;
const BEAT_EVERY: i64 = 90_000;
/// Above this speed, in simulated seconds per second, meters are read and heartbeats sent in proportion less often.
const FULL_RATE: f64 = 60.0;

/// The input of a replay.
#[derive(Debug)]
pub struct Input {
    pub shift: Shift,
    /// In the order of their starts, with what the database holds of their copies.
    pub sessions: Vec<(Session, CopyState)>,
    pub stations: Vec<SimulatedStation>,
    /// How many sessions are ACTIVE on an EVSE, copies included.
    pub in_use: BTreeMap<EvseIndex, usize>,
    pub ledger: Ledger,
}

/// What the database holds of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    Nothing,
    /// The copy runs; its last meter reading was at this instant.
    Until(i64),
    All,
}

/// Events of the same instant happen in this order, so that a session that ends makes room for one that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ReplayEvent {
    End(usize),
    Meter(usize),
    Start(usize),
    Beat(usize),
}

#[derive(Debug)]
pub struct Replay {
    now: i64,
    queue: BTreeSet<(i64, ReplayEvent)>,
    sessions: Vec<Session>,
    stations: Vec<SimulatedStation>,
    in_use: BTreeMap<EvseIndex, usize>,
    ledger: Ledger,
    /// Sessions that still have something to be written.
    left: usize,
    pace: Speed,
    writes: Vec<DocumentWrite>,
}

impl Replay {
    /// `speed` and `now` decide only how often meters are read and heartbeats sent.
    pub fn new(input: Input, speed: f64, now: i64) -> Self {
        let mut replay = Self {
            now,
            queue: BTreeSet::new(),
            sessions: Vec::new(),
            stations: input.stations,
            in_use: input.in_use,
            ledger: input.ledger,
            left: 0,
            pace: Speed { thin: 1, caught_up: now },
            writes: Vec::new(),
        };
        let first = input.sessions.iter().filter_map(|(session, done)| match done {
            CopyState::Nothing => Some(session.start),
            CopyState::Until(last) => Some(*last),
            CopyState::All => None,
        });
        let Some(begin) = first.min() else { return replay };
        replay.now = begin;
        replay.pace = Speed::new(speed, begin, now);
        for (number, (session, done)) in input.sessions.into_iter().enumerate() {
            let start = session.start;
            replay.sessions.push(session);
            match done {
                CopyState::Nothing => replay.schedule(start, ReplayEvent::Start(number)),
                CopyState::Until(last) => replay.goes_on(number, last),
                CopyState::All => continue,
            }
            replay.left += 1;
        }
        for station in 0..replay.stations.len() {
            if replay.stations[station].speaks {
                replay.schedule(begin + phase(BEAT_EVERY, station), ReplayEvent::Beat(station));
            }
        }
        replay
    }

    /// When the first step happens, ms since 1970; `None` if everything is written already.
    pub fn begin(&self) -> Option<i64> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The next event: when it happens and what it writes. `None` when all sessions are written.
    pub fn step(&mut self) -> Option<(i64, Vec<DocumentWrite>)> {
        if self.left == 0 {
            return None;
        }
        let (at, event) = self.queue.pop_first()?;
        self.now = at;
        match event {
            ReplayEvent::Start(session) => self.start(session),
            ReplayEvent::Meter(session) => self.meter(session),
            ReplayEvent::End(session) => self.end(session),
            ReplayEvent::Beat(station) => self.beat(station),
        }
        Some((at, std::mem::take(&mut self.writes)))
    }

    fn start(&mut self, number: usize) {
        let session = &self.sessions[number];
        let (at, charges, ends) = (session.at, session.charges(), session.end.is_some());
        let document = session.started();
        self.insert(Collection::ChargingSessions, document);
        if let Some(at) = at.filter(|_| charges) {
            *self.in_use.entry(at).or_default() += 1;
            self.set_evse(at, EvseStatus::Charging, "Charging");
        }
        if ends {
            self.goes_on(number, self.now);
        } else {
            self.left -= 1;
        }
    }

    fn goes_on(&mut self, number: usize, last: i64) {
        let session = &self.sessions[number];
        let Some(end) = session.end else { return };
        let metered = session.energy.is_some();
        self.schedule(end, ReplayEvent::End(number));
        let next = last + METER_EVERY - phase(METER_EVERY, number);
        if metered && next < end {
            self.schedule(next, ReplayEvent::Meter(number));
        }
    }

    fn meter(&mut self, number: usize) {
        let session = &self.sessions[number];
        let (id, end) = (session.id(), session.end);
        if let Some(fields) = session.metered(self.now) {
            self.set(Collection::ChargingSessions, id.into(), fields);
        }
        let next = self.pace.next(self.now, METER_EVERY, number);
        if end.is_some_and(|end| next < end) {
            self.schedule(next, ReplayEvent::Meter(number));
        }
    }

    fn end(&mut self, number: usize) {
        let session = &self.sessions[number];
        let (id, at, energy, status) = (session.id(), session.at, session.energy, session.status());
        let (fields, payment) = (session.ended(self.now), session.paid(self.now));
        self.set(Collection::ChargingSessions, id.into(), fields);
        if let Some(payment) = payment {
            self.insert(Collection::Payments, payment);
        }
        if let Some(at) = at {
            self.leave(at);
        }
        if let Some(energy) = energy.filter(|_| status == SessionStatus::Completed) {
            self.writes.extend(count(&mut self.ledger, self.now, energy));
        }
        self.left -= 1;
    }

    /// Frees the EVSE once no session is on it. In real exports sessions on one EVSE overlap, and some never end.
    fn leave(&mut self, at: EvseIndex) {
        let others = self.in_use.get(&at).copied().unwrap_or(0).saturating_sub(1);
        self.in_use.insert(at, others);
        if others == 0 {
            self.set_evse(at, EvseStatus::Available, "Available");
        }
    }

    fn beat(&mut self, station: usize) {
        let (id, now) = (self.stations[station].id.clone(), date(self.now));
        self.set(Collection::Stations, id, doc! { "last_heartbeat_at": now.clone(), "last_updated": now });
        let next = self.pace.next(self.now, BEAT_EVERY, station);
        self.schedule(next, ReplayEvent::Beat(station));
    }

    fn set_evse(&mut self, at: EvseIndex, status: EvseStatus, ocpp_status: &str) {
        let station = &mut self.stations[at.station];
        let fields = evse_fields(at.evse, &mut station.evses[at.evse], status, ocpp_status, "NoError", self.now);
        let id = station.id.clone();
        self.set(Collection::Stations, id, fields);
    }

    fn schedule(&mut self, at: i64, event: ReplayEvent) {
        self.queue.insert((at, event));
    }

    fn insert(&mut self, collection: Collection, document: Document) {
        let id = document.get("_id").cloned().unwrap_or_default();
        self.writes.push(DocumentWrite { collection, id, change: WriteOperation::Insert(document) });
    }

    fn set(&mut self, collection: Collection, id: Bson, fields: Document) {
        self.writes.push(DocumentWrite { collection, id, change: WriteOperation::Set(fields) });
    }
}

/// How often repeated events happen. A fast replay would write thousands of meter values a second that nobody can
/// see. Once it has caught up with the present, everything happens as often as in real life.
#[derive(Debug)]
struct Speed {
    thin: i64,
    /// The instant at which simulated time meets real time.
    caught_up: i64,
}

impl Speed {
    fn new(speed: f64, begin: i64, now: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "days in ms")]
        let behind = (now - begin).max(0) as f64;
        // At speed 1 it never catches up. Then this is infinite, and the cast yields the last instant there is.
        #[expect(clippy::cast_possible_truncation, reason = "days in ms, and ratios up to 60")]
        let (meets, thin) = ((behind / (speed - 1.0)) as i64, (speed / FULL_RATE).max(1.0) as i64);
        Self { thin, caught_up: now.max(begin).saturating_add(meets) }
    }

    /// When an event that happens every `ms` happens next. `number` spreads events that would else meet at one
    /// instant.
    fn next(&self, now: i64, ms: i64, number: usize) -> i64 {
        if now >= self.caught_up {
            return now + ms;
        }
        (now + ms * self.thin).min(self.caught_up.saturating_add(phase(ms, number)))
    }
}

/// A share of `ms`, which depends on `number`.
fn phase(ms: i64, number: usize) -> i64 {
    ms / 30 * i64::try_from(number % 30).unwrap_or(0)
}

#[cfg(test)]
mod tests;
