//! Which documents a list shows. A selection is read from an address and written to one, and one predicate decides on
//! the server and in the browser. The query that finds the documents in MongoDB may find more, never fewer.

mod part;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use part::{Criterion, FilterField, Slot, hours_ago};

use super::{
    address::{BadChoice, escaped},
    collections::{Collection, Evse, Station, see},
    fields::Fields,
    money::Currency,
    quality::FIRST_DATE,
    status::EvseStatus,
    time::{UtcMs, Zone},
};

/// All criteria that a document must meet at once. A selection without criteria is the whole list. Its JSON form is
/// an object of strings by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Fields", try_from = "Fields")]
pub struct Selection(Vec<(FilterField, Criterion)>);

/// What the predicate must know besides the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvalContext {
    pub now: UtcMs,
    pub silent_after_s: i64,
    /// The zone in which the hour of the week is counted.
    pub zone: Zone,
}

impl EvalContext {
    /// The minute of the clock. A list that follows the clock is evaluated once in each.
    pub const fn minute(&self) -> i64 {
        self.now.seconds().div_euclid(60)
    }

    /// Whether the context holds nothing, because no criterion needs it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a change of some fields shows about a document of which nothing else is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchHint {
    /// The change does not touch the selection, so the document matches as before.
    Nothing,
    /// It may match at some time only if it could before, but may match now where it did not, or the reverse.
    Turns,
    /// It may match.
    Perhaps,
    /// It does not match.
    No,
}

impl Selection {
    /// Reads the criteria from an address's names and values. It refuses an unknown name, because a list that ignored
    /// it would show more than was asked for.
    ///
    /// # Errors
    /// The reason, in words for the person who wrote the address.
    pub fn read(pairs: &mut dyn Iterator<Item = (String, String)>) -> Result<Self, BadChoice> {
        let mut all = Self::default();
        for (name, text) in pairs {
            let Some(part) = FilterField::of_name(&name) else { return Err(BadChoice::unknown(&name)) };
            if all.get(part).is_some() {
                return Err(BadChoice(format!("“{name}” may be given only once.")));
            }
            all = all.with(part, part.read(&text)?);
        }
        Ok(all)
    }

    /// Returns this selection if the collection has all of its fields.
    ///
    /// # Errors
    /// The reason, in words for the person who asked.
    pub fn of(self, collection: Collection) -> Result<Self, BadChoice> {
        match self.0.iter().find(|(part, _)| part.field(collection).is_none()) {
            Some((part, _)) => Err(BadChoice(format!("{collection} cannot be filtered by “{}”.", part.name()))),
            None => Ok(self),
        }
    }

    /// The requested statuses that are not in the standard. An operator's own statuses are found like any other.
    #[cfg(feature = "ssr")]
    pub fn odd_statuses(&self, collection: Collection) -> Vec<(FilterField, String)> {
        let known = collection.codes();
        let asked = self.parts().filter(|(part, _)| matches!(part, FilterField::Status | FilterField::Evse));
        let odd = |(part, wanted): (FilterField, &Criterion)| {
            let Criterion::OneOf(texts) = wanted else { return Vec::new() };
            let odd = texts.iter().filter(|text| !known.contains(&text.as_str()));
            odd.map(|text| (part, text.clone())).collect()
        };
        asked.flat_map(odd).collect()
    }

    /// This selection with `wanted` as the criterion of `part`, in place of any earlier one.
    #[must_use]
    pub fn with(self, part: FilterField, wanted: Criterion) -> Self {
        let Self(mut all) = self.without(part);
        let at = all.partition_point(|(other, _)| other.place() < part.place());
        all.insert(at, (part, wanted));
        Self(all)
    }

    #[must_use]
    pub fn without(mut self, part: FilterField) -> Self {
        self.0.retain(|(other, _)| *other != part);
        self
    }

    /// This selection, of amounts in one currency.
    #[must_use]
    pub fn in_currency(self, Currency(code): &Currency) -> Self {
        self.with(FilterField::Currency, Criterion::one_of([code.as_str()]))
    }

    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    pub fn parts(&self) -> impl Iterator<Item = (FilterField, &Criterion)> {
        self.0.iter().map(|(part, wanted)| (*part, wanted))
    }

    pub fn get(&self, part: FilterField) -> Option<&Criterion> {
        self.parts().find(|(other, _)| *other == part).map(|(_, wanted)| wanted)
    }

    /// Whether documents come and go as time passes, without any change to them.
    pub fn follows_clock(&self) -> bool {
        self.parts().any(|(part, _)| part.follows_clock())
    }

    /// The requested hour of the week. An [`EvalContext`] must hold its zone.
    pub fn slot(&self) -> Option<&Slot> {
        match self.get(FilterField::Slot)? {
            Criterion::In(slot) => Some(slot),
            _ => None,
        }
    }

    /// Whether the document belongs to the list.
    pub fn matches(&self, collection: Collection, row: &Fields, at: &EvalContext) -> bool {
        self.parts().all(|(part, wanted)| meets(row, part.field(collection), wanted, at, MeetsWhen::Now))
    }

    /// Whether the document, as it is now, belongs to the list at any time, whatever the clock shows.
    pub fn may_match(&self, collection: Collection, row: &Fields, at: &EvalContext) -> bool {
        self.parts().all(|(part, wanted)| meets(row, part.field(collection), wanted, at, MeetsWhen::Ever))
    }

    /// Whether a row of the list cannot be judged again, because the server cut the EVSEs that the selection asks for.
    /// A text stands in their place then, and no document with a text there is ever in such a list.
    pub fn is_cut(&self, row: &Fields) -> bool {
        self.get(FilterField::Evse).is_some() && row.get(EVSES).is_some_and(Value::is_string)
    }

    /// What a patch shows about whether a document that is not known [may match](Self::may_match).
    pub fn match_hint(&self, collection: Collection, set: &Fields, unset: &[String], at: &EvalContext) -> MatchHint {
        let touches = |field: &str| set.contains_key(field) || unset.iter().any(|name| name == field);
        let of = |(part, wanted): (FilterField, &Criterion)| match part.field(collection) {
            None => MatchHint::No,
            Some(field) if touches(field) && !meets(set, Some(field), wanted, at, MeetsWhen::Ever) => MatchHint::No,
            Some(field) if touches(field) || part.ever_by().iter().any(|field| touches(field)) => MatchHint::Perhaps,
            Some(_) if part.now_by().iter().any(|field| touches(field)) => MatchHint::Turns,
            Some(_) => MatchHint::Nothing,
        };
        self.parts().map(of).max().unwrap_or(MatchHint::Nothing)
    }
}

/// When a document has to meet a criterion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MeetsWhen {
    Now,
    /// At some time, with the document as it is now.
    Ever,
}

fn believed(station: &Station, evse: &Evse, status: &str, at: &EvalContext) -> bool {
    station.evse_status(evse, at.now, at.silent_after_s).code() == status
}

/// Whether an EVSE has a status at some time. Any EVSE may become UNKNOWN, those of a station with a removal date
/// become REMOVED, and no other status comes by itself.
fn ever(station: &Station, evse: &Evse, status: &str) -> bool {
    status == EvseStatus::Unknown.code()
        || status == EvseStatus::Removed.code() && station.removed_at.is_some()
        || evse.status.as_ref().is_some_and(|s| s.code() == status)
}

fn meets(row: &Fields, field: Option<&str>, wanted: &Criterion, at: &EvalContext, when: MeetsWhen) -> bool {
    let Some(field) = field else { return false };
    let text = row.get(field).and_then(|value| value.as_str());
    match wanted {
        Criterion::OneOf(statuses) if field == EVSES => {
            let station = see::<Station>(row).doc;
            let is = |evse: &Evse, status: &str| match when {
                MeetsWhen::Now => believed(&station, evse, status, at),
                MeetsWhen::Ever => ever(&station, evse, status),
            };
            statuses.iter().any(|status| station.evses.iter().any(|evse| is(evse, status)))
        }
        Criterion::OneOf(texts) => text.is_some_and(|text| texts.iter().any(|wanted| wanted == text)),
        Criterion::Within(period) => {
            text.and_then(UtcMs::parse).is_some_and(|date| period.from <= date && date < period.to)
        }
        Criterion::For(hours) => text
            .and_then(UtcMs::parse)
            .is_some_and(|date| date >= FIRST_DATE && (when == MeetsWhen::Ever || date < hours_ago(at.now, *hours))),
        Criterion::In(slot) => text.and_then(UtcMs::parse).is_some_and(|date| {
            let civil = at.zone.civil(date);
            (civil.weekday, civil.hour) == (slot.weekday, slot.hour)
        }),
    }
}

const EVSES: &str = "evses";

/// Writes the form used in addresses, such as `status=ACTIVE&client=C-1`. Equal selections write equal texts.
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

/// Strings by name, in the one map type that the browser's program has for values by name.
impl From<Selection> for Fields {
    fn from(selection: Selection) -> Self {
        // Insert one by one, because `collect` sorts and would compile code of its own for this one type.
        let mut texts = Self::new();
        for (part, wanted) in selection.parts() {
            texts.insert(part.name().to_owned(), wanted.to_string().into());
        }
        texts
    }
}

impl TryFrom<Fields> for Selection {
    type Error = BadChoice;

    fn try_from(texts: Fields) -> Result<Self, BadChoice> {
        if let Some(name) = texts.iter().find_map(|(name, value)| (!value.is_string()).then_some(name)) {
            return Err(BadChoice(format!("“{name}” is not text.")));
        }
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Self::read(&mut texts.iter().filter_map(text))
    }
}

#[cfg(test)]
mod tests;
