//! Turns a row under our names, but with an operator's values, into a row of ours. A value that does not convert is
//! kept in a form that no typed reader accepts. The row is marked then, and nothing is lost or guessed.

use serde_json::{Map, Value, json};

use super::{Translation, convert::convert, kind::Unit};
use crate::domain::{
    collections::Collection,
    fields::Fields,
    money::Currency,
    status::{Connection, PaymentStatus},
    time::UtcMs,
};

impl Translation {
    /// The row with our values, and with amounts of `currency`.
    pub(super) fn translate(&self, mut row: Fields, currency: &Currency) -> Fields {
        for (name, unit) in &self.units {
            if let Some(value) = row.get_mut(*name) {
                self.measure(value, *unit, currency);
            }
        }
        if let Some(status) = row.get_mut("status") {
            self.word(status);
        }
        match self.collection {
            Collection::Stations => self.station(&mut row),
            Collection::Payments => self.payment(&mut row),
            _ => {}
        }
        row
    }

    fn measure(&self, value: &mut Value, unit: Unit, currency: &Currency) {
        match convert(unit, value, currency.exponent(), &self.zone) {
            Some(ours) => *value = ours,
            // Among numbers and texts there may be real dates.
            None if value.as_str().and_then(UtcMs::parse).is_some() => {}
            // The unit is added, because digits alone could be taken for a number of ours.
            None if value.is_number() || value.is_string() => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                *value = format!("{text} {}", unit.name()).into();
            }
            None => {}
        }
    }

    fn word(&self, status: &mut Value) {
        if let Some(ours) = status.as_str().and_then(|theirs| self.definition.status.get(theirs)) {
            *status = ours.clone().into();
        }
    }

    /// A station that has a status itself and no list of EVSEs is one with a single EVSE.
    fn station(&self, row: &mut Fields) {
        let [status, power] =
            ["status", "max_electric_power"].map(|name| row.remove(name).filter(|value| !value.is_null()));
        match row.get_mut("evses").filter(|evses| !evses.is_null()) {
            Some(Value::Array(evses)) => {
                evses.iter_mut().filter_map(|evse| evse.get_mut("status")).for_each(|status| self.word(status));
            }
            Some(_) => {}
            None if status.is_some() || power.is_some() => {
                let mut evse = Map::new();
                evse.insert("uid".to_owned(), "1".into());
                match status.as_ref().and_then(Value::as_str).map(|word| Connection::from(word.to_owned())) {
                    // Whether it is connected is all that is known.
                    Some(Connection::Online | Connection::Offline) => {
                        row.entry("connection".to_owned()).or_insert(status.into());
                    }
                    _ => drop(status.map(|status| evse.insert("status".to_owned(), status))),
                }
                if let Some(power) = power {
                    evse.insert("connectors".to_owned(), json!([{"max_electric_power": power}]));
                }
                row.insert("evses".to_owned(), json!([evse]));
            }
            None => {}
        }
    }

    /// If the operator has one field for what was asked and what was captured, it counts as captured only once the
    /// payment is.
    fn payment(&self, row: &mut Fields) {
        let shared = |a, b| self.definition.path(a) == self.definition.path(b);
        let status = row.get("status").and_then(Value::as_str).map(|word| PaymentStatus::from(word.to_owned()));
        let captured = status.as_ref().is_some_and(PaymentStatus::is_revenue);
        if shared("captured_minor", "amount_minor") {
            if !captured {
                row.remove("captured_minor");
            } else if status == Some(PaymentStatus::Refunded)
                && row.get("refunded_minor").is_none_or(Value::is_null)
                && let Some(all) = row.get("captured_minor").cloned()
            {
                row.insert("refunded_minor".to_owned(), all);
            }
        }
        if shared("captured_at", "created_at") && !captured {
            row.remove("captured_at");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Definition, Mapping},
        *,
    };
    use crate::domain::collections::unreadable;
    use jiff::tz::TimeZone;

    fn translate(collection: Collection, toml: &str, row: Value) -> Value {
        let pairs = |table: Option<&toml::Value>| {
            let table = table.and_then(toml::Value::as_table).cloned().unwrap_or_default();
            table.into_iter().map(|(k, v)| (k, v.as_str().unwrap().to_owned())).collect()
        };
        let toml: toml::Table = toml.parse().unwrap();
        let definition = Definition {
            names: pairs(toml.get("names")),
            status: pairs(toml.get("status")),
            units: pairs(toml.get("units")),
            show: Vec::new(),
        };
        assert_eq!(definition.wrong(collection), []);
        let mapping = Mapping::new([(collection, definition)].into(), &Currency("GBP".into()), &TimeZone::UTC);
        let row = mapping.row(collection, serde_json::from_value(row).unwrap());
        serde_json::to_value(row).unwrap()
    }

    const PAYMENTS: &str = r#"
        names = { amount_minor = "amount", captured_minor = "amount", captured_at = "created_at" }
        units = { amount_minor = "major", captured_minor = "major" }
        status = { completed = "CAPTURED", refunded = "REFUNDED", pending = "PENDING" }
    "#;

    #[test]
    fn one_amount_is_captured_once_the_payment_is() {
        let pay = |status, amount: Value| {
            translate(
                Collection::Payments,
                PAYMENTS,
                json!({"status": status, "amount_minor": amount, "captured_minor": amount, "created_at": "t", "captured_at": "t"}),
            )
        };
        let row = pay("completed", json!(12.34));
        assert_eq!(
            row,
            json!({"status": "CAPTURED", "amount_minor": 1234, "captured_minor": 1234, "currency": "GBP", "created_at": "t", "captured_at": "t"})
        );
        let open = pay("pending", json!(5));
        assert_eq!(
            (&open["amount_minor"], open.get("captured_minor"), open.get("captured_at")),
            (&json!(500), None, None)
        );
        assert_eq!(pay("refunded", json!(5))["refunded_minor"], 500, "all was given back");
        assert_eq!(pay("odd", json!(5))["status"], "odd", "a word without a mapping is kept");
    }

    #[test]
    fn what_does_not_convert_is_kept_and_marked() {
        for amount in [json!(12.345), json!("92233720368547759"), json!("free"), json!({"value": 1})] {
            let row = translate(Collection::Payments, PAYMENTS, json!({"amount_minor": amount}));
            let fields = serde_json::from_value(row.clone()).unwrap();
            assert_eq!(unreadable(Collection::Payments, &fields), ["amount_minor"], "{row}");
        }
    }

    #[test]
    fn a_date_among_numbers_is_one() {
        let toml = r#"units = { created_at = "epoch_s" }"#;
        let at = |value| translate(Collection::Clients, toml, json!({"created_at": value}))["created_at"].clone();
        assert_eq!(at(json!(1_700_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(at(json!("2023-11-14T22:13:20Z")), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn a_currency_is_the_documents_else_the_networks() {
        let major = r#"units = { amount_minor = "major" }"#;
        let row = translate(Collection::Payments, major, json!({"amount_minor": 500, "currency": "jpy"}));
        assert_eq!(row, json!({"amount_minor": 500, "currency": "JPY"}), "yen have no smaller unit");
        let row = translate(Collection::Payments, major, json!({"amount_minor": 500, "currency": 7}));
        assert_eq!(row["currency"], 7, "a currency that cannot be read is not replaced");
    }

    #[test]
    fn a_station_with_a_status_is_one_evse() {
        let toml = r#"
            names = { max_electric_power = "power_kw" }
            units = { max_electric_power = "kW" }
            status = { free = "AVAILABLE", offline = "OFFLINE" }
        "#;
        let station = |row| translate(Collection::Stations, toml, row);
        assert_eq!(
            station(json!({"status": "free", "max_electric_power": 22})),
            json!({"evses": [{"uid": "1", "status": "AVAILABLE", "connectors": [{"max_electric_power": 22_000}]}]})
        );
        assert_eq!(station(json!({"status": "offline"})), json!({"connection": "OFFLINE", "evses": [{"uid": "1"}]}));
        assert_eq!(
            station(json!({"status": "x", "evses": [{"status": "free"}, {"status": "odd"}]})),
            json!({"evses": [{"status": "AVAILABLE"}, {"status": "odd"}]}),
            "its EVSEs know better"
        );
        assert_eq!(station(json!({"name": "a"})), json!({"name": "a"}));
    }

    #[test]
    fn an_id_may_be_a_number() {
        let row =
            translate(Collection::ChargingSessions, r#"names = { client_id = "user_id" }"#, json!({"client_id": 17}));
        assert_eq!(row["client_id"], "17");
    }
}
