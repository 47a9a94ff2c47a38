//! What a document of each collection says, as far as it can be read. Every field may be missing; missing is not zero.
//!
//! Long, because the five are read in one way, which is seen best side by side.

use super::{
    fields::{Fields, Reader},
    ids::Collection,
    money::{Currency, Money, Watt, Wh},
    status::{ChargingState, ClientStatus, Connection, EvseStatus, PaymentStatus, SessionStatus},
    time::UtcMs,
};

/// A document read leniently, with the names of the fields that had an unexpected shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    pub doc: T,
    pub unreadable: Vec<String>,
}

/// Reads `fields` as `T`.
pub fn see<T: Document>(fields: &Fields) -> Seen<T> {
    let mut reader = Reader::new(fields);
    let doc = T::read(&mut reader);
    Seen { doc, unreadable: reader.unreadable() }
}

/// The names of the fields of `collection`'s document that cannot be read.
pub fn unreadable(collection: Collection, fields: &Fields) -> Vec<String> {
    match collection {
        Collection::Clients => see::<Client>(fields).unreadable,
        Collection::Stations => see::<Station>(fields).unreadable,
        Collection::Payments => see::<Payment>(fields).unreadable,
        Collection::ChargingSessions => see::<Session>(fields).unreadable,
        Collection::EcoStats => see::<EcoStat>(fields).unreadable,
    }
}

/// A document of one of the five collections.
pub trait Document {
    fn read(r: &mut Reader<'_>) -> Self;
}

fn status<S: From<String>>(r: &mut Reader<'_>, name: &str) -> Option<S> {
    r.text(name).map(S::from)
}

#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    pub client_id: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub company: Option<String>,
    pub client_type: Option<String>,
    pub status: Option<ClientStatus>,
    pub country_code: Option<String>,
    pub tokens: Option<usize>,
    pub created_at: Option<UtcMs>,
    pub last_session_at: Option<UtcMs>,
    pub last_updated: Option<UtcMs>,
}

impl Document for Client {
    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            client_id: r.text("client_id"),
            name: r.text("name"),
            email: r.text("email"),
            company: r.text("company"),
            client_type: r.text("client_type"),
            status: status(r, "status"),
            country_code: r.text("country_code"),
            tokens: r.list("tokens", |_| ()).map(|tokens| tokens.len()),
            created_at: r.date("created_at"),
            last_session_at: r.date("last_session_at"),
            last_updated: r.date("last_updated"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    pub station_id: Option<String>,
    pub name: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub model: Option<String>,
    pub time_zone: Option<String>,
    pub connection: Option<Connection>,
    pub last_heartbeat_at: Option<UtcMs>,
    pub evses: Vec<Evse>,
    pub removed_at: Option<UtcMs>,
    pub last_updated: Option<UtcMs>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Evse {
    pub uid: Option<String>,
    pub evse_id: Option<String>,
    /// As the document says; [`Station::evse_status`] says what is to be believed.
    pub status: Option<EvseStatus>,
    pub ocpp_status: Option<String>,
    pub error_code: Option<String>,
    pub status_since: Option<UtcMs>,
    /// The strongest connector's.
    pub max_electric_power: Option<Watt>,
}

impl Document for Station {
    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            station_id: r.text("station_id"),
            name: r.text("name"),
            address: r.text("address"),
            city: r.text("city"),
            model: r.text("model"),
            time_zone: r.text("time_zone"),
            connection: status(r, "connection"),
            last_heartbeat_at: r.date("last_heartbeat_at"),
            evses: r.objects("evses", |e| Evse {
                uid: e.text("uid"),
                evse_id: e.text("evse_id"),
                status: status(e, "status"),
                ocpp_status: e.text("ocpp_status"),
                error_code: e.text("error_code"),
                status_since: e.date("status_since"),
                max_electric_power: e
                    .objects("connectors", |c| c.power("max_electric_power"))
                    .into_iter()
                    .flatten()
                    .max(),
            }),
            removed_at: r.date("removed_at"),
            last_updated: r.date("last_updated"),
        }
    }
}

impl Station {
    /// Whether it is taken away. Counted in whole seconds, as the figures do.
    pub fn is_removed(&self, now: UtcMs) -> bool {
        self.removed_at.is_some_and(|at| at.seconds() <= now.seconds())
    }

    /// The status to show: REMOVED where the station or the EVSE is, else UNKNOWN where the station is offline or silent,
    /// or where the document has none.
    pub fn evse_status(&self, evse: &Evse, now: UtcMs, silent_after_s: i64) -> EvseStatus {
        let contact = Contact {
            offline: self.connection == Some(Connection::Offline),
            heartbeat_s: self.last_heartbeat_at.map(UtcMs::seconds),
            removed_s: self.removed_at.map(UtcMs::seconds),
        };
        contact.believed(evse.status.as_ref(), now, silent_after_s)
    }
}

/// What decides whether the status of a station's EVSEs is to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    pub offline: bool,
    /// A station that never sent one is not called silent.
    pub heartbeat_s: Option<i64>,
    pub removed_s: Option<i64>,
}

impl Contact {
    /// See [`Station::evse_status`].
    pub fn believed(self, status: Option<&EvseStatus>, now: UtcMs, silent_after_s: i64) -> EvseStatus {
        let removed = self.removed_s.is_some_and(|at| at <= now.seconds());
        let silent = self.heartbeat_s.is_some_and(|at| at.saturating_add(silent_after_s) < now.seconds());
        match status {
            Some(EvseStatus::Removed) => EvseStatus::Removed,
            _ if removed => EvseStatus::Removed,
            Some(status) if !self.offline && !silent => status.clone(),
            _ => EvseStatus::Unknown,
        }
    }
}

/// An EVSE's number at its station, where its name begins with the station's; else its name.
pub fn evse_number<'a>(uid: &'a str, station_id: Option<&str>) -> &'a str {
    let number = station_id.and_then(|station| uid.strip_prefix(station));
    number.map(|rest| rest.trim_start_matches(['-', '*', '_'])).filter(|number| !number.is_empty()).unwrap_or(uid)
}

#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub session_id: Option<String>,
    pub client_id: Option<String>,
    pub station_id: Option<String>,
    pub evse_uid: Option<String>,
    pub status: Option<SessionStatus>,
    pub charging_state: Option<ChargingState>,
    pub start_date_time: Option<UtcMs>,
    pub charging_ended_at: Option<UtcMs>,
    pub end_date_time: Option<UtcMs>,
    pub energy_wh: Option<Wh>,
    pub power_w: Option<Watt>,
    pub soc_end: Option<i64>,
    pub stop_reason: Option<String>,
    pub error_code: Option<String>,
    pub cost_incl_vat_minor: Option<i64>,
    pub currency: Option<Currency>,
    pub payment_id: Option<String>,
    pub time_zone: Option<String>,
    pub quality: Vec<String>,
    pub last_updated: Option<UtcMs>,
}

impl Document for Session {
    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            session_id: r.text("session_id"),
            client_id: r.text("client_id"),
            station_id: r.text("station_id"),
            evse_uid: r.text("evse_uid"),
            status: status(r, "status"),
            charging_state: status(r, "charging_state"),
            start_date_time: r.date("start_date_time"),
            charging_ended_at: r.date("charging_ended_at"),
            end_date_time: r.date("end_date_time"),
            energy_wh: r.energy("energy_wh"),
            power_w: r.power("power_w"),
            soc_end: r.int("soc_end"),
            stop_reason: r.text("stop_reason"),
            error_code: r.text("error_code"),
            cost_incl_vat_minor: r.minor("cost_incl_vat_minor"),
            currency: r.text("currency").map(Currency),
            payment_id: r.text("payment_id"),
            time_zone: r.text("time_zone"),
            quality: r.texts("quality"),
            last_updated: r.date("last_updated"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    pub payment_id: Option<String>,
    pub client_id: Option<String>,
    pub session_id: Option<String>,
    pub amount_minor: Option<i64>,
    pub captured_minor: Option<i64>,
    pub refunded_minor: Option<i64>,
    pub fee_minor: Option<i64>,
    pub currency: Option<Currency>,
    pub method: Option<String>,
    pub card_brand: Option<String>,
    pub card_last4: Option<String>,
    pub provider: Option<String>,
    pub status: Option<PaymentStatus>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub attempts: Option<i64>,
    pub created_at: Option<UtcMs>,
    pub captured_at: Option<UtcMs>,
    /// Computed from a tariff because the source had no payments.
    pub derived: bool,
    pub last_updated: Option<UtcMs>,
}

impl Document for Payment {
    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            payment_id: r.text("payment_id"),
            client_id: r.text("client_id"),
            session_id: r.text("session_id"),
            amount_minor: r.minor("amount_minor"),
            captured_minor: r.minor("captured_minor"),
            refunded_minor: r.minor("refunded_minor"),
            fee_minor: r.minor("fee_minor"),
            currency: r.text("currency").map(Currency),
            method: r.text("method"),
            card_brand: r.text("card_brand"),
            card_last4: r.text("card_last4"),
            provider: r.text("provider"),
            status: status(r, "status"),
            failure_code: r.text("failure_code"),
            failure_message: r.text("failure_message"),
            attempts: r.int("attempts"),
            created_at: r.date("created_at"),
            captured_at: r.date("captured_at"),
            derived: r.object("source", |s| s.flag("derived")).flatten().unwrap_or(false),
            last_updated: r.date("last_updated"),
        }
    }
}

impl Payment {
    /// The amount asked for.
    pub fn amount(&self) -> Option<Money> {
        Some(Money { minor: self.amount_minor?, currency: self.currency.clone()? })
    }

    /// Captured minus refunded, where the status counts as revenue.
    pub fn revenue(&self) -> Option<Money> {
        self.status.as_ref().filter(|s| s.is_revenue())?;
        let minor = self.captured_minor?.checked_sub(self.refunded_minor.unwrap_or(0))?;
        Some(Money { minor, currency: self.currency.clone()? })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EcoStat {
    /// DAY, MONTH or TOTAL
    pub granularity: Option<String>,
    /// NETWORK, STATION or CLIENT
    pub scope: Option<String>,
    pub scope_id: Option<String>,
    /// `YYYY-MM-DD`, local to `time_zone`
    pub local_date: Option<String>,
    pub time_zone: Option<String>,
    pub period_start: Option<UtcMs>,
    pub session_count: Option<i64>,
    pub energy_wh: Option<Wh>,
    /// May be negative.
    pub co2_avoided_g: Option<i64>,
    pub petrol_ml: Option<i64>,
    pub km_electric_m: Option<i64>,
    pub trees_10y: Option<f64>,
    pub factor_set: Option<String>,
    pub last_updated: Option<UtcMs>,
}

impl Document for EcoStat {
    fn read(r: &mut Reader<'_>) -> Self {
        Self {
            granularity: r.text("granularity"),
            scope: r.text("scope"),
            scope_id: r.text("scope_id"),
            local_date: r.text("local_date"),
            time_zone: r.text("time_zone"),
            period_start: r.date("period_start"),
            session_count: r.int("session_count"),
            energy_wh: r.energy("energy_wh"),
            co2_avoided_g: r.int("co2_avoided_g"),
            petrol_ml: r.int("petrol_ml"),
            km_electric_m: r.int("km_electric_m"),
            trees_10y: r.float("trees_10y"),
            factor_set: r.object("factors", |f| f.text("set")).flatten(),
            last_updated: r.date("last_updated"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_silent_station_is_not_believed() {
        let fields = serde_json::from_value(json!({
            "connection": "ONLINE", "last_heartbeat_at": "2026-01-01T00:00:00.9Z", "evses": [{"uid": "1", "status": "AVAILABLE"}]
        }))
        .unwrap();
        let station = see::<Station>(&fields).doc;
        let at = |text| station.evse_status(&station.evses[0], UtcMs::parse(text).unwrap(), 900);
        assert_eq!(at("2026-01-01T00:15:00Z"), EvseStatus::Available);
        assert_eq!(at("2026-01-01T00:15:01Z"), EvseStatus::Unknown);
    }

    #[test]
    fn what_is_removed_is_neither_available_nor_unknown() {
        let fields = serde_json::from_value(json!({
            "removed_at": "2026-01-01T00:10:00Z", "last_heartbeat_at": "2026-01-01T00:09:00Z",
            "evses": [{"status": "AVAILABLE"}, {"status": "REMOVED"}]
        }))
        .unwrap();
        let station = see::<Station>(&fields).doc;
        let at = |evse: usize, text| station.evse_status(&station.evses[evse], UtcMs::parse(text).unwrap(), 900);
        assert_eq!(at(0, "2026-01-01T00:09:59Z"), EvseStatus::Available);
        assert_eq!(at(0, "2026-01-01T00:10:00Z"), EvseStatus::Removed);
        assert_eq!(at(0, "2026-02-01T00:00:00Z"), EvseStatus::Removed, "although it is silent");
        assert_eq!(at(1, "2026-01-01T00:00:00Z"), EvseStatus::Removed, "an EVSE may go alone");
    }

    #[test]
    fn revenue_is_what_was_captured_and_not_given_back() {
        let pay = |status: &str| {
            let fields = serde_json::from_value(
                json!({"status": status, "captured_minor": 500, "refunded_minor": 120, "currency": "EUR"}),
            )
            .unwrap();
            see::<Payment>(&fields).doc.revenue().map(|m| m.minor)
        };
        assert_eq!(pay("PARTIALLY_REFUNDED"), Some(380));
        assert_eq!(pay("FAILED"), None);
        assert_eq!(pay("completed"), None, "an unknown status counts nowhere");
    }
}
