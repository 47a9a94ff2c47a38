//! What is read alike in every document, whether its collection is mapped or not: currencies and public ids.

use serde_json::Value;

use crate::domain::{
    collections::{Collection, FieldKind},
    fields::Fields,
    money::Currency,
};

/// Reads the document's currency in upper case. A document that holds amounts and has no currency gets the network's.
pub fn currency(collection: Collection, network: Option<&Currency>, row: &mut Fields) -> Option<Currency> {
    let code = row.get("currency").and_then(Value::as_str).map(|code| code.trim().to_ascii_uppercase());
    let currency = if let Some(code) = code.filter(|code| !code.is_empty()) {
        Currency(code)
    } else {
        let missing = row.get("currency").is_none_or(|value| value.is_null() || value.is_string());
        let currency = network?.clone();
        if !missing || !holds_amounts(collection, row) {
            return Some(currency);
        }
        currency
    };
    row.insert("currency".to_owned(), currency.0.clone().into());
    Some(currency)
}

/// Whether a row holds amounts. A session does only if it says what it cost. A client's currency is a preference.
fn holds_amounts(collection: Collection, row: &Fields) -> bool {
    let mut amounts = collection.fields().iter().filter(|field| field.kind == FieldKind::Money);
    match collection {
        Collection::Payments => true,
        Collection::ChargingSessions => amounts.any(|field| row.get(field.name).is_some_and(|value| !value.is_null())),
        _ => false,
    }
}

/// Makes texts of public ids, which others write as numbers, also of those of a station's EVSEs.
pub fn ids(collection: Collection, row: &mut Fields) {
    for field in collection.fields().iter().filter(|field| field.kind == FieldKind::Id) {
        if let Some(id) = row.get_mut(field.name) {
            text(id);
        }
    }
    if let Some(Value::Array(evses)) = row.get_mut("evses") {
        let names = evses.iter_mut().filter_map(Value::as_object_mut).flat_map(|evse| evse.iter_mut());
        names.filter(|(name, _)| matches!(name.as_str(), "uid" | "evse_id")).for_each(|(_, value)| text(value));
    }
}

fn text(id: &mut Value) {
    if let Value::Number(number) = id {
        *id = match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            // Without an exponent, as `alike` reads it back.
            (None, Some(broken)) => broken.to_string(),
            _ => number.to_string(),
        }
        .into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(collection: Collection, row: Value) -> Value {
        let mut row: Fields = serde_json::from_value(row).unwrap();
        currency(collection, Some(&Currency("GBP".into())), &mut row);
        ids(collection, &mut row);
        serde_json::to_value(row).unwrap()
    }

    #[test]
    fn a_currency_is_the_documents_in_upper_case_else_the_networks() {
        let of = |row| read(Collection::Payments, row)["currency"].clone();
        assert_eq!(of(json!({"currency": "chf"})), "CHF");
        for missing in [json!({}), json!({"currency": null}), json!({"currency": " "})] {
            assert_eq!(of(missing.clone()), "GBP", "{missing}");
        }
        assert_eq!(of(json!({"currency": 7})), 7, "a currency that cannot be read is not replaced");
        let session = |row| read(Collection::ChargingSessions, row);
        assert_eq!(session(json!({"cost_incl_vat_minor": 5}))["currency"], "GBP");
        assert_eq!(session(json!({"energy_wh": 5})), json!({"energy_wh": 5}), "it has no amount");
    }

    #[test]
    fn ids_are_texts_however_they_are_written() {
        let session =
            read(Collection::ChargingSessions, json!({"session_id": 17, "client_id": 1.5, "station_id": "a"}));
        assert_eq!(session, json!({"session_id": "17", "client_id": "1.5", "station_id": "a"}));
        let evses = json!({"evses": [{"uid": 1, "status": "AVAILABLE"}, 3]});
        assert_eq!(read(Collection::Stations, evses)["evses"][0]["uid"], "1");
    }
}
