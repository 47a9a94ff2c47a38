//! Charging sessions: a driver arrives, the car charges, the meter is read, the driver leaves.

use std::ops::Bound;

use jiff::{Timestamp, tz::TimeZone};
use mongodb::bson::doc;
use rand::{RngExt, rngs::ChaCha8Rng};

use super::{EvseIndex, MINUTE, Running, SECOND, World, WorldEvent, endings::Ending, payments::tariff, pick};
use crate::{
    domain::{
        collections::Collection,
        status::{EvseStatus, SessionStatus},
    },
    server::ops::ingest::{date, put},
};

/// Mean time between arriving and leaving, as it results from the numbers in `plan`.
const MEAN_STAY: i64 = 40 * MINUTE;
/// Drivers by local hour, relative to the mean, as in Dundee's sessions.
const BY_HOUR: [f64; 24] = [
    0.3, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.9, 1.2, 1.4, 1.5, 1.6, 1.6, 1.6, 1.6, 1.6, 1.5, 1.6, 1.5, 1.3, 1.1, 0.9, 0.7,
    0.5,
];
const START_ERRORS: [&str; 3] = ["EVCommunicationError", "ReaderFailure", "ConnectorLockFailure"];

/// What a car takes from an EVSE.
pub struct CarDemand {
    /// Of its battery.
    pub size_wh: i64,
    /// The mean while it charges.
    pub power_w: i64,
    pub wanted_wh: i64,
}

/// What the next car takes.
pub fn car_demand(rng: &mut ChaCha8Rng, direct_current: bool, rated_w: i64) -> CarDemand {
    let size_wh = *pick(rng, &[28_000, 40_000, 52_000, 64_000, 77_000_i64]);
    let (car_w, wanted_wh) = if direct_current {
        (*pick(rng, &[46_000, 72_000, 100_000, 150_000]), rng.random_range(8_000..26_000))
    } else {
        (*pick(rng, &[3_680, 7_360, 7_360, 11_000, 22_000]), rng.random_range(1_500..6_500))
    };
    let power_w = rated_w.min(car_w) * rng.random_range(88..98) / 100;
    CarDemand { size_wh, power_w, wanted_wh: wanted_wh.min(size_wh * 6 / 10) }
}

/// The local hour at which the next driver comes.
pub fn hour_of_arrival(rng: &mut ChaCha8Rng) -> i64 {
    let mut left = rng.random_range(0.0..BY_HOUR.iter().sum());
    let passed = BY_HOUR.iter().take_while(|share| {
        left -= **share;
        left >= 0.0
    });
    i64::try_from(passed.count()).unwrap_or(0).min(23)
}

impl World {
    /// A driver arrives if there is a free EVSE. If few cars charge, the next one comes sooner.
    pub(super) fn arrive(&mut self) {
        let free: Vec<EvseIndex> = self
            .all_evses()
            .filter(|at| self.stations[at.station].speaks && self.evse(*at).status == EvseStatus::Available)
            .collect();
        let wanted = self.settings.active * if self.settings.nights { BY_HOUR[self.local_hour()] } else { 1.0 };
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let running = self.running.len() as f64;
        if !free.is_empty() && running < wanted * 1.4 {
            let at = *self.pick(&free);
            self.start(at);
        }
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "minutes in ms")]
        let mean = (MEAN_STAY as f64 / wanted.max(0.1)) as i64;
        let next = self.exponential(if running < wanted * 0.6 { mean / 8 } else { mean });
        self.after(next, WorldEvent::Arrive);
    }

    fn local_hour(&self) -> usize {
        let zone = self.stations.first().and_then(|s| TimeZone::get(&s.time_zone).ok()).unwrap_or(TimeZone::UTC);
        let now = Timestamp::from_millisecond(self.now).unwrap_or(Timestamp::UNIX_EPOCH);
        usize::try_from(now.to_zoned_datetime(zone).hour()).unwrap_or(0)
    }

    fn start(&mut self, at: EvseIndex) {
        let number = self.next.session;
        self.next.session += 1;
        let driver = self.free_driver();
        let session = self.plan(number, at, driver);
        self.write_start(number, &session);
        self.set_evse(at, EvseStatus::Charging, "Preparing", "NoError");
        if let Some(driver) = driver {
            self.drivers[driver].busy = true;
            let (id, now) = (self.drivers[driver].id.clone(), date(self.now));
            self.set(Collection::Clients, id, doc! { "last_session_at": now });
        }
        self.stations[at.station].evses[at.evse].session = Some(number);
        if self.rng.random_bool(0.025) {
            let gives_up = self.rng.random_range(20 * SECOND..60 * SECOND);
            self.after(gives_up, WorldEvent::Abort(number));
        } else {
            self.schedule(session.from, WorldEvent::Charge(number));
        }
        self.running.insert(number, session);
    }

    /// Tries only a few times. In a small network all drivers may be charging, and unknown cards are realistic, too.
    fn free_driver(&mut self) -> Option<usize> {
        (0..5).find_map(|_| {
            let one = self.rng.random_range(0..self.drivers.len().max(1));
            self.drivers.get(one).filter(|driver| !driver.busy).map(|_| one)
        })
    }

    fn plan(&mut self, number: i64, at: EvseIndex, driver: Option<usize>) -> Running {
        let (direct_current, rated_w) = (self.evse(at).direct_current, self.evse(at).rated_w());
        let CarDemand { size_wh, power_w, wanted_wh } = car_demand(&mut self.rng, direct_current, rated_w);
        let from = self.now + self.rng.random_range(10 * SECOND..40 * SECOND);
        let soc = self.rng.random_range(8..=95 - wanted_wh * 100 / size_wh);
        Running {
            id: format!("{}:CS-{number:06}", self.settings.dataset).into(),
            session_id: format!("CS-{number:06}"),
            at,
            driver,
            client_id: driver.map(|driver| self.drivers[driver].client_id.clone()),
            start: self.now,
            meter_start_wh: self.rng.random_range(500_000..9_000_000),
            base_wh: 0,
            power_w,
            from,
            until: from + wanted_wh * 3_600_000 / power_w.max(1),
            battery: direct_current.then_some((soc, size_wh)),
        }
    }

    fn write_start(&mut self, number: i64, session: &Running) {
        let station = &self.stations[session.at.station];
        let evse = self.evse(session.at);
        let mut document = doc! { "_id": session.id.clone(), "session_id": &session.session_id };
        put(&mut document, "client_id", session.client_id.as_ref());
        document.extend(doc! {
            "station_id": &station.station_id,
            "evse_uid": &evse.uid,
            "connector_id": &evse.connector_id,
        });
        put(&mut document, "token", session.client_id.as_ref().map(|uid| doc! { "uid": uid, "type": "RFID" }));
        document.extend(doc! {
            "auth_method": if session.client_id.is_some() { "AUTH_REQUEST" } else { "WHITELIST" },
            "status": SessionStatus::Active.code(),
            "charging_state": "EVConnected",
            "start_date_time": date(session.start),
            "meter_start_wh": session.meter_start_wh,
            "energy_wh": 0_i64,
            "power_w": 0_i64,
        });
        put(&mut document, "soc_start", session.battery.map(|(soc, _)| soc));
        document.extend(doc! {
            "total_time_s": 0_i64,
            "tariff_id": &tariff(evse.direct_current).id,
            "currency": &station.currency.0,
            "time_zone": &station.time_zone,
            "quality": [],
            "source": { "dataset": self.settings.dataset, "row": number },
            "last_updated": date(self.now),
        });
        self.insert(Collection::ChargingSessions, document);
    }

    /// Takes over a session that was running when the simulation began; it continues charging.
    pub(super) fn carry_on(&mut self, mut session: Running) {
        let number = self.next.session;
        self.next.session += 1;
        let (at, wanted_wh) = (session.at, self.rng.random_range(1_000..8_000));
        session.power_w = self.evse(at).rated_w() * 9 / 10;
        session.from = self.now;
        session.until = self.now + wanted_wh * 3_600_000 / session.power_w.max(1);
        if let Some(driver) = session.driver {
            self.drivers[driver].busy = true;
        }
        let evse = &mut self.stations[at.station].evses[at.evse];
        evse.session = Some(number);
        evse.status = EvseStatus::Charging;
        self.schedule(session.until, WorldEvent::Full(number));
        self.running.insert(number, session);
    }

    /// Energy begins to flow. Three in five leave before the car is full.
    pub(super) fn charge(&mut self, number: i64) {
        let Some(session) = self.running.get_mut(&number) else { return };
        let (from, full, at) = (session.from, session.until, session.at);
        if self.rng.random_bool(0.6) {
            let leaves = self.rng.random_range(from + (full - from) * 2 / 5..=full);
            session.until = leaves;
            self.schedule(leaves, WorldEvent::Unplug(number));
        } else {
            self.schedule(full, WorldEvent::Full(number));
        }
        self.meter(number);
        self.set_evse(at, EvseStatus::Charging, "Charging", "NoError");
    }

    /// The car takes no more energy, and stays.
    pub(super) fn full(&mut self, number: i64) {
        let Some(session) = self.running.get(&number) else { return };
        let (at, energy) = (session.at, session.energy_wh(self.now));
        let mut fields = doc! {
            "charging_state": "SuspendedEV",
            "charging_ended_at": date(session.until),
            "power_w": 0_i64,
            "energy_wh": energy,
            "total_time_s": (self.now - session.start) / 1000,
        };
        put(&mut fields, "soc_end", session.soc(self.now));
        let id = session.id.clone();
        self.set(Collection::ChargingSessions, id, fields);
        self.set_evse(at, EvseStatus::Charging, "SuspendedEV", "NoError");
        let stays = self.rng.random_range(MINUTE..if self.evse(at).direct_current { 6 } else { 25 } * MINUTE);
        self.after(stays, WorldEvent::Unplug(number));
    }

    pub(super) fn unplug(&mut self, number: i64) {
        let Some(at) = self.running.get(&number).map(|session| session.at) else { return };
        self.finish(number, Ending::Left);
        self.set_evse(at, EvseStatus::Available, "Available", "NoError");
    }

    /// Charging does not start, because the car and the charger do not agree.
    pub(super) fn abort(&mut self, number: i64) {
        let Some(session) = self.running.get_mut(&number) else { return };
        session.until = session.from;
        session.from = self.now.max(session.from);
        let at = session.at;
        let error_code = *self.pick(&START_ERRORS);
        self.finish(number, Ending::Fault { error_code, stop_reason: "Other" });
        self.set_evse(at, EvseStatus::Available, "Available", "NoError");
    }

    /// Reads the meter of the next charging session in turn.
    pub(super) fn meter_next(&mut self) {
        let charging = |(number, session): (&i64, &Running)| {
            (session.from <= self.now && self.now < session.until).then_some(*number)
        };
        let later = self.running.range((Bound::Excluded(self.metered), Bound::Unbounded)).find_map(charging);
        let next = later.or_else(|| self.running.iter().find_map(charging));
        if let Some(number) = next {
            self.metered = number;
            self.meter(number);
        }
    }

    fn meter(&mut self, number: i64) {
        let noise = self.rng.random_range(970..=1020);
        let Some(session) = self.running.get(&number) else { return };
        let power_w = session.power_w * noise / 1000;
        let mut fields = doc! {
            "charging_state": "Charging",
            "power_w": power_w,
            "energy_wh": session.energy_wh(self.now),
            "total_time_s": (self.now - session.start) / 1000,
        };
        put(&mut fields, "soc_end", session.soc(self.now));
        let id = session.id.clone();
        self.set(Collection::ChargingSessions, id, fields);
    }
}
