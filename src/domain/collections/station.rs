//! `stations`, with their EVSEs.

use super::table::table;
use crate::domain::{
    status::{Connection, EvseStatus},
    time::UtcMs,
};

table! {
    Station by Ascending(name) {
        station_id: Id "Number" [Reported]
            theirs("chargerid", "chargepointid", "chargeboxid", "stationcode", "code", "id", "uuid");
        name: Text "Station" [Reported] theirs("stationname", "title", "label", "displayname");
        address: Text theirs("streetaddress", "street");
        city: Text "City" [Reported] theirs("town");
        model: Text "Model" theirs("chargermodel");
        time_zone: Text;
        connection: Status(Connection) "Connection";
        last_heartbeat_at: Date "Heartbeat" [Routine]
            theirs("lastheartbeat", "heartbeatat", "heartbeat", "lastseen", "lastseenat");
        evses: Each(Evse) "State";
        created_at: Date theirs("created", "timestamp", "date", "registeredat", "joinedat");
        last_updated: Date [Routine] theirs("updatedat", "modifiedat", "lastmodified", "updated");
        removed_at: Date;
    }
    unread {
        postal_code: Text;
        state: Text;
        country: Text;
        location: Document;
        operator: Document;
        vendor: Text;
        serial_number: Text;
        firmware_version: Text;
        ocpp_version: Text;
        energy_mix: Document;
        source: Document;
    }
    // A station with one outlet may have at its top level what ours have in `evses`.
    instead {
        status: Status "Status" theirs("state");
        max_electric_power: Power "Power"
            theirs("maxpower", "maxpowerkw", "powerkw", "ratedpower", "capacitykw", "power");
    }
}

table! {
    Evse {
        uid: Text;
        evse_id: Text;
        /// The status that the document has; [`Station::evse_status`] returns the one to believe.
        status: Status(EvseStatus);
        ocpp_status: Text;
        error_code: Text;
        status_since: Date;
        /// The power of the strongest connector, W.
        max_electric_power: Strongest(connectors, max_electric_power);
    }
}

impl Station {
    /// Whether the station is removed. It compares whole seconds, as the figures do.
    pub fn is_removed(&self, now: UtcMs) -> bool {
        self.removed_at.is_some_and(|at| at.seconds() <= now.seconds())
    }

    /// The status to show: REMOVED if the station or the EVSE is, else UNKNOWN if the station is offline or silent or
    /// the document has none, else the document's.
    pub fn evse_status(&self, evse: &Evse, now: UtcMs, silent_after_s: i64) -> EvseStatus {
        let contact = Contact {
            offline: self.connection == Some(Connection::Offline),
            heartbeat_s: self.last_heartbeat_at.map(UtcMs::seconds),
            removed_s: self.removed_at.map(UtcMs::seconds),
        };
        contact.believed(evse.status.as_ref(), now, silent_after_s)
    }
}

/// The facts that decide whether the status of a station's EVSEs is believed.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    pub offline: bool,
    /// A station that never sent a heartbeat does not count as silent.
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

/// An EVSE's number at its station if its name begins with the station's id, else its name.
pub fn evse_number<'a>(uid: &'a str, station_id: Option<&str>) -> &'a str {
    let number = station_id.and_then(|station| uid.strip_prefix(station));
    number.map(|rest| rest.trim_start_matches(['-', '*', '_'])).filter(|number| !number.is_empty()).unwrap_or(uid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::collections::see;

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
}
