//! A running network, simulated: a pure state machine that yields the writes that an operator's systems would make.
//!
//! Events wait in a queue by simulated time. One step takes the earliest, changes the state and yields its writes.
//! All randomness comes from one seeded generator, and nothing depends on a real clock or on the database. So the
//! same seed, start state and start instant give the same sequence of writes.
//!
//! | file | owns |
//! |---|---|
//! | `state` | stations, drivers, running sessions, open payments |
//! | `sessions` | arriving, charging, metering, leaving |
//! | `endings` | what a session leaves behind |
//! | `payments` | from PENDING to the money, or not |
//! | `stations` | heartbeats, silence, faults |
//! | `load` | reads the start state from a database |
//! | `write` | what comes out |

mod endings;
mod load;
mod payments;
mod sessions;
mod state;
mod stations;
mod write;

pub use endings::count;
pub use load::{INVENTED, find, int, ledger, load, millis, places, stations, text};
pub use payments::{DECLINED, tariff};
pub use sessions::{CarDemand, car_demand, hour_of_arrival};
pub use state::{Driver, EvseIndex, NextNumbers, SimulatedEvse, SimulatedStation, WorldStart};
pub use stations::evse_fields;
pub use write::{DocumentWrite, InMemoryDatabase, WriteOperation};

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document, doc};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use self::state::{OpenPayment, Running};
use super::{date, ledger::Ledger};
use crate::domain::{collections::Collection, status::EvseStatus};

#[derive(Clone, Copy, Debug)]
pub struct WorldSettings {
    /// `source.dataset` of new documents.
    pub dataset: &'static str,
    pub seed: u64,
    /// Milliseconds since 1970.
    pub start: i64,
    /// Writes per simulated second. Meter values fill up what other events leave.
    pub writes_per_s: f64,
    /// How many sessions should run at a time, on the average of a day.
    pub active: f64,
    /// Whether fewer drivers come at night.
    pub nights: bool,
    /// Mean time between two new clients, ms.
    pub join_every: i64,
}

#[derive(Clone, Copy, Debug)]
enum WorldEvent {
    /// Time for one more write.
    Tick,
    Beat(usize),
    GoOffline(usize),
    Speak(usize),
    Trouble,
    Recover(EvseIndex),
    Arrive,
    Charge(i64),
    Full(i64),
    Unplug(i64),
    Abort(i64),
    Settle(i64),
    Join,
}

#[derive(Debug)]
pub struct World {
    settings: WorldSettings,
    now: i64,
    rng: ChaCha8Rng,
    queue: BTreeMap<(i64, u64), WorldEvent>,
    /// Number of events ever scheduled. With it two events at the same instant keep their order.
    scheduled: u64,
    stations: Vec<SimulatedStation>,
    drivers: Vec<Driver>,
    country_code: String,
    running: BTreeMap<i64, Running>,
    payments: BTreeMap<i64, OpenPayment>,
    ledger: Ledger,
    next: NextNumbers,
    ticks: u64,
    /// Writes that the rate allows and no event has made yet.
    credit: i64,
    /// The session metered last.
    metered: i64,
    writes: Vec<DocumentWrite>,
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

impl World {
    pub fn new(settings: WorldSettings, start: WorldStart) -> Self {
        let mut world = Self {
            settings,
            now: settings.start,
            rng: ChaCha8Rng::seed_from_u64(settings.seed),
            queue: BTreeMap::new(),
            scheduled: 0,
            stations: start.stations,
            drivers: start.drivers,
            country_code: start.country_code,
            running: BTreeMap::new(),
            payments: BTreeMap::new(),
            ledger: start.ledger,
            next: start.next,
            ticks: 0,
            credit: 0,
            metered: 0,
            writes: Vec::new(),
        };
        world.begin(start.running, start.stale, start.payments);
        world
    }

    /// The next event: when it happens (ms since 1970) and what it writes, which may be nothing.
    pub fn step(&mut self) -> (i64, Vec<DocumentWrite>) {
        if let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.handle(event);
        }
        (self.now, std::mem::take(&mut self.writes))
    }

    fn begin(&mut self, running: Vec<Running>, stale: Vec<EvseIndex>, payments: Vec<OpenPayment>) {
        self.begin_stations();
        for at in stale {
            self.after(SECOND, WorldEvent::Recover(at));
        }
        for session in running {
            self.carry_on(session);
        }
        for payment in payments {
            self.carry_on_payment(payment);
        }
        self.after(SECOND, WorldEvent::Arrive);
        let (trouble, join) = (self.exponential(4 * MINUTE), self.exponential(self.settings.join_every));
        self.after(trouble, WorldEvent::Trouble);
        self.after(join, WorldEvent::Join);
        self.after(0, WorldEvent::Tick);
    }

    fn handle(&mut self, event: WorldEvent) {
        match event {
            WorldEvent::Tick => self.tick(),
            WorldEvent::Beat(station) => self.beat(station),
            WorldEvent::GoOffline(station) => self.go_offline(station),
            WorldEvent::Speak(station) => self.speak(station),
            WorldEvent::Trouble => self.trouble(),
            WorldEvent::Recover(at) => self.recover(at),
            WorldEvent::Arrive => self.arrive(),
            WorldEvent::Charge(session) => self.charge(session),
            WorldEvent::Full(session) => self.full(session),
            WorldEvent::Unplug(session) => self.unplug(session),
            WorldEvent::Abort(session) => self.abort(session),
            WorldEvent::Settle(payment) => self.settle(payment),
            WorldEvent::Join => self.join(),
        }
    }

    /// Keeps the rate: reads a meter if no other event has made this tick's write.
    fn tick(&mut self) {
        self.credit = (self.credit + 1).clamp(-20, 2);
        if self.credit > 0 {
            self.meter_next();
        }
        self.ticks += 1;
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "ticks stay far below 2^53")]
        let at = self.settings.start + (self.ticks as f64 * 1000.0 / self.settings.writes_per_s) as i64;
        self.schedule(at, WorldEvent::Tick);
    }

    /// A new client signs up.
    fn join(&mut self) {
        let number = self.next.client;
        self.next.client += 1;
        let document = client(self.settings.dataset, number, &self.country_code, self.now);
        let client_id = format!("C-{}", 1000 + number);
        let id = self.insert(Collection::Clients, document);
        self.drivers.push(Driver { id, client_id, busy: false });
        let next = self.exponential(self.settings.join_every);
        self.after(next, WorldEvent::Join);
    }

    fn schedule(&mut self, at: i64, event: WorldEvent) {
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), event);
    }

    fn after(&mut self, ms: i64, event: WorldEvent) {
        self.schedule(self.now + ms, event);
    }

    fn insert(&mut self, collection: Collection, document: Document) -> Bson {
        let id = document.get("_id").cloned().unwrap_or(Bson::Null);
        self.credit -= 1;
        self.writes.push(DocumentWrite { collection, id: id.clone(), change: WriteOperation::Insert(document) });
        id
    }

    /// Sets fields, and `last_updated` to now.
    fn set(&mut self, collection: Collection, id: Bson, mut fields: Document) {
        fields.insert("last_updated", date(self.now));
        self.credit -= 1;
        self.writes.push(DocumentWrite { collection, id, change: WriteOperation::Set(fields) });
    }

    fn evse(&self, at: EvseIndex) -> &SimulatedEvse {
        &self.stations[at.station].evses[at.evse]
    }

    /// Writes the state of an EVSE, in OCPI's and in OCPP's terms.
    fn set_evse(&mut self, at: EvseIndex, status: EvseStatus, ocpp_status: &str, error_code: &str) {
        let evse = &mut self.stations[at.station].evses[at.evse];
        let fields = evse_fields(at.evse, evse, status, ocpp_status, error_code, self.now);
        self.set(Collection::Stations, self.stations[at.station].id.clone(), fields);
    }

    /// A random waiting time with this mean, ms.
    fn exponential(&mut self, mean_ms: i64) -> i64 {
        let chance: f64 = self.rng.random();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "days in ms")]
        let ms = (mean_ms as f64 * -(1.0 - chance).ln()) as i64;
        ms.max(1)
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        pick(&mut self.rng, all)
    }
}

/// One of several, each as likely as the others.
pub fn pick<'a, T>(rng: &mut ChaCha8Rng, all: &'a [T]) -> &'a T {
    &all[rng.random_range(0..all.len())]
}

/// A client that signed up at `at`. It is named after its number, so that no person is invented.
pub fn client(dataset: &str, number: i64, country_code: &str, at: i64) -> Document {
    let shown = 1000 + number;
    doc! {
        "_id": format!("{dataset}:C-{shown}"),
        "client_id": format!("C-{shown}"),
        "name": format!("Client {shown}"),
        "client_type": match number % 10 { 0 => "FLEET", 1 | 2 => "BUSINESS", 3 => "ROAMING", _ => "PRIVATE" },
        "status": "ACTIVE",
        "tokens": [{ "uid": format!("C-{shown}"), "type": "RFID", "valid": true }],
        "country_code": country_code,
        "created_at": date(at),
        "source": { "dataset": dataset, "row": number },
        "last_updated": date(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers were computed from the definitions of PCG32, ChaCha and Canon's method, not with the library.
    #[test]
    fn a_seed_gives_the_same_numbers_with_every_version_of_the_library() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        assert_eq!([(); 4].map(|()| rng.random_range(0..10_000_i64)), [1577, 1679, 7042, 7267]);
        assert_eq!([(); 4].map(|()| rng.random_bool(0.5)), [false, true, true, false]);
    }
}
