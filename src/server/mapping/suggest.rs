//! Suggests a mapping from what was seen in documents. It looks only for fields of ours that no document has. Notes
//! say where more than the names had to be guessed.

use super::{
    Definition,
    kind::{fields, words},
    seen::{SeenValues, Values},
    synonyms::{of_word, plain},
};
use crate::domain::{
    collections::{Collection, FieldKind, Shown},
    status::PaymentStatus,
};

/// A definition that would read more than the current one, and what its reader must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// The current definition with what is new. Nothing is new if the two are equal.
    pub definition: Definition,
    pub notes: Vec<String>,
}

/// Suggests what the `current` definition does not read of the documents of `collection`.
pub fn suggest(collection: Collection, seen: &SeenValues, current: Option<&Definition>) -> Suggestion {
    let mut made = Suggestion { definition: current.cloned().unwrap_or_default(), notes: Vec::new() };
    let mut taken: Vec<&str> = Vec::new();
    // A station's own status and power stand for its EVSEs, where it has no list of them.
    let skip = |ours: &str| collection.instead().iter().any(|field| field.name == ours) && seen.count("evses") > 0;
    // What holds documents or a list has a shape of its own, which a field of another name is unlikely to have.
    let simple = fields(collection).filter(|(_, shown)| matches!(shown, Shown::Value));
    for ours in simple.map(|(name, _)| name).filter(|ours| !skip(ours)) {
        if let Some(values) = seen.unread.get(ours) {
            let theirs = made.definition.path(ours).to_owned();
            made.unit(collection.kind(ours), ours, &theirs, values);
        } else if seen.count(ours) == 0
            && let Some((theirs, values)) = find(collection, ours, seen, &taken)
        {
            taken.push(theirs);
            made.definition.names.insert(ours.to_owned(), theirs.to_owned());
            made.unit(collection.kind(ours), ours, theirs, values);
            if ours == "status" {
                made.words(collection, values);
            }
        }
    }
    if let Some(values) = seen.status(collection) {
        made.words(collection, values);
    }
    if collection == Collection::Payments {
        made.captured(seen);
    }
    made.public_id(collection, seen);
    made
}

/// The likeliest field of theirs that no other of ours has taken.
fn find<'a>(collection: Collection, ours: &str, seen: &'a SeenValues, taken: &[&str]) -> Option<(&'a str, &'a Values)> {
    let own = plain(ours);
    let mut wanted = std::iter::once(own.as_str()).chain(collection.theirs(ours).iter().copied());
    let called = |wanted: &str| {
        let same = |(name, values): &(&String, &Values)| {
            plain(name) == wanted && fits(collection.kind(ours), values) && !taken.contains(&name.as_str())
        };
        // Prefers a field at the top to one within another, and an `id` of their own to MongoDB's.
        let nearest = seen.theirs.iter().filter(same).min_by_key(|(name, _)| (name.contains('.'), *name == "_id"));
        nearest.map(|(name, values)| (name.as_str(), values))
    };
    wanted.find_map(called)
}

const fn fits(kind: FieldKind, values: &Values) -> bool {
    match kind {
        FieldKind::Date => {
            values.mostly(values.dates.saturating_add(values.local_dates).saturating_add(values.epoch_ms))
            // Seconds since 1970 have ten digits.
            || values.mostly(values.numbers) && values.thousands == values.numbers
        }
        FieldKind::Id => values.mostly(values.texts.saturating_add(values.numbers)),
        FieldKind::Status | FieldKind::Other => values.mostly(values.texts),
        _ => values.mostly(values.numbers),
    }
}

impl Suggestion {
    /// Adds the unit in which a field seems to be, judged by its name or its values.
    fn unit(&mut self, kind: FieldKind, ours: &str, theirs: &str, values: &Values) {
        let name = plain(theirs);
        let has = |part: &str| name.contains(part);
        let (broken, small) = (values.fractions > 0, values.thousands == 0);
        let guess = |this: &mut Self, reason: &str| this.notes.push(format!("{ours}: {reason}; is it so?"));
        let unit = match kind {
            FieldKind::Money if broken => "major",
            FieldKind::Money => {
                if !["cent", "minor", "pence"].iter().any(|part| has(part)) {
                    guess(self, "whole numbers are read as the smaller unit (units: \"major\" for the larger)");
                }
                return;
            }
            FieldKind::Energy if has("mwh") => "MWh",
            FieldKind::Energy if has("kwh") => "kWh",
            FieldKind::Energy if name.ends_with("wh") => "Wh",
            FieldKind::Energy if broken || small => {
                guess(self, "taken for kWh");
                "kWh"
            }
            FieldKind::Power if has("kw") => "kW",
            FieldKind::Power if name.ends_with('w') => "W",
            FieldKind::Power if broken || small => {
                guess(self, "taken for kW");
                "kW"
            }
            FieldKind::Duration if has("min") => "min",
            FieldKind::Duration if has("hour") => "h",
            FieldKind::Duration if has("milli") || name.ends_with("ms") => "ms",
            FieldKind::Duration if broken => "s",
            FieldKind::Mass if has("kg") => "kg",
            FieldKind::Mass if has("ton") => "t",
            FieldKind::Volume if has("litre") || has("liter") => "l",
            FieldKind::Distance if has("km") && theirs != ours => "km",
            FieldKind::Mass | FieldKind::Volume | FieldKind::Distance => {
                if theirs != ours {
                    guess(self, "read in our unit, which its name tells (units: another)");
                }
                return;
            }
            FieldKind::Date if values.mostly(values.epoch_ms) => "epoch_ms",
            FieldKind::Date if values.mostly(values.numbers) => "epoch_s",
            FieldKind::Date if values.local_dates > 0 => {
                guess(self, "times without an offset are read as UTC (units: \"text_local\" for the network's clocks)");
                "text"
            }
            _ => return,
        };
        // A unit that is set already is the operator's choice.
        self.definition.units.entry(ours.to_owned()).or_insert_with(|| unit.to_owned());
    }

    fn words(&mut self, collection: Collection, values: &Values) {
        let known = words(collection);
        for word in values.words.keys().filter(|word| !known.contains(&word.as_str())) {
            match of_word(collection, word) {
                Some(ours) => drop(self.definition.status.entry(word.clone()).or_insert_with(|| ours.to_owned())),
                None if self.definition.status.contains_key(word) => {}
                None => {
                    self.notes.push(format!("status {word:?} is none of {}; it is shown as it is", known.join(", ")));
                }
            }
        }
    }

    /// Maps what was captured for the many systems that know one amount and one time of a payment.
    fn captured(&mut self, seen: &SeenValues) {
        let words =
            [seen.ours.get("status"), seen.theirs.get("state")].into_iter().flatten().flat_map(|v| v.words.keys());
        let ours = |word: &String| PaymentStatus::from(self.definition.status.get(word).unwrap_or(word).clone());
        if !words.map(ours).any(|status| status.is_revenue()) {
            return;
        }
        for (ours, same) in [("captured_minor", "amount_minor"), ("captured_at", "created_at")] {
            let mapped = self.definition.names.contains_key(same);
            let there = mapped || seen.count(same) > 0;
            if seen.count(ours) > 0 || self.definition.names.contains_key(ours) || !there {
                continue;
            }
            let path = self.definition.path(same).to_owned();
            self.definition.names.insert(ours.to_owned(), path);
            if let Some(unit) = self.definition.units.get(same).cloned() {
                self.definition.units.insert(ours.to_owned(), unit);
            }
        }
    }

    /// Documents without an id of their own get MongoDB's as their public id.
    fn public_id(&mut self, collection: Collection, seen: &SeenValues) {
        let Some(ours) = collection.public_id() else { return };
        if seen.documents > 0 && seen.count(ours) == 0 {
            self.definition.names.entry(ours.to_owned()).or_insert_with(|| "_id".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{collections::unreadable, fields::Fields, money::Currency},
        server::mapping::{Mapping, Translation},
    };
    use jiff::tz::TimeZone;
    use serde_json::{Value, json};

    /// Looks at documents as `check` does.
    fn seen(collection: Collection, translation: Option<&Translation>, documents: &[Value]) -> SeenValues {
        let mut seen = SeenValues::default();
        for document in documents {
            let all: Fields = serde_json::from_value(document.clone()).unwrap();
            let row: Fields = all
                .iter()
                .filter(|(k, _)| collection.shown_fields().any(|shown| shown == *k))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            let unreadable = unreadable(collection, &row);
            seen.add(collection, translation, all.into_iter(), &row, &unreadable);
        }
        seen
    }

    fn made(collection: Collection, documents: &[Value]) -> Suggestion {
        let made = suggest(collection, &seen(collection, None, documents), None);
        assert_eq!(made.definition.wrong(collection), [], "what is suggested is right");
        made
    }

    #[test]
    fn a_node_dashboards_payments() {
        let made = made(
            Collection::Payments,
            &[
                json!({"_id": "a", "user_id": "u1", "amount": 12.34, "currency": "GBP", "status": "completed", "created_at": "2026-01-01T00:00:00Z"}),
                json!({"_id": "b", "user_id": "u2", "amount": 7, "currency": "GBP", "status": "odd", "created_at": "2026-01-01T00:00:00Z"}),
            ],
        );
        let toml = made.definition.to_toml(Collection::Payments);
        assert_eq!(
            toml,
            "[chargedeck.fields.payments]\n[chargedeck.fields.payments.names]\namount_minor = \"amount\"\n\
             captured_at = \"created_at\"\ncaptured_minor = \"amount\"\nclient_id = \"user_id\"\npayment_id = \"_id\"\n\
             [chargedeck.fields.payments.units]\namount_minor = \"major\"\ncaptured_minor = \"major\"\n\
             [chargedeck.fields.payments.status]\ncompleted = \"CAPTURED\"\n"
        );
        assert!(made.notes.len() == 1 && made.notes[0].contains("\"odd\""), "{:?}", made.notes);
    }

    #[test]
    fn units_are_told_by_names_and_values() {
        let session = json!({
            "session_id": "1", "status": "active", "startedAt": 1_700_000_000_000_i64, "ended_at": "2026-01-01 10:00:00",
            "energy_kwh": 12, "power": 7.4, "cost": 500, "charger": {"id": "c1"}, "charger_id": "c2", "password": "secret",
        });
        let made = made(Collection::ChargingSessions, &[session]);
        let (names, units) = (&made.definition.names, &made.definition.units);
        let expected = [
            ("cost_incl_vat_minor", "cost", None),
            ("end_date_time", "ended_at", Some("text")),
            ("energy_wh", "energy_kwh", Some("kWh")),
            ("power_w", "power", Some("kW")),
            ("start_date_time", "startedAt", Some("epoch_ms")),
            ("station_id", "charger_id", None),
        ];
        let found: Vec<_> = names
            .iter()
            .map(|(ours, theirs)| (ours.as_str(), theirs.as_str(), units.get(ours).map(String::as_str)))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(made.definition.status["active"], "ACTIVE");
        assert_eq!(made.notes.len(), 3, "{:?}", made.notes);
    }

    #[test]
    fn an_id_of_their_own_comes_before_mongodbs() {
        let made = made(Collection::Stations, &[json!({"_id": "66f0", "id": "CP-7", "name": "Mill", "evses": []})]);
        assert_eq!(made.definition.names["station_id"], "id");
    }

    #[test]
    fn what_is_ours_already_is_left_alone() {
        let session = json!({"session_id": "1", "status": "ACTIVE", "start_date_time": "2026-01-01T00:00:00Z", "started_at": "x"});
        assert_eq!(made(Collection::ChargingSessions, &[session]), Suggestion::default());
        assert_eq!(made(Collection::Clients, &[]), Suggestion::default());
    }

    #[test]
    fn a_field_that_is_ours_but_not_in_our_unit() {
        let made = made(
            Collection::ChargingSessions,
            &[json!({"session_id": "1", "start_date_time": 1_700_000_000, "power_w": 7412.5})],
        );
        assert_eq!(
            (made.definition.units["start_date_time"].as_str(), made.definition.units["power_w"].as_str()),
            ("epoch_s", "W")
        );
        assert!(made.definition.names.is_empty());
    }

    #[test]
    fn what_is_mapped_is_kept() {
        let current = Definition { names: [("name".to_owned(), "label".to_owned())].into(), ..Definition::default() };
        let mapping =
            Mapping::new([(Collection::Stations, current.clone())].into(), &Currency("GBP".into()), &TimeZone::UTC);
        let translation = mapping.of(Collection::Stations);
        let seen =
            seen(Collection::Stations, translation, &[json!({"label": "a", "charger_id": "c", "status": "free"})]);
        let made = suggest(Collection::Stations, &seen, Some(&current)).definition;
        assert_eq!((made.names["name"].as_str(), made.names["station_id"].as_str()), ("label", "charger_id"));
    }
}
