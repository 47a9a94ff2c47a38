//! Which documents a list shows: read from an address, written to one, and the one predicate that decides, on the server
//! and in the browser. The query that finds them in MongoDB may find more, never fewer.

mod part;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use part::{Part, Slot, Wanted, is_currency};

use super::{
    address::escaped,
    entities::{Evse, Station, see},
    fields::Fields,
    ids::Collection,
    range::BadChoice,
    status::EvseStatus,
    time::{UtcMs, Zone},
};

/// Everything that is asked of a document at once; nothing asked is the whole list. As JSON, texts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, String>", try_from = "BTreeMap<String, String>")]
pub struct Selection(Vec<(Part, Wanted)>);

/// What the predicate must know beside the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub now: UtcMs,
    pub silent_after_s: i64,
    /// That of the hour of the week.
    pub zone: Zone,
}

impl Sight {
    /// The minute of the clock, where one is looked at: the list changes with it.
    pub const fn minute(&self) -> i64 {
        self.now.seconds().div_euclid(60)
    }

    /// Whether it says nothing, because nobody asks.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a change of some fields says of a document of which nothing else is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Whether it matches has not changed.
    Nothing,
    /// It does not match.
    No,
    /// It may match.
    Perhaps,
}

impl Selection {
    /// Reads the parts from an address, of which `get` gives all values by name. Other names are someone else's.
    ///
    /// # Errors
    /// In words for whoever wrote it.
    pub fn read(get: &dyn Fn(&str) -> Vec<String>) -> Result<Self, BadChoice> {
        let mut all = Vec::new();
        for part in Part::ALL {
            match get(part.name()).as_slice() {
                [] => {}
                [text] => all.push((part, part.read(text)?)),
                _ => return Err(BadChoice(format!("“{}” may stand only once.", part.name()))),
            }
        }
        Ok(Self(all))
    }

    /// This selection, if it can be asked of the collection.
    ///
    /// # Errors
    /// In words for whoever asked.
    pub fn of(self, collection: Collection) -> Result<Self, BadChoice> {
        match self.0.iter().find(|(part, _)| part.field(collection).is_none()) {
            Some((part, _)) => Err(BadChoice(format!("“{}” cannot be asked of {collection}.", part.name()))),
            None => Ok(self),
        }
    }

    /// With this asked as well, in place of what was asked of the part.
    #[must_use]
    pub fn with(self, part: Part, wanted: Wanted) -> Self {
        let Self(mut all) = self.without(part);
        let at = all.partition_point(|(other, _)| *other < part);
        all.insert(at, (part, wanted));
        Self(all)
    }

    #[must_use]
    pub fn without(mut self, part: Part) -> Self {
        self.0.retain(|(other, _)| *other != part);
        self
    }

    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    pub fn parts(&self) -> impl Iterator<Item = (Part, &Wanted)> {
        self.0.iter().map(|(part, wanted)| (*part, wanted))
    }

    pub fn get(&self, part: Part) -> Option<&Wanted> {
        self.parts().find(|(other, _)| *other == part).map(|(_, wanted)| wanted)
    }

    /// Whether documents come and go as time passes, without any change.
    pub fn follows_clock(&self) -> bool {
        self.get(Part::Evse).is_some()
    }

    /// The hour of the week that is asked for, whose zone a [`Sight`] must have.
    pub fn slot(&self) -> Option<&Slot> {
        match self.get(Part::Slot)? {
            Wanted::In(slot) => Some(slot),
            _ => None,
        }
    }

    /// Whether the document is of the list.
    pub fn matches(&self, collection: Collection, row: &Fields, at: &Sight) -> bool {
        self.parts().all(|(part, wanted)| meets(row, part.field(collection), wanted, at, believed))
    }

    /// Whether the document is of the list at any time: as it is now, whatever the clock shows.
    pub fn may_match(&self, collection: Collection, row: &Fields, at: &Sight) -> bool {
        self.parts().all(|(part, wanted)| meets(row, part.field(collection), wanted, at, ever))
    }

    /// What a patch says of a document that is not known, as to whether it [may match](Self::may_match).
    pub fn told(&self, collection: Collection, set: &Fields, unset: &[String], at: &Sight) -> Told {
        let mut told = Told::Nothing;
        for (part, wanted) in self.parts() {
            let Some(field) = part.field(collection) else { return Told::No };
            if set.contains_key(field) || unset.iter().any(|name| name == field) {
                if !meets(set, Some(field), wanted, at, ever) {
                    return Told::No;
                }
                told = Told::Perhaps;
            }
        }
        told
    }
}

/// Whether a station's EVSE counts as one of this status.
type Counts = fn(&Station, &Evse, &str, &Sight) -> bool;

fn believed(station: &Station, evse: &Evse, status: &str, at: &Sight) -> bool {
    station.evse_status(evse, at.now, at.silent_after_s).code() == status
}

/// At one time or another: any may come to be UNKNOWN, and no other status comes by itself.
fn ever(_: &Station, evse: &Evse, status: &str, _: &Sight) -> bool {
    status == EvseStatus::Unknown.code() || evse.status.as_ref().is_some_and(|s| s.code() == status)
}

fn meets(row: &Fields, field: Option<&str>, wanted: &Wanted, at: &Sight, counts: Counts) -> bool {
    let Some(field) = field else { return false };
    let text = row.get(field).and_then(|value| value.as_str());
    match wanted {
        Wanted::OneOf(statuses) if field == EVSES => {
            let station = see::<Station>(row).doc;
            statuses.iter().any(|status| station.evses.iter().any(|evse| counts(&station, evse, status, at)))
        }
        Wanted::OneOf(texts) => text.is_some_and(|text| texts.iter().any(|wanted| wanted == text)),
        Wanted::Within(period) => {
            text.and_then(UtcMs::parse).is_some_and(|date| period.from <= date && date < period.to)
        }
        Wanted::In(slot) => text.and_then(UtcMs::parse).is_some_and(|date| {
            let civil = at.zone.civil(date);
            (civil.weekday, civil.hour) == (slot.weekday, slot.hour)
        }),
    }
}

const EVSES: &str = "evses";

/// As in addresses: `status=ACTIVE&client=C-1`. Equal selections write equal texts.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (part, wanted) in self.parts() {
            write!(f, "{between}{}={}", part.name(), escaped(&wanted.to_string()))?;
            between = "&";
        }
        Ok(())
    }
}

impl From<Selection> for BTreeMap<String, String> {
    fn from(selection: Selection) -> Self {
        selection.parts().map(|(part, wanted)| (part.name().to_owned(), wanted.to_string())).collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Selection {
    type Error = BadChoice;

    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, BadChoice> {
        Self::read(&|name| texts.get(name).cloned().into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Period;
    use serde_json::json;

    fn read(query: &[(&str, &str)]) -> Result<Selection, BadChoice> {
        let all = |name: &str| query.iter().filter(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).collect();
        Selection::read(&all)
    }

    fn row(fields: serde_json::Value) -> Fields {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn equal_selections_write_equal_texts() {
        let one = read(&[("client", "Ä &1"), ("status", "REFUNDED,CAPTURED,REFUNDED")]).unwrap();
        let two = read(&[("status", "CAPTURED,REFUNDED"), ("client", "Ä &1"), ("page", "7")]).unwrap();
        assert_eq!(one.to_string(), "status=CAPTURED,REFUNDED&client=%C3%84%20%261");
        assert_eq!((one.to_string(), &one), (two.to_string(), &two));
        let local = read(&[("ended", "2018-06-15T00:00:00+01:00/2018-06-15T23:00:00.000Z")]).unwrap();
        assert_eq!(local.to_string(), "ended=2018-06-14T23:00:00Z/2018-06-15T23:00:00Z");
        assert_eq!(read(&[("slot", "04.09@Europe/London")]).unwrap().to_string(), "slot=4.9@Europe/London");
        let json = serde_json::to_value(&one).unwrap();
        assert_eq!(json, json!({"status": "CAPTURED,REFUNDED", "client": "Ä &1"}));
        assert_eq!(serde_json::from_value::<Selection>(json).unwrap(), one);
        let built = Selection::default()
            .with(Part::Client, Wanted::one_of(["Ä &1"]))
            .with(Part::Status, Wanted::one_of(["ACTIVE"]))
            .with(Part::Status, Wanted::one_of(["REFUNDED", "CAPTURED"]));
        assert_eq!(built, one);
        assert!(built.without(Part::Status).without(Part::Client).is_everything());
    }

    #[test]
    fn what_cannot_be_asked_is_an_error_and_never_everything() {
        let (long, many) = ("x".repeat(129), ["A"; 17].join(","));
        for bad in [
            [("status", "")],
            [("status", "ACTIVE,,PENDING")],
            [("status", many.as_str())],
            [("client", long.as_str())],
            [("city", "Dun\ndee")],
            [("currency", "gbp")],
            [("currency", "POUND")],
            [("ended", "today")],
            [("ended", "2018-06-15T23:00:00Z/2018-06-14T23:00:00Z")],
            [("ended", "2018-06-15T23:00:00Z/2018-06-15T23:00:00Z")],
            [("slot", "7.0@UTC")],
            [("slot", "0.24@UTC")],
            [("slot", "+1.+2@UTC")],
            [("slot", "1.2@")],
            [("slot", "1.2@UTC'")],
        ] {
            let error = read(&bad).unwrap_err().0;
            assert!(error.contains(bad[0].0), "{error}");
        }
        assert!(read(&[("status", "A"), ("status", "B")]).is_err(), "which of the two?");
        let evse = read(&[("evse", "UNKNOWN")]).unwrap();
        assert!(evse.clone().of(Collection::Payments).is_err());
        assert!(evse.of(Collection::Stations).is_ok());
        for collection in Collection::ALL {
            for field in Part::ALL.iter().filter_map(|part| part.field(collection)) {
                assert!(collection.shown_fields().contains(&field), "{field} of {collection} travels");
            }
        }
    }

    #[test]
    fn a_document_is_of_the_list_or_not() {
        let at = Sight { zone: Zone { name: "x".into(), offsets: vec![(0, 3600)] }, ..Sight::default() };
        let payment = row(json!({
            "status": "CAPTURED", "captured_at": "2018-06-14T23:00:00Z", "currency": "GBP", "created_at": "yesterday", "method": ["CARD"],
        }));
        let day = Period {
            from: UtcMs::parse("2018-06-14T23:00:00Z").unwrap(),
            to: UtcMs::parse("2018-06-15T23:00:00Z").unwrap(),
        };
        let is = |part, wanted| Selection::default().with(part, wanted).matches(Collection::Payments, &payment, &at);
        assert!(is(Part::Status, Wanted::one_of(["CAPTURED", "REFUNDED"])));
        assert!(!is(Part::Status, Wanted::one_of(["REFUNDED"])));
        assert!(is(Part::Captured, Wanted::Within(day)));
        assert!(!is(Part::Captured, Wanted::Within(Period { from: UtcMs(day.from.0 - 1000), to: day.from })));
        assert!(!is(Part::Created, Wanted::Within(day)), "what cannot be read is in no period");
        assert!(!is(Part::Method, Wanted::one_of(["CARD"])), "a list is no text");
        assert!(!is(Part::Client, Wanted::one_of(["C-1"])), "missing");
        let session = row(json!({"start_date_time": "2018-06-15T13:59:59Z"}));
        let slot = |weekday, hour| {
            let slot = Wanted::In(Slot { weekday, hour, zone: "x".into() });
            Selection::default().with(Part::Slot, slot).matches(Collection::ChargingSessions, &session, &at)
        };
        assert!(slot(4, 14) && !slot(4, 13) && !slot(3, 14), "Friday at two by a clock one hour east");
    }

    #[test]
    fn a_silent_station_has_unknown_evses() {
        let station = row(
            json!({"last_heartbeat_at": "1970-01-01T00:00:00Z", "evses": [{"status": "CHARGING"}, {"status": "OUTOFORDER"}]}),
        );
        let now = |s: i64| Sight { now: UtcMs::from_seconds(s), silent_after_s: 900, ..Sight::default() };
        let evse = |status| Selection::default().with(Part::Evse, Wanted::one_of([status]));
        let is = |status, s| evse(status).matches(Collection::Stations, &station, &now(s));
        let may = |status| evse(status).may_match(Collection::Stations, &station, &now(901));
        assert!(is("OUTOFORDER", 900) && !is("UNKNOWN", 900) && !is("AVAILABLE", 900));
        assert!(!is("OUTOFORDER", 901) && is("UNKNOWN", 901));
        assert!(may("OUTOFORDER") && may("UNKNOWN") && !may("AVAILABLE"));
    }

    #[test]
    fn a_patch_alone_decides_where_it_can() {
        let of = Selection::default()
            .with(Part::Status, Wanted::one_of(["ACTIVE"]))
            .with(Part::Client, Wanted::one_of(["C-1"]));
        let told = |set, unset: &[&str]| {
            let unset: Vec<String> = unset.iter().map(|&name| name.to_owned()).collect();
            of.told(Collection::ChargingSessions, &row(set), &unset, &Sight::default())
        };
        assert_eq!(told(json!({"power_w": 1}), &["stop_reason"]), Told::Nothing);
        assert_eq!(told(json!({"status": "COMPLETED", "client_id": "C-1"}), &[]), Told::No);
        assert_eq!(told(json!({}), &["status"]), Told::No);
        assert_eq!(told(json!({"status": "ACTIVE"}), &[]), Told::Perhaps);
    }
}
