//! What of a document may leave the server: what [`entities`](super::entities) and lists read of it, and no more.

use super::ids::Collection;

/// What travels of a field.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// A text, a number, a date: whatever holds nothing else.
    Value,
    /// A list of such.
    Values,
    /// Of a document, or of each in a list, only these.
    Within(Parts),
    /// None of it. The data model names it and settings may map it, but nothing reads it.
    Nothing,
}

/// Fields by name.
pub type Parts = &'static [(&'static str, Shown)];

use Shown::{Nothing, Value, Values, Within};

impl Collection {
    /// The fields of the data model, and what of each travels. Whatever else a document holds is never asked of MongoDB,
    /// or left out where it is read.
    pub const fn parts(self) -> Parts {
        match self {
            Self::Clients => CLIENT,
            Self::Stations => STATION,
            Self::Payments => PAYMENT,
            Self::ChargingSessions => SESSION,
            Self::EcoStats => ECO_STAT,
        }
    }

    /// The names of those that travel.
    pub fn shown_fields(self) -> impl Iterator<Item = &'static str> {
        travelling(self.parts()).map(|(name, _)| name)
    }
}

/// Those of which something travels.
pub fn travelling(parts: Parts) -> impl Iterator<Item = (&'static str, Shown)> {
    parts.iter().copied().filter(|(_, shown)| !matches!(shown, Nothing))
}

const CLIENT: Parts = &[
    ("client_id", Value),
    ("name", Value),
    ("email", Value),
    ("company", Value),
    ("client_type", Value),
    ("status", Value),
    // How many there are.
    ("tokens", Within(&[])),
    ("country_code", Value),
    ("currency", Value),
    ("created_at", Value),
    ("last_session_at", Value),
    ("last_updated", Value),
    ("phone", Nothing),
    ("locale", Nothing),
    ("source", Nothing),
];

const STATION: Parts = &[
    ("station_id", Value),
    ("name", Value),
    ("address", Value),
    ("city", Value),
    ("model", Value),
    ("time_zone", Value),
    ("connection", Value),
    ("last_heartbeat_at", Value),
    ("evses", Within(EVSE)),
    ("created_at", Value),
    ("last_updated", Value),
    ("removed_at", Value),
    ("postal_code", Nothing),
    ("state", Nothing),
    ("country", Nothing),
    ("location", Nothing),
    ("operator", Nothing),
    ("vendor", Nothing),
    ("serial_number", Nothing),
    ("firmware_version", Nothing),
    ("ocpp_version", Nothing),
    ("energy_mix", Nothing),
    ("source", Nothing),
];

const EVSE: Parts = &[
    ("uid", Value),
    ("evse_id", Value),
    ("status", Value),
    ("ocpp_status", Value),
    ("error_code", Value),
    ("status_since", Value),
    ("connectors", Within(&[("max_electric_power", Value)])),
];

const PAYMENT: Parts = &[
    ("payment_id", Value),
    ("client_id", Value),
    ("session_id", Value),
    ("amount_minor", Value),
    ("captured_minor", Value),
    ("currency", Value),
    ("fee_minor", Value),
    ("refunded_minor", Value),
    ("method", Value),
    ("card_brand", Value),
    ("card_last4", Value),
    ("provider", Value),
    ("status", Value),
    ("failure_code", Value),
    ("failure_message", Value),
    ("attempts", Value),
    ("created_at", Value),
    ("captured_at", Value),
    ("last_updated", Value),
    ("source", Within(&[("derived", Value)])),
    ("authorization_reference", Nothing),
    ("tax_minor", Nothing),
    ("provider_ref", Nothing),
    ("capture_status_code", Nothing),
    ("invoice_number", Nothing),
    ("status_history", Nothing),
    ("authorized_at", Nothing),
];

const SESSION: Parts = &[
    ("session_id", Value),
    ("client_id", Value),
    ("station_id", Value),
    ("evse_uid", Value),
    ("status", Value),
    ("charging_state", Value),
    ("start_date_time", Value),
    ("charging_ended_at", Value),
    ("end_date_time", Value),
    ("energy_wh", Value),
    ("power_w", Value),
    ("soc_end", Value),
    ("stop_reason", Value),
    ("error_code", Value),
    ("currency", Value),
    ("cost_incl_vat_minor", Value),
    ("payment_id", Value),
    ("time_zone", Value),
    ("quality", Values),
    ("last_updated", Value),
    ("connector_id", Nothing),
    ("token", Nothing),
    ("auth_method", Nothing),
    ("meter_start_wh", Nothing),
    ("meter_stop_wh", Nothing),
    ("max_power_w", Nothing),
    ("soc_start", Nothing),
    ("total_time_s", Nothing),
    ("total_parking_time_s", Nothing),
    ("tariff_id", Nothing),
    ("cost_excl_vat_minor", Nothing),
    ("source", Nothing),
];

const ECO_STAT: Parts = &[
    ("granularity", Value),
    ("scope", Value),
    ("scope_id", Value),
    ("local_date", Value),
    ("time_zone", Value),
    ("period_start", Value),
    ("session_count", Value),
    ("energy_wh", Value),
    ("co2_avoided_g", Value),
    ("petrol_ml", Value),
    ("km_electric_m", Value),
    ("trees_10y", Value),
    ("factors", Within(&[("set", Value)])),
    ("last_updated", Value),
    ("co2_grid_g", Nothing),
    ("co2_ice_g", Nothing),
    ("computed_at", Nothing),
    ("source", Nothing),
];

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::domain::{
        entities::{Client, EcoStat, Payment, Session, Station, see},
        fields::Fields,
        selection::Part,
    };

    /// A document that says something of all that is read.
    fn filled(parts: Parts) -> Map<String, serde_json::Value> {
        let of = |name: &str| match name.rsplit('_').next() {
            Some("at" | "time" | "since" | "updated" | "start") => json!("2026-01-01T00:00:00Z"),
            Some("minor" | "wh" | "w" | "end" | "attempts" | "count" | "g" | "ml" | "m" | "10y" | "power") => json!(7),
            Some("derived") => json!(true),
            _ => json!("1"),
        };
        let value = |(name, shown): (&str, Shown)| {
            let value = match shown {
                Value => of(name),
                Values => json!(["1"]),
                Nothing => unreachable!("it does not travel"),
                Within(parts) if ["source", "factors"].contains(&name) => filled(parts).into(),
                Within(parts) => json!([filled(parts)]),
            };
            (name.to_owned(), value)
        };
        travelling(parts).map(value).collect()
    }

    fn read(collection: Collection, fields: Map<String, serde_json::Value>) -> String {
        let fields: Fields = fields.into_iter().collect();
        match collection {
            Collection::Clients => format!("{:?}", see::<Client>(&fields)),
            Collection::Stations => format!("{:?}", see::<Station>(&fields)),
            Collection::Payments => format!("{:?}", see::<Payment>(&fields)),
            Collection::ChargingSessions => format!("{:?}", see::<Session>(&fields)),
            Collection::EcoStats => format!("{:?}", see::<EcoStat>(&fields)),
        }
    }

    /// The document without each of the fields in turn, and what it is that is missing.
    fn each_without(
        parts: Parts,
        of: &Map<String, serde_json::Value>,
    ) -> Vec<(String, Map<String, serde_json::Value>)> {
        let mut all = Vec::new();
        for (name, shown) in travelling(parts) {
            let mut without = of.clone();
            let value = without.remove(name).unwrap();
            all.push((name.to_owned(), without));
            let Within(parts) = shown else { continue };
            let (inner, is_list) = match &value {
                serde_json::Value::Array(items) => (items[0].as_object().unwrap(), true),
                value => (value.as_object().unwrap(), false),
            };
            for (path, inner) in each_without(parts, inner) {
                let mut without = of.clone();
                without.insert(name.to_owned(), if is_list { json!([inner]) } else { inner.into() });
                all.push((format!("{name}.{path}"), without));
            }
        }
        all
    }

    #[test]
    fn what_travels_is_what_is_read() {
        for collection in Collection::ALL {
            let parts = collection.parts();
            let all = filled(parts);
            let whole = read(collection, all.clone());
            assert!(!whole.contains("None") && whole.contains("unreadable: []"), "{collection} reads more: {whole}");
            for (path, without) in each_without(parts, &all) {
                let selects = Part::ALL.iter().any(|part| part.field(collection) == Some(path.as_str()));
                assert!(selects || read(collection, without) != whole, "nothing reads {path} of {collection}");
            }
        }
    }
}
