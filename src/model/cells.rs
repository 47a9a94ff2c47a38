//! The figures' building blocks: integers that know no clock, in 15-minute UTC buckets where time matters.
//!
//! A change adds `contributions(after) - contributions(before)`; all documents folded give the same as all changes applied.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    entities::{Client, Document, EcoStat, Payment, Session, Station, see},
    fields::Fields,
    ids::Collection,
    money::Currency,
    status::{ClientStatus, Connection, EvseStatus, PaymentStatus, SessionStatus},
    time::{Period, UtcMs},
};

/// Number of a quarter of an hour since 1970, UTC. Every zone in use is a multiple of one from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(pub i64);

impl Bucket {
    pub const SECONDS: i64 = 900;

    pub const fn of(at: UtcMs) -> Self {
        Self(at.seconds().div_euclid(Self::SECONDS))
    }

    pub const fn start(self) -> UtcMs {
        UtcMs::from_seconds(self.0 * Self::SECONDS)
    }

    /// The buckets of a period whose ends are bucket ends.
    pub const fn range(period: Period) -> std::ops::Range<Self> {
        Self::of(period.from)..Self::of(period.to)
    }
}

/// What is summed. Buckets come first after the name, so that a period is one range of the map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cell {
    /// documents
    Documents(Collection),
    /// documents that have a field of unexpected shape
    Unreadable(Collection),
    /// sessions
    Sessions(SessionStatus),
    /// ACTIVE sessions, by `start_date_time`
    ActiveSince(Bucket),
    /// W, over ACTIVE sessions
    LivePower,
    /// sessions, by `start_date_time`
    Started(Bucket),
    /// COMPLETED sessions, by `end_date_time`
    Completed(Bucket),
    /// Wh of COMPLETED sessions, by `end_date_time`
    Energy(Bucket),
    /// minor units captured less refunded, by `captured_at`; the flag says that the payment was derived from a tariff
    Revenue(Bucket, Currency, bool),
    /// minor units PENDING or AUTHORIZED
    OpenAmount(Currency),
    /// payments PENDING or AUTHORIZED
    Open,
    /// payments, by `created_at`
    Payments(Bucket, PaymentStatus),
    /// clients
    Clients(ClientStatus),
    /// EVSEs, with what decides whether their status is to be believed
    Evses { status: EvseStatus, offline: bool, heartbeat_s: Option<i64> },
    /// W, the strongest connector of each EVSE
    InstalledPower,
}

impl Cell {
    /// Whether it belongs to a quarter of an hour, and so to the course of a figure over time.
    pub const fn is_course(&self) -> bool {
        matches!(self, Self::Started(_) | Self::Completed(_) | Self::Energy(_) | Self::Revenue(..) | Self::Payments(..))
    }
}

/// Sums by cell; a sum of zero is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Cell, i64)>", into = "Vec<(Cell, i64)>")]
pub struct Cells(BTreeMap<Cell, i64>);

impl Cells {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, cell: &Cell) -> i64 {
        self.0.get(cell).copied().unwrap_or(0)
    }

    /// The sum of one measure over a period.
    pub fn sum(&self, period: Period, measure: impl Fn(Bucket) -> Cell) -> i64 {
        let buckets = Bucket::range(period);
        self.range(measure(buckets.start)..measure(buckets.end)).map(|(_, n)| n).sum()
    }

    /// The revenue of a period by currency: all of it, and what of it was derived from a tariff. Minor units.
    pub fn revenue(&self, period: Period) -> BTreeMap<Currency, (i64, i64)> {
        let first = |bucket| Cell::Revenue(bucket, Currency(String::new()), false);
        let buckets = Bucket::range(period);
        let mut by_currency: BTreeMap<Currency, (i64, i64)> = BTreeMap::new();
        for (cell, minor) in self.range(first(buckets.start)..first(buckets.end)) {
            if let Cell::Revenue(_, currency, derived) = cell {
                let (all, of_tariff) = by_currency.entry(currency.clone()).or_default();
                *all += minor;
                *of_tariff += if *derived { minor } else { 0 };
            }
        }
        by_currency
    }

    /// The payments created in a period, by status.
    pub fn payments(&self, period: Period) -> BTreeMap<PaymentStatus, i64> {
        // No status comes before the first of the standard.
        let first = |bucket| Cell::Payments(bucket, PaymentStatus::Pending);
        let buckets = Bucket::range(period);
        let mut by_status = BTreeMap::new();
        for (cell, n) in self.range(first(buckets.start)..first(buckets.end)) {
            if let Cell::Payments(_, status) = cell {
                *by_status.entry(status.clone()).or_default() += n;
            }
        }
        by_status
    }

    /// The cells of a range, such as one measure over a period.
    pub fn range(&self, range: std::ops::Range<Cell>) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        self.0.range(range).map(|(cell, n)| (cell, *n))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        self.0.iter().map(|(cell, n)| (cell, *n))
    }

    fn add(&mut self, cell: Cell, n: i64) {
        use std::collections::btree_map::Entry;
        match self.0.entry(cell) {
            Entry::Vacant(e) => {
                if n != 0 {
                    e.insert(n);
                }
            }
            Entry::Occupied(mut e) => {
                *e.get_mut() = e.get().wrapping_add(n);
                if *e.get() == 0 {
                    e.remove();
                }
            }
        }
    }

    /// The cells in which these and `other` differ, each with both values.
    pub fn differences(&self, other: &Self) -> Vec<(Cell, i64, i64)> {
        let cells: BTreeSet<&Cell> = self.0.keys().chain(other.0.keys()).collect();
        let both = cells.into_iter().map(|cell| (cell.clone(), self.get(cell), other.get(cell)));
        both.filter(|(_, ours, theirs)| ours != theirs).collect()
    }

    /// Adds every sum of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (cell, n) in &other.0 {
            self.add(cell.clone(), *n);
        }
    }
}

impl From<Vec<(Cell, i64)>> for Cells {
    fn from(sums: Vec<(Cell, i64)>) -> Self {
        let mut cells = Self::default();
        sums.into_iter().for_each(|(cell, n)| cells.add(cell, n));
        cells
    }
}

impl From<Cells> for Vec<(Cell, i64)> {
    fn from(cells: Cells) -> Self {
        cells.0.into_iter().collect()
    }
}

/// What a change from `before` to `after` adds.
pub fn delta(collection: Collection, before: Option<&Fields>, after: Option<&Fields>) -> Cells {
    let mut cells = after.map_or_else(Cells::default, |row| contributions(collection, row));
    if let Some(row) = before {
        for (cell, n) in contributions(collection, row).0 {
            cells.add(cell, n.wrapping_neg());
        }
    }
    cells
}

/// What one document adds to the figures. The only place that says so.
pub fn contributions(collection: Collection, row: &Fields) -> Cells {
    match collection {
        Collection::Clients => counted(collection, row, client),
        Collection::Stations => counted(collection, row, station),
        Collection::Payments => counted(collection, row, payment),
        Collection::ChargingSessions => counted(collection, row, session),
        Collection::EcoStats => counted(collection, row, |_, _: &EcoStat| {}),
    }
}

fn counted<T: Document>(collection: Collection, row: &Fields, count: fn(&mut Cells, &T)) -> Cells {
    let mut cells = Cells::default();
    let seen = see::<T>(row);
    cells.add(Cell::Documents(collection), 1);
    if !seen.unreadable.is_empty() {
        cells.add(Cell::Unreadable(collection), 1);
    }
    count(&mut cells, &seen.doc);
    cells
}

fn client(cells: &mut Cells, client: &Client) {
    if let Some(status) = &client.status {
        cells.add(Cell::Clients(status.clone()), 1);
    }
}

fn station(cells: &mut Cells, station: &Station) {
    for evse in &station.evses {
        cells.add(
            Cell::Evses {
                status: evse.status.clone().unwrap_or(EvseStatus::Unknown),
                offline: station.connection == Some(Connection::Offline),
                heartbeat_s: station.last_heartbeat_at.map(UtcMs::seconds),
            },
            1,
        );
        cells.add(Cell::InstalledPower, evse.max_electric_power.map_or(0, |w| w.0));
    }
}

fn session(cells: &mut Cells, session: &Session) {
    if let Some(status) = &session.status {
        cells.add(Cell::Sessions(status.clone()), 1);
    }
    if let Some(at) = session.start_date_time {
        cells.add(Cell::Started(Bucket::of(at)), 1);
    }
    match (&session.status, session.end_date_time) {
        (Some(SessionStatus::Active), _) => {
            cells.add(Cell::LivePower, session.power_w.map_or(0, |w| w.0));
            if let Some(at) = session.start_date_time {
                cells.add(Cell::ActiveSince(Bucket::of(at)), 1);
            }
        }
        (Some(SessionStatus::Completed), Some(at)) => {
            cells.add(Cell::Completed(Bucket::of(at)), 1);
            cells.add(Cell::Energy(Bucket::of(at)), session.energy_wh.map_or(0, |e| e.0));
        }
        _ => {}
    }
}

fn payment(cells: &mut Cells, payment: &Payment) {
    let Some(status) = &payment.status else { return };
    if let (Some(revenue), Some(at)) = (payment.revenue(), payment.captured_at) {
        cells.add(Cell::Revenue(Bucket::of(at), revenue.currency, payment.derived), revenue.minor);
    }
    if status.is_open() {
        cells.add(Cell::Open, 1);
        if let Some(amount) = payment.amount() {
            cells.add(Cell::OpenAmount(amount.currency), amount.minor);
        }
    }
    if let Some(at) = payment.created_at {
        cells.add(Cell::Payments(Bucket::of(at), status.clone()), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn row() -> impl Strategy<Value = Fields> {
        let value = prop_oneof![
            prop::sample::select(vec!["ACTIVE", "COMPLETED", "CAPTURED", "FAILED", "PENDING", "EUR", "GBP", "odd"])
                .prop_map(|s| json!(s)),
            (1_500_000_000_i64..1_500_100_000).prop_map(|s| json!(UtcMs::from_seconds(s).to_string())),
            (-5_i64..50).prop_map(|n| json!(n)),
            Just(Value::Null),
        ];
        let name = prop::sample::select(vec![
            "status",
            "start_date_time",
            "end_date_time",
            "energy_wh",
            "power_w",
            "currency",
            "captured_minor",
            "captured_at",
            "amount_minor",
            "created_at",
        ]);
        prop::collection::btree_map(name.prop_map(str::to_owned), value, 0..8)
    }

    proptest! {
        #[test]
        fn changes_applied_equal_documents_folded(
            history in prop::collection::vec((0..4_u8, prop::option::of(row())), 0..40),
            collection in prop::sample::select(Collection::ALL.to_vec()),
        ) {
            let mut rows: BTreeMap<u8, Fields> = BTreeMap::new();
            let mut by_change = Cells::default();
            for (id, after) in history {
                let before = rows.get(&id).cloned();
                by_change.merge(&delta(collection, before.as_ref(), after.as_ref()));
                match after {
                    Some(row) => drop(rows.insert(id, row)),
                    None => drop(rows.remove(&id)),
                }
            }
            let mut folded = Cells::default();
            rows.values().for_each(|row| folded.merge(&contributions(collection, row)));
            prop_assert_eq!(by_change, folded);
        }
    }
}
