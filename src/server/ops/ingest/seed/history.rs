//! A network of any size with a year behind it. It is made station by station, so that memory stays small: no event is
//! simulated, each session and its payment are as they ended.
//!
//! The sessions of an EVSE lie one after another, never two at a time. Of the last ones a few still run.
//!
//! Long, because a third of it is the documents' fields.

use jiff::{Timestamp, tz::TimeZone};
use mongodb::bson::{Bson, Document, doc};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::city::{self, CURRENCY, DATASET, TIME_ZONE};
use crate::{
    domain::{
        money::{Watt, Wh},
        quality::{self, Facts},
        status::{PaymentStatus, SessionStatus},
    },
    server::ops::ingest::{
        date,
        ledger::{Granularity, Ledger, Scope},
        put,
        tariff::Cost,
        world::{self, CarDemand, SimulatedEvse},
    },
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Sessions of a station in the year.
pub const PER_STATION: u64 = 100;
/// Sessions of a client in the year, on the average.
const PER_CLIENT: u64 = 10;
const STATIONS_PER_CITY: usize = 40;

/// The documents of a station with all that happened there.
#[derive(Debug, Default)]
pub struct StationHistory {
    pub station: Document,
    pub sessions: Vec<Document>,
    pub payments: Vec<Document>,
    /// Its months, and their sum.
    pub eco: Vec<Document>,
}

pub struct History {
    rng: ChaCha8Rng,
    zone: TimeZone,
    /// When the year ends, ms since 1970.
    at: i64,
    stations: usize,
    next: usize,
    /// When each client charged last. Their number is the index and one.
    clients: Vec<Option<i64>>,
    session: i64,
    payment: i64,
    /// The network's buckets.
    ledger: Ledger,
    scope: Scope,
}

impl History {
    /// A year of `sessions` up to `at`, rounded up to whole stations. The scope is the network's.
    pub fn new(seed: u64, at: i64, sessions: u64, scope: Scope) -> Self {
        let count = |each: u64| usize::try_from(sessions.div_ceil(each)).unwrap_or(usize::MAX);
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            zone: scope.zone.clone(),
            at,
            stations: count(PER_STATION),
            next: 0,
            clients: vec![None; count(PER_CLIENT)],
            session: 0,
            payment: 0,
            ledger: Ledger::new(scope.clone()),
            scope,
        }
    }

    pub const fn stations(&self) -> usize {
        self.stations
    }

    /// The clients as they are after all stations.
    pub fn clients(&self) -> impl Iterator<Item = Document> {
        (1..).zip(&self.clients).map(|(number, last)| {
            let joined = self.joined(number);
            let mut document = city::client(number, joined);
            document.insert("created_at", date(joined));
            put(&mut document, "last_session_at", last.map(date));
            document.insert("last_updated", date(last.unwrap_or(joined)));
            document
        })
    }

    /// The network's buckets after all stations; the sum of all is the last.
    pub fn eco(&self) -> impl Iterator<Item = Document> {
        self.ledger.documents()
    }

    /// Clients join steadily, from a year before the first session on.
    fn joined(&self, number: i64) -> i64 {
        let clients = i64::try_from(self.clients.len()).unwrap_or(i64::MAX);
        self.at - 2 * YEAR + 2 * YEAR / clients.max(1) * (number - 1)
    }

    /// Somebody who had joined by then. Some charge often, most do rarely; one in seven pays without an account.
    fn client(&mut self, start: i64) -> Option<usize> {
        let step = 2 * YEAR / i64::try_from(self.clients.len()).unwrap_or(i64::MAX).max(1);
        let joined = usize::try_from((start - (self.at - 2 * YEAR)) / step.max(1)).unwrap_or(0);
        let one = self.rng.random_range(0..joined.clamp(1, self.clients.len()));
        let often = self.rng.random_range(0..=one);
        self.rng.random_bool(6.0 / 7.0).then_some(often)
    }

    fn one_station(&mut self, number: usize) -> StationHistory {
        let (mut station, state) = city::station(number, self.at - 2 * YEAR);
        station.insert("city", format!("City {:03}", number / STATIONS_PER_CITY + 1));
        station.insert("last_heartbeat_at", date(self.at));
        let mut history = StationHistory::default();
        let scope = Scope { station: Some(state.station_id.clone()), ..self.scope.clone() };
        let mut ledger = Ledger::new(scope);
        let evses = u64::try_from(state.evses.len()).unwrap_or(1).max(1);
        let slots = PER_STATION.div_ceil(evses);
        let slot = YEAR / i64::try_from(slots).unwrap_or(1);
        for n in 0..PER_STATION {
            let evse = &state.evses[usize::try_from(n % evses).unwrap_or(0)];
            let place = i64::try_from(n / evses).unwrap_or(0);
            let is_last = n + evses >= PER_STATION;
            let begins = self.at - YEAR + place * slot;
            let session = self.plan(evse, begins, slot, is_last);
            if session.is_running {
                occupy(&mut station, usize::try_from(n % evses).unwrap_or(0), session.start);
            }
            self.write(&state.station_id, evse, &session, &mut ledger, &mut history);
        }
        history.station = station;
        history.eco = ledger
            .documents()
            .filter(|bucket| bucket.get_str("granularity").is_ok_and(|of| of != Granularity::Day.code()))
            .collect();
        history
    }

    /// When somebody comes within the slot, and for how much. Of the last sessions of EVSEs one in eight still runs.
    fn plan(&mut self, evse: &SimulatedEvse, begins: i64, slot: i64, is_last: bool) -> Planned {
        let CarDemand { power_w, wanted_wh, .. } =
            world::car_demand(&mut self.rng, evse.direct_current, evse.rated_w());
        let charges = wanted_wh * HOUR / power_w.max(1);
        let stays = self.rng.random_range(MINUTE..if evse.direct_current { 6 } else { 25 } * MINUTE);
        let is_running = is_last && self.rng.random_bool(0.125);
        let start = if is_running {
            self.at - self.rng.random_range(0..charges.max(1))
        } else {
            // A day before the slot's last, because a session that begins late in the evening ends on the next.
            let day = self.rng.random_range(0..(slot / DAY - 1).max(1));
            (begins + day * DAY + self.time_of_day(begins)).min(self.at - charges - stays - MINUTE)
        };
        let is_invalid = !is_running && self.rng.random_bool(0.025);
        let charged = if is_invalid { MINUTE } else { charges };
        let until = if is_running { self.at } else { start + charged };
        let energy = if is_invalid { 0 } else { power_w * (until - start) / HOUR };
        Planned { start, charged_until: until, end: until + stays, energy: Wh(energy), power_w, is_running, is_invalid }
    }

    /// Milliseconds from `begins` to a time of day at which people come, as its local day has it.
    fn time_of_day(&mut self, begins: i64) -> i64 {
        let hour = world::hour_of_arrival(&mut self.rng);
        let begin = Timestamp::from_millisecond(begins).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = i64::from(begin.to_zoned_datetime(self.zone.clone()).hour());
        (hour - local).rem_euclid(24) * HOUR + self.rng.random_range(0..HOUR)
    }

    fn write(
        &mut self,
        station_id: &str,
        evse: &SimulatedEvse,
        planned: &Planned,
        ledger: &mut Ledger,
        to: &mut StationHistory,
    ) {
        self.session += 1;
        let number = self.session;
        let client = self.client(planned.start);
        if let Some(last) = client.and_then(|client| self.clients.get_mut(client)) {
            *last = (*last).max(Some(planned.start));
        }
        let client_id = client.map(|client| format!("C-{}", client + 1001));
        let mut session = session(number, station_id, evse, planned, client_id.as_ref());
        if planned.status() == SessionStatus::Completed {
            self.ledger.add(planned.end, planned.energy);
            ledger.add(planned.end, planned.energy);
            let tariff = world::tariff(evse.direct_current);
            let cost = tariff.cost(planned.energy, &city::currency());
            session.extend(doc! {
                "tariff_id": &tariff.id,
                "currency": CURRENCY,
                "cost_excl_vat_minor": cost.excl_vat,
                "cost_incl_vat_minor": cost.incl_vat,
            });
            // Whose first payment fails pays once more.
            let is_failed = self.rng.random_bool(0.025);
            if is_failed {
                let failed = self.payment(number, planned, client_id.as_ref(), cost, &PaymentStatus::Failed);
                to.payments.push(failed);
            }
            let status = self.outcome(planned.end);
            let payment = self.payment(number, planned, client_id.as_ref(), cost, &status);
            put(&mut session, "payment_id", payment.get_str("payment_id").ok());
            to.payments.push(payment);
        }
        to.sessions.push(session);
    }

    /// What became of a payment. Those of the last hours are still open.
    fn outcome(&mut self, created: i64) -> PaymentStatus {
        let is_recent = created > self.at - 3 * HOUR;
        match self.rng.random_range(0..1000) {
            0..500 if is_recent => PaymentStatus::Pending,
            500..600 if is_recent => PaymentStatus::Authorized,
            0..10 => PaymentStatus::Refunded,
            10..15 => PaymentStatus::PartiallyRefunded,
            15..17 => PaymentStatus::Disputed,
            17..27 => PaymentStatus::Failed,
            _ => PaymentStatus::Captured,
        }
    }

    fn payment(
        &mut self,
        session: i64,
        planned: &Planned,
        client_id: Option<&String>,
        cost: Cost,
        status: &PaymentStatus,
    ) -> Document {
        self.payment += 1;
        let payment_id = format!("PAY-{:06}", self.payment);
        let captured = status.is_revenue();
        let captured_at = planned.end + self.rng.random_range(0..2 * MINUTE);
        let refunded = match status {
            PaymentStatus::Refunded => cost.incl_vat,
            PaymentStatus::PartiallyRefunded => cost.incl_vat / 2,
            _ => 0,
        };
        let mut payment = doc! { "_id": format!("{DATASET}:{payment_id}"), "payment_id": payment_id };
        put(&mut payment, "client_id", client_id);
        payment.extend(doc! {
            "session_id": session_id(session),
            "amount_minor": cost.incl_vat,
            "captured_minor": if captured { cost.incl_vat } else { 0 },
            "currency": CURRENCY,
            "tax_minor": cost.incl_vat - cost.excl_vat,
            "refunded_minor": refunded,
            "method": *world::pick(&mut self.rng, &["CARD", "CARD", "CARD", "APP", "WALLET", "RFID_ACCOUNT"]),
            "provider": "simulated",
            "status": status.code(),
            "attempts": 1_i64,
            "created_at": date(planned.end),
            "source": { "dataset": DATASET, "row": self.payment },
            "last_updated": date(captured_at),
        });
        if captured {
            payment.insert("captured_at", date(captured_at));
            // A few providers say their fee only at the end of the month.
            let fee = self.rng.random_bool(0.9).then(|| cost.incl_vat * 14 / 1000 + 20);
            put(&mut payment, "fee_minor", fee);
        }
        if *status == PaymentStatus::Failed {
            let (code, message) = *world::pick(&mut self.rng, &world::DECLINED);
            payment.extend(doc! { "capture_status_code": "FAILED", "failure_code": code, "failure_message": message });
        }
        payment
    }
}

/// Station after station.
impl Iterator for History {
    type Item = StationHistory;

    fn next(&mut self) -> Option<StationHistory> {
        let number = self.next;
        self.next += 1;
        (number < self.stations).then(|| self.one_station(number))
    }
}

/// A session before it is written down. Instants are ms since 1970.
struct Planned {
    start: i64,
    charged_until: i64,
    /// When the car leaves; of no meaning while it charges.
    end: i64,
    energy: Wh,
    power_w: i64,
    is_running: bool,
    is_invalid: bool,
}

impl Planned {
    const fn status(&self) -> SessionStatus {
        match self {
            Self { is_running: true, .. } => SessionStatus::Active,
            Self { is_invalid: true, .. } => SessionStatus::Invalid,
            _ => SessionStatus::Completed,
        }
    }
}

fn session_id(number: i64) -> String {
    format!("CS-{number:06}")
}

fn session(
    number: i64,
    station_id: &str,
    evse: &SimulatedEvse,
    planned: &Planned,
    client_id: Option<&String>,
) -> Document {
    let Planned { start, charged_until, end, energy, power_w, is_running, is_invalid } = *planned;
    let mut document = doc! { "_id": format!("{DATASET}:{}", session_id(number)), "session_id": session_id(number) };
    put(&mut document, "client_id", client_id);
    document.extend(doc! {
        "station_id": station_id,
        "evse_uid": &evse.uid,
        "connector_id": &evse.connector_id,
        "auth_method": if client_id.is_some() { "AUTH_REQUEST" } else { "WHITELIST" },
        "status": planned.status().code(),
        "charging_state": if is_running { "Charging" } else { "Idle" },
        "start_date_time": date(start),
        "energy_wh": energy.0,
        "power_w": if is_running { power_w } else { 0 },
        "total_time_s": (if is_running { charged_until } else { end } - start) / 1000,
        "time_zone": TIME_ZONE,
        "source": { "dataset": DATASET, "row": number },
        "last_updated": date(if is_running { charged_until } else { end }),
    });
    if !is_running {
        let quality = quality::flags(&Facts {
            connected_s: Some((end - start) / 1000),
            energy: Some(energy),
            rated: Some(Watt(evse.rated_w())),
            has_station: true,
            ..Facts::default()
        });
        document.extend(doc! {
            "charging_ended_at": date(charged_until),
            "end_date_time": date(end),
            "total_parking_time_s": (end - charged_until) / 1000,
            "stop_reason": if is_invalid { "Other" } else { "EVDisconnected" },
            "quality": quality,
        });
        put(&mut document, "error_code", is_invalid.then_some("EVCommunicationError"));
    }
    document
}

/// Marks an EVSE as in use.
fn occupy(station: &mut Document, evse: usize, since: i64) {
    let evses = station.get_array_mut("evses").ok();
    if let Some(Bson::Document(evse)) = evses.and_then(|evses| evses.get_mut(evse)) {
        evse.extend(doc! { "status": "CHARGING", "ocpp_status": "Charging", "status_since": date(since) });
    }
}
