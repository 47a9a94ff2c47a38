//! The figures of the Overview: a view of the cells at an instant, for a day of a zone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    cells::{Bucket, Cell, Cells},
    entities::is_silent,
    ids::Collection,
    money::{Currency, Money, Watt, Wh},
    status::{ClientStatus, EvseStatus, PaymentStatus, SessionStatus},
    time::{DAY_S, Period, UtcMs},
};

/// When and where the figures are looked at.
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

/// Every figure by its public name. "Today" is [`Viewpoint::day`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub active_sessions: i64,
    pub long_active: LongActive,
    pub live_power: Watt,
    pub installed_power: Watt,
    pub energy_today: Wh,
    /// Energy of the same day of the week before, up to the same time of day.
    pub energy_week_before: Wh,
    /// Wh for each quarter of an hour of the day.
    pub energy_series: DaySeries,
    pub revenue_today: Vec<Revenue>,
    pub sessions_today: i64,
    pub completed_today: i64,
    pub evse_split: Vec<(EvseStatus, i64)>,
    /// Clients with status ACTIVE.
    pub clients: i64,
    pub open_payments: Open,
    pub failed_payments: i64,
    pub documents: BTreeMap<Collection, i64>,
    pub unreadable: BTreeMap<Collection, i64>,
    /// The beginning of the last quarter of an hour in which a session started or ended.
    pub newest_data: Option<UtcMs>,
    pub day: Period,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySeries {
    /// Up to now.
    pub today: Vec<i64>,
    pub week_before: Vec<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revenue {
    pub money: Money,
    /// How much of it was derived from a tariff, in minor units.
    pub derived_minor: i64,
}

/// Sessions that are ACTIVE for more than a day, to the quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongActive {
    pub count: i64,
    /// When they started: the list behind the figure is that of the ACTIVE sessions that started then.
    pub started: Period,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub count: i64,
    pub amounts: Vec<Money>,
}

/// The figures at `at`.
pub fn figures(cells: &Cells, at: &Viewpoint) -> Figures {
    let so_far = Period { from: at.day.from, to: Bucket(Bucket::of(at.now).0 + 1).start() };
    let elapsed = so_far.to.0 - so_far.from.0;
    let same_time =
        Period { from: at.week_before.from, to: UtcMs((at.week_before.from.0 + elapsed).min(at.week_before.to.0)) };
    Figures {
        active_sessions: cells.get(&Cell::Sessions(SessionStatus::Active)),
        long_active: long_active(cells, at.now),
        live_power: Watt(cells.get(&Cell::LivePower)),
        installed_power: Watt(cells.get(&Cell::InstalledPower)),
        energy_today: Wh(cells.sum(at.day, Cell::Energy)),
        energy_week_before: Wh(cells.sum(same_time, Cell::Energy)),
        energy_series: DaySeries {
            today: series(cells, so_far, Cell::Energy),
            week_before: series(cells, at.week_before, Cell::Energy),
        },
        revenue_today: revenue(cells, at.day),
        sessions_today: cells.sum(at.day, Cell::Started),
        completed_today: cells.sum(at.day, Cell::Completed),
        evse_split: evse_split(cells, at),
        clients: cells.get(&Cell::Clients(ClientStatus::Active)),
        open_payments: open(cells),
        failed_payments: cells.payments(at.day).get(&PaymentStatus::Failed).copied().unwrap_or(0),
        documents: by_collection(cells, Cell::Documents),
        unreadable: by_collection(cells, Cell::Unreadable),
        newest_data: newest(cells),
        day: at.day,
    }
}

fn long_active(cells: &Cells, now: UtcMs) -> LongActive {
    let day_ago = UtcMs::from_seconds(now.seconds() - DAY_S);
    let started = Period { from: UtcMs::FIRST, to: Bucket::of(day_ago).start() };
    LongActive { count: cells.sum(started, Cell::ActiveSince), started }
}

fn series(cells: &Cells, period: Period, cell: impl Fn(Bucket) -> Cell) -> Vec<i64> {
    let buckets = Bucket::range(period);
    (buckets.start.0..buckets.end.0).map(|b| cells.get(&cell(Bucket(b)))).collect()
}

fn revenue(cells: &Cells, day: Period) -> Vec<Revenue> {
    let revenue = |(currency, (minor, derived_minor))| Revenue { money: Money { minor, currency }, derived_minor };
    cells.revenue(day).into_iter().map(revenue).collect()
}

/// Always adds up to the number of EVSEs; in the order of the standard.
fn evse_split(cells: &Cells, at: &Viewpoint) -> Vec<(EvseStatus, i64)> {
    let mut split: BTreeMap<EvseStatus, i64> = BTreeMap::new();
    let first = Cell::Evses { status: EvseStatus::Available, offline: false, heartbeat_s: None };
    for (cell, n) in cells.range(first..Cell::InstalledPower) {
        if let Cell::Evses { status, offline, heartbeat_s } = cell {
            let lost = *offline || heartbeat_s.is_some_and(|s| is_silent(s, at.now, at.silent_after_s));
            *split.entry(if lost { EvseStatus::Unknown } else { status.clone() }).or_default() += n;
        }
    }
    split.into_iter().collect()
}

fn open(cells: &Cells) -> Open {
    let amounts = cells
        .range(Cell::OpenAmount(Currency(String::new()))..Cell::Open)
        .filter_map(|(cell, minor)| match cell {
            Cell::OpenAmount(currency) => Some(Money { minor, currency: currency.clone() }),
            _ => None,
        })
        .collect();
    Open { count: cells.get(&Cell::Open), amounts }
}

fn by_collection(cells: &Cells, cell: impl Fn(Collection) -> Cell) -> BTreeMap<Collection, i64> {
    Collection::ALL.into_iter().map(|c| (c, cells.get(&cell(c)))).filter(|(_, n)| *n != 0).collect()
}

fn newest(cells: &Cells) -> Option<UtcMs> {
    let last = |cell: fn(Bucket) -> Cell| {
        let (cell, _) = cells.range(cell(Bucket(i64::MIN))..cell(Bucket(i64::MAX))).next_back()?;
        match cell {
            Cell::Started(b) | Cell::Completed(b) => Some(b.start()),
            _ => None,
        }
    };
    last(Cell::Started).max(last(Cell::Completed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        cells::contributions,
        fields::Fields,
        selection::{Part, Selection, Sight, Wanted},
    };
    use serde_json::json;

    fn at(now: &str) -> Viewpoint {
        let day = |from: &str, to: &str| Period { from: UtcMs::parse(from).unwrap(), to: UtcMs::parse(to).unwrap() };
        Viewpoint {
            now: UtcMs::parse(now).unwrap(),
            day: day("2018-06-14T23:00:00Z", "2018-06-15T23:00:00Z"),
            week_before: day("2018-06-07T23:00:00Z", "2018-06-08T23:00:00Z"),
            silent_after_s: 900,
        }
    }

    fn cells(documents: serde_json::Value, collection: Collection) -> Cells {
        let mut cells = Cells::default();
        let documents: Vec<Fields> = serde_json::from_value(documents).unwrap();
        documents.iter().for_each(|row| cells.merge(&contributions(collection, row)));
        cells
    }

    #[test]
    fn the_day_is_local_and_half_open() {
        let cells = cells(
            json!([
                {"status": "COMPLETED", "end_date_time": "2018-06-14T23:00:00Z", "energy_wh": 10},
                {"status": "COMPLETED", "end_date_time": "2018-06-15T22:59:59Z", "energy_wh": 5},
                {"status": "COMPLETED", "end_date_time": "2018-06-15T23:00:00Z", "energy_wh": 100},
                {"status": "INVALID", "end_date_time": "2018-06-15T01:00:00Z", "energy_wh": 1000},
                {"status": "ACTIVE", "start_date_time": "2018-06-15T12:00:00Z", "power_w": 7000},
                {"status": "COMPLETED", "end_date_time": "2018-06-08T03:00:00Z", "energy_wh": 7},
            ]),
            Collection::ChargingSessions,
        );
        let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
        assert_eq!((f.energy_today, f.active_sessions, f.live_power), (Wh(15), 1, Watt(7000)));
        assert_eq!((f.sessions_today, f.energy_week_before), (1, Wh(7)));
        assert_eq!(f.energy_series.today.len(), 53);
        assert_eq!(f.energy_series.week_before.len(), 96);
        assert_eq!(f.newest_data, UtcMs::parse("2018-06-15T23:00:00Z"));
    }

    #[test]
    fn sessions_that_are_active_for_more_than_a_day_are_told() {
        let sessions = json!([
            {"status": "ACTIVE", "start_date_time": "2018-06-14T11:44:00Z"},
            {"status": "ACTIVE", "start_date_time": "2018-06-14T12:00:00Z"},
            {"status": "ACTIVE", "start_date_time": "2016-01-01T00:00:00Z"},
            {"status": "ACTIVE", "start_date_time": "1969-12-31T23:59:59Z"},
            {"status": "ACTIVE"},
            {"status": "COMPLETED", "start_date_time": "2016-01-01T00:00:00Z"},
        ]);
        let rows: Vec<Fields> = serde_json::from_value(sessions.clone()).unwrap();
        let cells = cells(sessions, Collection::ChargingSessions);
        let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
        assert_eq!((f.active_sessions, f.long_active.count), (5, 3));
        let behind = Selection::default()
            .with(Part::Status, Wanted::one_of(["ACTIVE"]))
            .with(Part::Started, Wanted::Within(f.long_active.started));
        let listed =
            rows.iter().filter(|row| behind.matches(Collection::ChargingSessions, row, &Sight::default())).count();
        assert_eq!(listed, 3, "the list holds exactly the documents of the figure");
    }

    #[test]
    fn the_split_adds_up_and_the_silent_are_unknown() {
        let cells = cells(
            json!([
                {"connection": "ONLINE", "last_heartbeat_at": "2018-06-15T11:50:00Z", "evses": [{"status": "AVAILABLE"}, {"status": "CHARGING"}]},
                {"connection": "ONLINE", "last_heartbeat_at": "2018-06-15T11:44:59Z", "evses": [{"status": "AVAILABLE"}]},
                {"connection": "OFFLINE", "last_heartbeat_at": "2018-06-15T12:00:00Z", "evses": [{"status": "AVAILABLE"}]},
                {"evses": [{"status": "ODD"}, {}]},
            ]),
            Collection::Stations,
        );
        let split = figures(&cells, &at("2018-06-15T12:00:00Z")).evse_split;
        let counts: Vec<_> = split.iter().map(|(s, n)| (s.code(), *n)).collect();
        assert_eq!(counts, [("AVAILABLE", 1), ("CHARGING", 1), ("UNKNOWN", 3), ("ODD", 1)]);
    }

    #[test]
    fn revenue_is_never_added_across_currencies() {
        let cells = cells(
            json!([
                {"status": "CAPTURED", "captured_minor": 500, "currency": "GBP", "captured_at": "2018-06-15T10:00:00Z"},
                {"status": "CAPTURED", "captured_minor": 70, "currency": "GBP", "captured_at": "2018-06-15T10:00:00Z", "source": {"derived": true}},
                {"status": "REFUNDED", "captured_minor": 300, "refunded_minor": 400, "currency": "EUR", "captured_at": "2018-06-15T10:00:00Z"},
                {"status": "AUTHORIZED", "amount_minor": 900, "currency": "EUR"},
            ]),
            Collection::Payments,
        );
        let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
        let revenue: Vec<_> =
            f.revenue_today.iter().map(|r| (r.money.currency.0.as_str(), r.money.minor, r.derived_minor)).collect();
        assert_eq!(revenue, [("EUR", -100, 0), ("GBP", 570, 70)]);
        assert_eq!((f.open_payments.count, f.open_payments.amounts[0].minor), (1, 900));
    }
}
