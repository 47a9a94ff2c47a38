//! Stations: they send heartbeats, fall silent, fault and recover.

use mongodb::bson::{Document, doc};
use rand::RngExt;

use super::{EvseIndex, MINUTE, SECOND, SimulatedEvse, World, WorldEvent, endings::Ending};
use crate::{
    domain::{collections::Collection, status::EvseStatus},
    server::ops::ingest::date,
};

/// OCPP 1.6 error codes with the stop reason (OCPP 2.0.1) of a session they end.
const FAULTS: [(&str, &str); 6] = [
    ("GroundFailure", "GroundFault"),
    ("OverCurrentFailure", "OvercurrentFault"),
    ("PowerSwitchFailure", "PowerLoss"),
    ("ConnectorLockFailure", "Other"),
    ("HighTemperature", "Other"),
    ("InternalError", "Reboot"),
];

impl World {
    /// Spreads the first heartbeats over a minute and a half. What was broken at the start recovers soon.
    pub(super) fn begin_stations(&mut self) {
        for station in 0..self.stations.len() {
            let wait = self.rng.random_range(0..90 * SECOND);
            let event =
                if self.stations[station].speaks { WorldEvent::Beat(station) } else { WorldEvent::Speak(station) };
            self.after(if self.stations[station].speaks { wait } else { wait + MINUTE }, event);
            for evse in 0..self.stations[station].evses.len() {
                if self.stations[station].evses[evse].status == EvseStatus::OutOfOrder {
                    let repair = self.rng.random_range(MINUTE..15 * MINUTE);
                    self.after(repair, WorldEvent::Recover(EvseIndex { station, evse }));
                }
            }
        }
    }

    pub(super) fn beat(&mut self, station: usize) {
        if !self.stations[station].speaks {
            return;
        }
        let id = self.stations[station].id.clone();
        let now = date(self.now);
        self.set(Collection::Stations, id, doc! { "last_heartbeat_at": now });
        let next = self.rng.random_range(60 * SECOND..110 * SECOND);
        self.after(next, WorldEvent::Beat(station));
    }

    /// Breaks something, unless enough is broken already: one station in fifteen, one EVSE in twenty.
    pub(super) fn trouble(&mut self) {
        if self.rng.random_bool(0.5) {
            self.fall_silent();
        } else {
            self.fault();
        }
        let next = self.exponential(4 * MINUTE);
        self.after(next, WorldEvent::Trouble);
    }

    /// The station stops talking. Its management system notices only sometimes; a dashboard must notice always.
    fn fall_silent(&mut self) {
        let silent = self.stations.iter().filter(|s| !s.speaks).count();
        let idle: Vec<usize> = (0..self.stations.len())
            .filter(|&s| self.stations[s].speaks && self.stations[s].evses.iter().all(|e| e.session.is_none()))
            .collect();
        if idle.is_empty() || silent >= (self.stations.len() / 15).max(1) {
            return;
        }
        let station = *self.pick(&idle);
        self.stations[station].speaks = false;
        let silence = self.rng.random_range(20 * MINUTE..45 * MINUTE);
        self.after(silence, WorldEvent::Speak(station));
        if self.rng.random_bool(0.5) {
            self.after(5 * MINUTE, WorldEvent::GoOffline(station));
        }
    }

    pub(super) fn go_offline(&mut self, station: usize) {
        if !self.stations[station].speaks {
            let id = self.stations[station].id.clone();
            self.set(Collection::Stations, id, doc! { "connection": "OFFLINE" });
        }
    }

    pub(super) fn speak(&mut self, station: usize) {
        self.stations[station].speaks = true;
        let id = self.stations[station].id.clone();
        let now = date(self.now);
        self.set(Collection::Stations, id, doc! { "connection": "ONLINE", "last_heartbeat_at": now });
        let next = self.rng.random_range(60 * SECOND..110 * SECOND);
        self.after(next, WorldEvent::Beat(station));
    }

    fn fault(&mut self) {
        let all: Vec<EvseIndex> = self.all_evses().collect();
        let faulted = all.iter().filter(|at| self.evse(**at).status == EvseStatus::OutOfOrder).count();
        let working: Vec<EvseIndex> = all
            .iter()
            .copied()
            .filter(|at| self.stations[at.station].speaks)
            .filter(|at| self.evse(*at).status == EvseStatus::Available || self.evse(*at).session.is_some())
            .collect();
        if working.is_empty() || faulted >= (all.len() / 20).max(1) {
            return;
        }
        let at = *self.pick(&working);
        let (error_code, stop_reason) = *self.pick(&FAULTS);
        if let Some(session) = self.evse(at).session {
            self.finish(session, Ending::Fault { error_code, stop_reason });
        }
        self.set_evse(at, EvseStatus::OutOfOrder, "Faulted", error_code);
        let repair = self.rng.random_range(5 * MINUTE..25 * MINUTE);
        self.after(repair, WorldEvent::Recover(at));
    }

    pub(super) fn recover(&mut self, at: EvseIndex) {
        let SimulatedEvse { status, session, .. } = self.evse(at);
        if matches!(status, EvseStatus::OutOfOrder | EvseStatus::Charging) && session.is_none() {
            self.set_evse(at, EvseStatus::Available, "Available", "NoError");
        }
    }

    pub(super) fn all_evses(&self) -> impl Iterator<Item = EvseIndex> {
        let evses = self.stations.iter().enumerate();
        evses.flat_map(|(station, s)| (0..s.evses.len()).map(move |evse| EvseIndex { station, evse }))
    }
}

/// Gives an EVSE, which is at index `place` in its station's document, another state. Returns the changed fields.
pub fn evse_fields(
    place: usize,
    evse: &mut SimulatedEvse,
    status: EvseStatus,
    ocpp_status: &str,
    error_code: &str,
    now: i64,
) -> Document {
    let path = |field: &str| format!("evses.{place}.{field}");
    let mut fields = Document::new();
    if evse.status != status {
        fields.insert(path("status_since"), date(now));
    }
    fields.insert(path("status"), status.code());
    fields.insert(path("ocpp_status"), ocpp_status);
    fields.insert(path("error_code"), error_code);
    fields.insert("last_updated", date(now));
    evse.status = status;
    fields
}
