//! What the simulated network knows of its parts between two events. Instants are milliseconds since 1970.

use mongodb::bson::Bson;

use super::super::ledger::Ledger;
use crate::domain::{
    money::Currency,
    status::{EvseStatus, PaymentStatus},
};

/// The network as it is when the simulation begins.
#[derive(Debug)]
pub struct Start {
    pub stations: Vec<Station>,
    pub drivers: Vec<Driver>,
    /// ISO 3166-1 alpha-2, of clients that join.
    pub country_code: String,
    /// Open sessions to be carried on.
    pub running: Vec<Running>,
    /// EVSEs said to be in use on which no session runs.
    pub stale: Vec<At>,
    /// Open payments to be carried on.
    pub payments: Vec<OpenPayment>,
    pub ledger: Ledger,
    pub next: Next,
}

/// The next free number of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    pub session: i64,
    pub payment: i64,
    pub client: i64,
}

#[derive(Clone, Debug)]
pub struct Station {
    pub id: Bson,
    pub station_id: String,
    pub time_zone: String,
    pub currency: Currency,
    pub evses: Vec<Evse>,
    /// Sends heartbeats.
    pub speaks: bool,
}

#[derive(Clone, Debug)]
pub struct Evse {
    pub uid: String,
    pub connector_id: String,
    /// W, where the document tells.
    pub rated: Option<i64>,
    pub direct_current: bool,
    pub status: EvseStatus,
    /// The number of the session on it that this simulation carries.
    pub session: Option<i64>,
}

impl Evse {
    /// 7,400 W where nothing is known: one phase of 32 A.
    pub fn rated_w(&self) -> i64 {
        self.rated.unwrap_or(7400)
    }
}

/// Where an EVSE is: its station's place in the list, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    pub station: usize,
    pub evse: usize,
}

#[derive(Clone, Debug)]
pub struct Driver {
    pub id: Bson,
    pub client_id: String,
    /// In a session of this simulation.
    pub busy: bool,
}

/// A session that has not ended.
#[derive(Clone, Debug)]
pub struct Running {
    pub id: Bson,
    pub session_id: String,
    pub at: At,
    pub driver: Option<usize>,
    pub client_id: Option<String>,
    pub start: i64,
    pub meter_start_wh: i64,
    /// Energy that had flowed before `from`.
    pub base_wh: i64,
    /// Mean power while charging.
    pub power_w: i64,
    /// Energy flows from here …
    pub from: i64,
    /// … to here.
    pub until: i64,
    /// Charge of the battery at the start, percent, and its size, Wh; where the charger can know.
    pub battery: Option<(i64, i64)>,
}

impl Running {
    /// Energy delivered by `now`: the meter does not depend on how often it is read.
    pub fn energy_wh(&self, now: i64) -> i64 {
        let charged_ms = (now.clamp(self.from, self.until.max(self.from))) - self.from;
        self.base_wh + self.power_w * charged_ms / 3_600_000
    }

    pub fn soc(&self, now: i64) -> Option<i64> {
        self.battery.map(|(start, size_wh)| (start + self.energy_wh(now) * 100 / size_wh).min(100))
    }
}

/// A payment that may still change.
#[derive(Clone, Debug)]
pub struct OpenPayment {
    pub id: Bson,
    pub amount_minor: i64,
    pub status: PaymentStatus,
    pub method: String,
    pub attempts: i64,
    /// `status_history`, oldest first.
    pub history: Vec<Bson>,
}
