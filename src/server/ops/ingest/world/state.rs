//! The state of the simulated network between two events. Instants are milliseconds since 1970.

use mongodb::bson::Bson;

use super::super::ledger::Ledger;
use crate::domain::{
    money::Currency,
    status::{EvseStatus, PaymentStatus},
};

/// The network as it is when the simulation begins.
#[derive(Debug)]
pub struct WorldStart {
    pub stations: Vec<SimulatedStation>,
    pub drivers: Vec<Driver>,
    /// ISO 3166-1 alpha-2, for clients that join.
    pub country_code: String,
    /// Open sessions to be continued.
    pub running: Vec<Running>,
    /// EVSEs that are marked as in use though no session runs on them.
    pub stale: Vec<EvseIndex>,
    /// Open payments to be continued.
    pub payments: Vec<OpenPayment>,
    pub ledger: Ledger,
    pub next: NextNumbers,
}

/// The next free number of each kind.
#[derive(Clone, Copy, Debug)]
pub struct NextNumbers {
    pub session: i64,
    pub payment: i64,
    pub client: i64,
}

#[derive(Clone, Debug)]
pub struct SimulatedStation {
    pub id: Bson,
    pub station_id: String,
    pub time_zone: String,
    pub currency: Currency,
    pub evses: Vec<SimulatedEvse>,
    /// Whether it sends heartbeats.
    pub speaks: bool,
}

#[derive(Clone, Debug)]
pub struct SimulatedEvse {
    pub uid: String,
    pub connector_id: String,
    /// Rated power in W, if the document has it.
    pub rated: Option<i64>,
    pub direct_current: bool,
    pub status: EvseStatus,
    /// The number of this simulation's session on it.
    pub session: Option<i64>,
}

impl SimulatedEvse {
    /// The rated power, or 7,400 W if it is unknown: one phase of 32 A.
    pub fn rated_w(&self) -> i64 {
        self.rated.unwrap_or(7400)
    }
}

/// The position of an EVSE: the index of its station in the list, and its own index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvseIndex {
    pub station: usize,
    pub evse: usize,
}

#[derive(Clone, Debug)]
pub struct Driver {
    pub id: Bson,
    pub client_id: String,
    /// Whether the driver is in a session of this simulation.
    pub busy: bool,
}

/// A session that has not ended.
#[derive(Clone, Debug)]
pub struct Running {
    pub id: Bson,
    pub session_id: String,
    pub at: EvseIndex,
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
    /// State of charge at the start, percent, and size of the battery, Wh; if the charger can know them.
    pub battery: Option<(i64, i64)>,
}

impl Running {
    /// Energy delivered by `now`, Wh. It does not depend on how often the meter is read.
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
