//! What the charts show of a period: sums for each piece, those of an earlier period, payments by state, and the
//! hours of the week. They are values by name, so that only those that differ travel on a board.
//!
//! Long, because what the server puts on the board and what a page reads of it stand side by side.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    address::{Refused, zone},
    cells::{Cell, Cells, known},
    fields::Fields,
    ids::UnknownTopic,
    money::Currency,
    range::{Against, Range, RangeStep},
    selection::FilterField,
    status::PaymentStatus,
    time::{Bucket, Period, UtcMs, Zone},
    value::read,
};

/// The period, the step of its pieces, and the period beside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    pub range: Range,
    pub step: RangeStep,
    pub against: Against,
    /// IANA name, checked by the server.
    pub zone: String,
}

impl Query {
    /// The names of its parts in addresses.
    pub const NAMES: [&'static str; 6] = ["last", "from", "to", "zone", "by", "against"];

    /// Reads the parts by name. Without a zone, the network's is used.
    ///
    /// # Errors
    /// The reason, in words for the person who chose it.
    pub fn read(get: impl Fn(&str) -> Option<String>, network: &str) -> Result<Self, Refused> {
        let range = Range::read(&get)?;
        let zone = zone(&get, network)?;
        Ok(Self {
            range,
            step: RangeStep::read(get("by").as_deref(), range)?,
            against: Against::read(get("against").as_deref())?,
            zone,
        })
    }
}

/// The charts that show what is now, whatever the period.
pub const OF_NOW: [&str; 2] = ["power", "evses"];

/// The name in addresses of the currency in which revenue is shown.
pub const CURRENCY: &str = "currency";

/// Reads the currency in which revenue is to be shown.
///
/// # Errors
/// The reason, in words for the person who chose it, if the text is not a currency code.
pub fn currency(code: Option<String>) -> Result<Option<Currency>, Refused> {
    let Some(code) = code else { return Ok(None) };
    FilterField::Currency.read(&code).map_err(Refused::of(CURRENCY))?;
    Ok(Some(Currency(code)))
}

/// Writes the form used in addresses and topics. Equal choices read the same.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { range, step, against, zone } = self;
        write!(f, "{range}&by={}&against={}&zone={zone}", step.name(), against.name())
    }
}

impl FromStr for Query {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let get = |name: &str| pairs.clone().find(|(part, _)| *part == name).map(|(_, value)| value.to_owned());
        let query = Self::read(get, "UTC").map_err(|_| UnknownTopic(text.to_owned()))?;
        // Each board has one name, so that no other spelling makes a second board.
        if query.to_string() == text { Ok(query) } else { Err(UnknownTopic(text.to_owned())) }
    }
}

/// A query's periods in UTC, made by the server, which knows the zone. The pieces adjoin and fill the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub zone: Zone,
    pub pieces: Vec<Period>,
    /// The pieces of the earlier period.
    pub earlier: Vec<Period>,
}

/// The period from the first piece to the last; `None` without pieces.
pub fn whole(pieces: &[Period]) -> Option<Period> {
    Some(Period { from: pieces.first()?.from, to: pieces.last()?.to })
}

/// One piece of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    pub from: UtcMs,
    pub to: UtcMs,
    /// `None` if the piece has not begun.
    pub sums: Option<Sums>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Wh of COMPLETED sessions, by their end. `None` if sessions were completed but the energy of none is known.
    pub energy: Option<i64>,
    /// Sessions by their start.
    pub started: i64,
    /// COMPLETED sessions by their end.
    pub completed: i64,
    /// COMPLETED sessions whose energy is not known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub energy_unknown: i64,
    /// COMPLETED sessions whose energy is in no sum, because the energy or the times cannot be true.
    #[serde(default, skip_serializing_if = "is_default")]
    pub energy_left_out: i64,
    /// COMPLETED sessions whose energy is in the sum although it is more than is likely.
    #[serde(default, skip_serializing_if = "is_default")]
    pub energy_doubtful: i64,
    /// Minor units captured minus refunded, by date of capture, for each currency in which a known amount was
    /// captured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revenue: BTreeMap<Currency, i64>,
    /// Captured payments whose captured amount or currency is not known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub amount_unknown: i64,
    /// How much of the revenue was derived from a tariff, in minor units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived_minor: BTreeMap<Currency, i64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The sums of a period in which nothing happened.
impl Default for Sums {
    fn default() -> Self {
        Self {
            energy: Some(0),
            started: 0,
            completed: 0,
            energy_unknown: 0,
            energy_left_out: 0,
            energy_doubtful: 0,
            revenue: BTreeMap::new(),
            amount_unknown: 0,
            derived_minor: BTreeMap::new(),
        }
    }
}

impl Sums {
    fn of(cells: &Cells, period: Period, now: UtcMs) -> Self {
        let revenue = cells.revenue(period);
        let energy = cells.energy(period, now);
        Self {
            energy: energy.wh,
            started: cells.sum(period, Cell::Started),
            completed: energy.completed,
            energy_unknown: energy.unknown,
            energy_left_out: energy.left_out,
            energy_doubtful: energy.doubtful,
            derived_minor: revenue.iter().filter(|(_, (_, n))| *n != 0).map(|(of, (_, n))| (of.clone(), *n)).collect(),
            revenue: revenue.into_iter().map(|(currency, (minor, _))| (currency, minor)).collect(),
            amount_unknown: cells.sum(period, Cell::WithoutAmount),
        }
    }

    /// The revenue in a currency, minor units. `None` if no payment is known to be in it, and some have no known
    /// amount or currency.
    pub fn revenue_in(&self, currency: &Currency) -> Option<i64> {
        self.revenue.get(currency).copied().or((self.amount_unknown == 0).then_some(0))
    }

    /// Adds the sums of another piece.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.started, other.started),
            (&mut self.completed, other.completed),
            (&mut self.energy_unknown, other.energy_unknown),
            (&mut self.energy_left_out, other.energy_left_out),
            (&mut self.energy_doubtful, other.energy_doubtful),
            (&mut self.amount_unknown, other.amount_unknown),
        ] {
            *sum = sum.saturating_add(more);
        }
        let wh = self.energy.unwrap_or(0).wrapping_add(other.energy.unwrap_or(0));
        self.energy = known(wh, self.completed, self.energy_unknown.saturating_add(self.energy_left_out));
        for (sums, more) in [(&mut self.revenue, &other.revenue), (&mut self.derived_minor, &other.derived_minor)] {
            for (currency, minor) in more {
                let sum = sums.entry(currency.clone()).or_default();
                *sum = sum.wrapping_add(*minor);
            }
        }
    }
}

/// The sum of the pieces that have begun.
pub fn total<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Sums {
    let mut total = Sums::default();
    pieces.into_iter().filter_map(|piece| piece.sums.as_ref()).for_each(|sums| total.add(sums));
    total
}

/// Hours of a week.
pub const WEEK: usize = 7 * 24;

const PIECE: &str = "piece:";
const EARLIER: &str = "earlier:";
const BEFORE: &str = "before";
const PAYMENTS: &str = "payments";
const HOURS: &str = "hours";

/// The board's values at `now`.
pub fn fields(cells: &Cells, plan: &Plan, now: UtcMs) -> Fields {
    let mut fields = Fields::new();
    for (begins, pieces) in [(PIECE, &plan.pieces), (EARLIER, &plan.earlier)] {
        for period in pieces {
            let sums = (period.from <= now).then(|| Sums::of(cells, *period, now));
            let piece = Piece { from: period.from, to: period.to, sums };
            // Seconds in twelve digits sort as instants do.
            put(&mut fields, format!("{begins}{:012}", period.from.seconds()), &piece);
        }
    }
    if let Some(period) = whole(&plan.pieces) {
        if let Some(earlier) = whole(&plan.earlier) {
            put(&mut fields, BEFORE.to_owned(), &Sums::of(cells, so_far(earlier, period, now), now));
        }
        put(&mut fields, PAYMENTS.to_owned(), &cells.payments(period));
        put(&mut fields, HOURS.to_owned(), &hours(cells, period, &plan.zone));
    }
    fields
}

/// Cuts the earlier period to the elapsed length of the current one.
fn so_far(earlier: Period, period: Period, now: UtcMs) -> Period {
    if now >= period.to {
        return earlier;
    }
    let passed = Bucket::of(now).next().start().since(period.from).max(0);
    Period { from: earlier.from, to: earlier.from.after(passed).min(earlier.to) }
}

fn put(fields: &mut Fields, name: String, value: &impl Serialize) {
    // Texts and integers can always be written as a value.
    fields.insert(name, serde_json::to_value(value).unwrap_or_default());
}

/// Sessions started in each local hour of the week, from Monday 00:00.
fn hours(cells: &Cells, period: Period, zone: &Zone) -> Vec<i64> {
    let mut hours = vec![0; WEEK];
    let buckets = Bucket::range(period);
    for (cell, n) in cells.range(Cell::Started(buckets.start)..Cell::Started(buckets.end)) {
        if let Cell::Started(bucket) = cell {
            let civil = zone.civil(bucket.start());
            let hour = usize::from(civil.weekday).saturating_mul(24).saturating_add(civil.hour.into());
            if let Some(sessions) = hours.get_mut(hour) {
                *sessions = n.saturating_add(*sessions);
            }
        }
    }
    hours
}

fn pieces(fields: &Fields, begins: &str) -> Vec<Piece> {
    let named = fields.range(begins.to_owned()..).take_while(|(name, _)| name.starts_with(begins));
    named.filter_map(|(_, value)| read(value)).collect()
}

/// The period's pieces, in order.
pub fn pieces_of(fields: &Fields) -> Vec<Piece> {
    pieces(fields, PIECE)
}

/// The earlier period's pieces, in order.
pub fn earlier_of(fields: &Fields) -> Vec<Piece> {
    pieces(fields, EARLIER)
}

/// The sums of the earlier period, cut to the elapsed length of the current one; `None` without an earlier period.
pub fn before_of(fields: &Fields) -> Option<Sums> {
    fields.get(BEFORE).and_then(read)
}

/// The number of payments of the period in each state.
pub fn payments_of(fields: &Fields) -> BTreeMap<PaymentStatus, i64> {
    fields.get(PAYMENTS).and_then(read).unwrap_or_default()
}

/// The number of sessions of the period that started in each hour of the week, from Monday 00:00.
pub fn hours_of(fields: &Fields) -> Vec<i64> {
    let hours: Option<Vec<i64>> = fields.get(HOURS).and_then(read);
    hours.filter(|hours| hours.len() == WEEK).unwrap_or_else(|| vec![0; WEEK])
}

#[cfg(test)]
mod tests;
