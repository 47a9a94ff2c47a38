//! The figures of the Overview: a view of the cells at an instant, for a day of a zone. The table below is their
//! registry: a figure's name, what it means, how it follows from the cells, and which documents it counts.

mod counted;
mod registry;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use counted::{ACTIVE, CAPTURED, COMPLETED, Counted, STARTED};
pub use registry::{FigureEntry, ListedFigure};

use super::{
    cells::{Cell, Cells, Energy, known},
    collections::{Collection, Contact, table::same},
    money::{Currency, Money, Watt, Wh},
    quality::FIRST_DATE,
    selection::{FilterField, hours_ago},
    status::{ClientStatus, EvseStatus, PaymentStatus, SessionStatus, named},
    time::{Bucket, Period, UtcMs},
};

/// The instant and the local days for which the figures are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewpoint {
    /// MongoDB's operation time.
    pub now: UtcMs,
    /// The local day that holds `now`.
    pub day: Period,
    /// The same day of the week before.
    pub week_before: Period,
    /// After how many seconds without a heartbeat a station counts as silent.
    pub silent_after_s: i64,
}

/// Hours after which a session runs long, because the car is full or nobody unplugs it.
pub const LONG_H: u8 = 8;
/// Hours after which a session most likely never ended.
pub const DAY_H: u8 = 24;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySeries {
    /// Up to now.
    pub today: Vec<Option<i64>>,
    pub week_before: Vec<Option<i64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revenue {
    pub money: Money,
    /// How much of it was derived from a tariff, in minor units.
    pub derived_minor: i64,
}

/// Sessions that have been ACTIVE for more than a day, to the quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongActive {
    pub count: i64,
    /// The period in which they started.
    pub started: Period,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub count: i64,
    pub amounts: Vec<Money>,
    /// Open payments whose amount or currency is not known.
    pub unknown: i64,
}

impl Figures {
    /// Moves amounts of `currency` before those of others.
    #[must_use]
    pub fn lead_with(mut self, currency: &Currency) -> Self {
        self.revenue_today.sort_by_key(|revenue| revenue.money.currency != *currency);
        self.open_payments.amounts.sort_by_key(|amount| amount.currency != *currency);
        self
    }
}

/// What several figures are made of.
struct Counts<'a> {
    cells: &'a Cells,
    at: &'a Viewpoint,
    energy: Energy,
    evses: Vec<(EvseStatus, i64)>,
}

impl<'a> Counts<'a> {
    fn of(cells: &'a Cells, at: &'a Viewpoint) -> Self {
        Self { cells, at, energy: cells.energy(at.day, at.now), evses: evse_split(cells, at) }
    }

    fn get(&self, cell: &Cell) -> i64 {
        self.cells.get(cell)
    }

    fn today(&self, measure: impl Fn(Bucket) -> Cell) -> i64 {
        self.cells.sum(self.at.day, measure)
    }

    /// The day up to now.
    fn so_far(&self) -> Period {
        Period { from: self.at.day.from, to: Bucket::of(self.at.now).next().start() }
    }

    /// The same part of the day a week before.
    fn same_time(&self) -> Period {
        let (so_far, before) = (self.so_far(), self.at.week_before);
        Period { from: before.from, to: before.from.after(so_far.to.since(so_far.from)).min(before.to) }
    }

    /// What of the day is more than an hour ahead.
    fn ahead(&self) -> Period {
        let Period { from, to } = self.at.day;
        Period { from: Bucket::ahead(self.at.now).next().start().clamp(from, to), to }
    }
}

registry::figures! { |c|
    /// sessions that are ACTIVE
    active_sessions: i64 = c.get(&Cell::Sessions(SessionStatus::Active)); counts ACTIVE,
    /// of these, those that started more than eight hours ago, to the quarter of an hour
    running_over_8h: i64 = running_for(c, LONG_H).count; counts ACTIVE.running(LONG_H),
    /// of these, those for more than a day (`count`), and when they `started`
    long_active: LongActive = running_for(c, DAY_H); counts ACTIVE.running(DAY_H),
    /// sessions that are PENDING
    pending_sessions: i64 = c.get(&Cell::Sessions(SessionStatus::Pending)); counts Counted::sessions(&[SessionStatus::Pending]),
    /// W that the ACTIVE sessions say they take
    live_power: Option<Watt> = known(
        c.get(&Cell::LivePower),
        c.get(&Cell::Sessions(SessionStatus::Active)),
        c.get(&Cell::WithoutPower),
    ).map(Watt); counts ACTIVE,
    /// how many of them do not say
    power_unknown: i64 = c.get(&Cell::WithoutPower),
    /// W of the EVSEs in service
    installed_power: Option<Watt> = known(
        c.cells.in_service(c.at.now, Cell::InstalledPower),
        in_service(&c.evses),
        c.cells.in_service(c.at.now, Cell::WithoutRating),
    ).map(Watt),
    /// how many of these do not say
    rating_unknown: i64 = c.cells.in_service(c.at.now, Cell::WithoutRating),
    /// Wh of the sessions completed today
    energy_today: Option<Wh> = c.energy.wh.map(Wh); counts COMPLETED,
    /// how many of these do not say
    energy_unknown: i64 = c.energy.unknown,
    /// how many of these are not in the sum
    energy_left_out: i64 = c.energy.left_out,
    /// how many of these are in it and doubtful
    energy_doubtful: i64 = c.energy.doubtful,
    /// Wh of the same day of the week before, up to the same time
    energy_week_before: Option<Wh> = c.cells.energy(c.same_time(), c.at.now).wh.map(Wh),
    /// Wh for each quarter of an hour, `today` so far and the whole day of the `week_before`
    energy_series: DaySeries = DaySeries {
        today: series(c.cells, c.so_far(), c.at.now),
        week_before: series(c.cells, c.at.week_before, c.at.now),
    },
    /// captured minus refunded of payments captured today, a sum for each currency (`money`), and how much of it was
    /// derived from a tariff (`derived_minor`)
    revenue_today: Vec<Revenue> = revenue(c.cells, c.at.day); counts CAPTURED,
    /// payments captured today that do not say how much, or in which currency
    amount_unknown: i64 = c.today(Cell::WithoutAmount),
    /// sessions that start today
    sessions_today: i64 = c.today(Cell::Started); counts STARTED,
    /// of these, those that start more than an hour ahead
    sessions_ahead: i64 = c.cells.sum(c.ahead(), Cell::Started),
    /// sessions completed today
    completed_today: i64 = c.today(Cell::Completed); counts COMPLETED,
    /// how many EVSEs are in each status, as pairs
    evse_split: Vec<(EvseStatus, i64)> = c.evses.clone(),
    /// clients that are ACTIVE
    clients: i64 = c.get(&Cell::Clients(ClientStatus::Active)); counts Counted::clients(&[ClientStatus::Active]),
    /// clients that are BLOCKED
    blocked_clients: i64 = c.get(&Cell::Clients(ClientStatus::Blocked)); counts Counted::clients(&[ClientStatus::Blocked]),
    /// PENDING and AUTHORIZED payments: `count`, `amounts` by currency, and how many say none (`unknown`)
    open_payments: Open = open(c.cells); counts Counted::payments(PaymentStatus::OPEN),
    /// payments FAILED today
    failed_payments: i64 = c.cells.payments(c.at.day).get(&PaymentStatus::Failed).copied().unwrap_or(0);
        counts Counted::payments(&[PaymentStatus::Failed]).within(FilterField::Created),
    /// how many documents each collection has
    documents: BTreeMap<Collection, i64> = by_collection(c.cells, Cell::Documents),
    /// how many of these have a field that cannot be read
    unreadable: BTreeMap<Collection, i64> = by_collection(c.cells, Cell::Unreadable),
    /// the beginning of the last quarter of an hour in which a session started or ended
    newest_data: Option<UtcMs> = newest(c.cells, c.at.now),
    /// today
    day: Period = c.at.day,
}

/// Finds a figure that has a list. In a constant, an unknown name or a figure without a list does not compile.
///
/// # Panics
/// For an unknown name, and for a figure without a list.
#[must_use]
pub const fn listed(name: &str) -> ListedFigure {
    let mut figures = FIGURES;
    while let [figure, rest @ ..] = figures {
        if let FigureEntry { name: own, counted: Some(counted), .. } = *figure
            && same(own.as_bytes(), name.as_bytes())
        {
            return ListedFigure { name: own, counted };
        }
        figures = rest;
    }
    panic!("no figure of this name has a list")
}

/// ACTIVE sessions that have been running for so many hours. A start that cannot be true says nothing of that.
fn running_for(counts: &Counts<'_>, hours: u8) -> LongActive {
    let started = Period { from: FIRST_DATE, to: hours_ago(counts.at.now, hours) };
    LongActive { count: counts.cells.sum(started, Cell::ActiveSince), started }
}

fn series(cells: &Cells, period: Period, now: UtcMs) -> Vec<Option<i64>> {
    let buckets = Bucket::range(period);
    let energy = |b: Bucket| match cells.get(&Cell::Completed(b)) {
        0 => Some(0),
        _ => cells.energy(Period { from: b.start(), to: b.next().start() }, now).wh,
    };
    (buckets.start.0..buckets.end.0).map(Bucket).map(energy).collect()
}

/// The energy of some quarters of an hour, Wh. `None` if that of one is not known and the others add up to zero.
pub fn sum(quarters: &[Option<i64>]) -> Option<i64> {
    let sum = quarters.iter().flatten().fold(0, |sum: i64, wh| sum.wrapping_add(*wh));
    (sum != 0 || quarters.iter().all(Option::is_some)).then_some(sum)
}

/// How many EVSEs there are, without those that are removed.
pub fn in_service(split: &[(EvseStatus, i64)]) -> i64 {
    split.iter().filter(|(status, _)| *status != EvseStatus::Removed).fold(0, |sum: i64, (_, n)| sum.saturating_add(*n))
}

fn revenue(cells: &Cells, day: Period) -> Vec<Revenue> {
    let revenue = |(currency, (minor, derived_minor))| Revenue { money: Money { minor, currency }, derived_minor };
    cells.revenue(day).into_iter().map(revenue).collect()
}

/// The EVSEs by status, in the order of the standard, where of many unknown statuses only [some have a name](named). The
/// counts always add up to the number of EVSEs.
fn evse_split(cells: &Cells, at: &Viewpoint) -> Vec<(EvseStatus, i64)> {
    let first = Cell::Evses { status: EvseStatus::LEAST.clone(), offline: false, heartbeat_s: None, removed_s: None };
    let evses = cells.measure(first, |cell| match cell {
        Cell::Evses { status, offline, heartbeat_s, removed_s } => {
            let contact = Contact { offline: *offline, heartbeat_s: *heartbeat_s, removed_s: *removed_s };
            Some(contact.believed(Some(status), at.now, at.silent_after_s))
        }
        _ => None,
    });
    let mut split: BTreeMap<EvseStatus, i64> = BTreeMap::new();
    for (status, n) in evses {
        let sum = split.entry(status).or_default();
        *sum = sum.wrapping_add(n);
    }
    named(split).into_iter().collect()
}

fn open(cells: &Cells) -> Open {
    let amounts = cells.measure(Cell::OpenAmount(Currency(String::new())), |cell| match cell {
        Cell::OpenAmount(currency) => Some(currency.clone()),
        _ => None,
    });
    Open {
        count: cells.get(&Cell::Open),
        amounts: amounts.map(|(currency, minor)| Money { minor, currency }).collect(),
        unknown: cells.get(&Cell::OpenWithoutAmount),
    }
}

fn by_collection(cells: &Cells, cell: impl Fn(Collection) -> Cell) -> BTreeMap<Collection, i64> {
    Collection::ALL.into_iter().map(|c| (c, cells.get(&cell(c)))).filter(|(_, n)| *n != 0).collect()
}

/// The start of the last bucket with data. More than an hour ahead nothing counts, because it has not happened.
fn newest(cells: &Cells, now: UtcMs) -> Option<UtcMs> {
    let last = |cell: fn(Bucket) -> Cell| {
        let (cell, _) = cells.range(cell(Bucket(i64::MIN))..=cell(Bucket::ahead(now))).next_back()?;
        match cell {
            Cell::Started(b) | Cell::Completed(b) => Some(b.start()),
            _ => None,
        }
    };
    last(Cell::Started).max(last(Cell::Completed))
}

#[cfg(test)]
mod tests;
