//! The figures of the Overview: a view of the cells at an instant, for a day of a zone.
//!
//! Long, because nearly half of it is tests. Each compares a figure with the documents that it counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    cells::{Bucket, Cell, Cells, known},
    collections::{Collection, Contact},
    money::{Currency, Money, Watt, Wh},
    selection::hours_ago,
    status::{ClientStatus, EvseStatus, PaymentStatus, SessionStatus},
    time::{DAY_S, Period, UtcMs},
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

/// Every figure by its public name. "Today" is [`Viewpoint::day`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub active_sessions: i64,
    /// ACTIVE sessions that started more than [`LONG_H`] hours ago.
    pub running_over_8h: i64,
    pub long_active: LongActive,
    /// `None`, here and below: documents count, but the value of none is known.
    pub live_power: Option<Watt>,
    /// ACTIVE sessions whose power is not known.
    pub power_unknown: i64,
    /// The power of the EVSEs in service.
    pub installed_power: Option<Watt>,
    /// EVSEs in service whose power is not known.
    pub rating_unknown: i64,
    pub energy_today: Option<Wh>,
    /// Sessions completed today whose energy is not known.
    pub energy_unknown: i64,
    /// Sessions completed today whose energy is not in the sum, because the energy or the times cannot be true.
    pub energy_left_out: i64,
    /// Sessions completed today whose energy is in the sum although it is more than is likely.
    pub energy_doubtful: i64,
    /// Energy of the same day of the week before, up to the same time of day.
    pub energy_week_before: Option<Wh>,
    /// Wh for each quarter of an hour of the day.
    pub energy_series: DaySeries,
    pub revenue_today: Vec<Revenue>,
    /// Payments captured today whose captured amount or currency is not known.
    pub amount_unknown: i64,
    pub sessions_today: i64,
    /// Sessions of today that start more than an hour ahead.
    pub sessions_ahead: i64,
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

/// Hours after which a session runs long, because the car is full or nobody unplugs it. The list behind the figure is
/// that of [`FilterField::Running`](super::selection::FilterField::Running).
pub const LONG_H: u8 = 8;

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
    /// The period in which they started. The list behind the figure holds the ACTIVE sessions that started in it.
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

/// The figures at `at`.
pub fn figures(cells: &Cells, at: &Viewpoint) -> Figures {
    let so_far = Period { from: at.day.from, to: Bucket::of(at.now).next().start() };
    let same_time = Period {
        from: at.week_before.from,
        to: at.week_before.from.after(so_far.to.since(so_far.from)).min(at.week_before.to),
    };
    let active_sessions = cells.get(&Cell::Sessions(SessionStatus::Active));
    let power_unknown = cells.get(&Cell::WithoutPower);
    let evse_split = evse_split(cells, at);
    let in_service = in_service(&evse_split);
    let rating_unknown = cells.in_service(at.now, Cell::WithoutRating);
    let energy = cells.energy(at.day, at.now);
    let ahead = Period { from: Bucket::ahead(at.now).next().start().clamp(at.day.from, at.day.to), to: at.day.to };
    Figures {
        active_sessions,
        running_over_8h: started_before(cells, hours_ago(at.now, LONG_H)).count,
        long_active: started_before(cells, Bucket::of(at.now.after(-1000 * DAY_S)).start()),
        live_power: known(cells.get(&Cell::LivePower), active_sessions, power_unknown).map(Watt),
        power_unknown,
        installed_power: known(cells.in_service(at.now, Cell::InstalledPower), in_service, rating_unknown).map(Watt),
        rating_unknown,
        energy_today: energy.wh.map(Wh),
        energy_unknown: energy.unknown,
        energy_left_out: energy.left_out,
        energy_doubtful: energy.doubtful,
        energy_week_before: cells.energy(same_time, at.now).wh.map(Wh),
        energy_series: DaySeries {
            today: series(cells, so_far, at.now),
            week_before: series(cells, at.week_before, at.now),
        },
        revenue_today: revenue(cells, at.day),
        amount_unknown: cells.sum(at.day, Cell::WithoutAmount),
        sessions_today: cells.sum(at.day, Cell::Started),
        sessions_ahead: cells.sum(ahead, Cell::Started),
        completed_today: cells.sum(at.day, Cell::Completed),
        evse_split,
        clients: cells.get(&Cell::Clients(ClientStatus::Active)),
        open_payments: open(cells),
        failed_payments: cells.payments(at.day).get(&PaymentStatus::Failed).copied().unwrap_or(0),
        documents: by_collection(cells, Cell::Documents),
        unreadable: by_collection(cells, Cell::Unreadable),
        newest_data: newest(cells, at.now),
        day: at.day,
    }
}

/// ACTIVE sessions that started before `to`, the beginning of a quarter of an hour.
fn started_before(cells: &Cells, to: UtcMs) -> LongActive {
    let started = Period { from: UtcMs::FIRST, to };
    LongActive { count: cells.sum(started, Cell::ActiveSince), started }
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

/// The EVSEs by status, in the order of the standard. The counts always add up to the number of EVSEs.
fn evse_split(cells: &Cells, at: &Viewpoint) -> Vec<(EvseStatus, i64)> {
    let mut split: BTreeMap<EvseStatus, i64> = BTreeMap::new();
    let first = Cell::Evses { status: EvseStatus::Available, offline: false, heartbeat_s: None, removed_s: None };
    for (cell, n) in cells.range(first..Cell::InstalledPower(None)) {
        if let Cell::Evses { status, offline, heartbeat_s, removed_s } = cell {
            let contact = Contact { offline: *offline, heartbeat_s: *heartbeat_s, removed_s: *removed_s };
            let sum = split.entry(contact.believed(Some(status), at.now, at.silent_after_s)).or_default();
            *sum = sum.wrapping_add(n);
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
    Open { count: cells.get(&Cell::Open), amounts, unknown: cells.get(&Cell::OpenWithoutAmount) }
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
mod tests {
    use super::*;
    use crate::domain::{
        cells::contributions,
        fields::Fields,
        selection::{Criterion, EvalContext, FilterField, Selection},
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

    /// A day that begins at the instant.
    fn day_from(now: &str) -> Period {
        let from = UtcMs::parse(now).unwrap();
        Period { from, to: from.after(1000 * DAY_S) }
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
        let f = figures(&cells, &at("2018-06-15T22:50:00Z"));
        assert_eq!((f.energy_today, f.active_sessions, f.live_power), (Some(Wh(15)), 1, Some(Watt(7000))));
        assert_eq!((f.sessions_today, f.energy_week_before), (1, Some(Wh(7))));
        assert_eq!(figures(&cells, &at("2018-06-15T12:00:00Z")).energy_series.today.len(), 53);
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
            .with(FilterField::Status, Criterion::one_of(["ACTIVE"]))
            .with(FilterField::Started, Criterion::Within(f.long_active.started));
        let listed = rows
            .iter()
            .filter(|row| behind.matches(Collection::ChargingSessions, row, &EvalContext::default()))
            .count();
        assert_eq!(listed, 3, "the list holds exactly the documents of the figure");

        // The same holds by hours, at any minute, because the list follows the clock as the figure does.
        let long = Criterion::For(LONG_H);
        let behind = Selection::default()
            .with(FilterField::Status, Criterion::one_of(["ACTIVE"]))
            .with(FilterField::Running, long);
        for (now, count) in [("2018-06-14T19:59:59Z", 3), ("2018-06-14T20:00:00Z", 3), ("2018-06-14T20:15:00Z", 4)] {
            let at = Viewpoint {
                now: UtcMs::parse(now).unwrap(),
                day: day_from(now),
                week_before: day_from(now),
                silent_after_s: 900,
            };
            let sight = EvalContext { now: at.now, ..EvalContext::default() };
            let listed = rows.iter().filter(|row| behind.matches(Collection::ChargingSessions, row, &sight)).count();
            let figure = figures(&cells, &at).running_over_8h;
            assert_eq!((figure, listed), (count, usize::try_from(count).unwrap()), "{now}");
        }
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
    fn what_is_removed_is_in_no_service() {
        let station = |id: &str, removed_at: serde_json::Value, watts: i64| {
            json!({"station_id": id, "connection": "ONLINE", "last_heartbeat_at": "2018-06-15T12:00:00Z", "removed_at": removed_at,
                "evses": [{"status": "AVAILABLE", "connectors": [{"max_electric_power": watts}]}]})
        };
        let all = json!([
            station("ST1", json!(null), 11_000),
            station("ST2", json!("2018-06-12T12:00:00Z"), 50_000),
            station("ST3", json!("2018-06-15T12:00:01Z"), 7000),
        ]);
        let cells = cells(all, Collection::Stations);
        let seen = |now| {
            let f = figures(&cells, &at(now));
            let split: Vec<_> = f.evse_split.iter().map(|(status, n)| (status.code().to_owned(), *n)).collect();
            (split, f.installed_power)
        };
        let of = |available, removed| vec![("AVAILABLE".to_owned(), available), ("REMOVED".to_owned(), removed)];
        assert_eq!(seen("2018-06-15T12:00:00Z"), (of(2, 1), Some(Watt(18_000))), "the third is taken away later");
        assert_eq!(seen("2018-06-15T12:00:01Z"), (of(1, 2), Some(Watt(11_000))));
    }

    #[test]
    fn a_sum_of_nothing_known_is_not_known() {
        let f = |documents, collection| figures(&cells(documents, collection), &at("2018-06-15T12:00:00Z"));
        let empty = f(json!([]), Collection::ChargingSessions);
        assert_eq!((empty.energy_today, empty.live_power), (Some(Wh(0)), Some(Watt(0))), "no session is no energy");
        assert_eq!(empty.installed_power, Some(Watt(0)));
        let ended = |wh: serde_json::Value| json!({"status": "COMPLETED", "start_date_time": "2018-06-15T10:00:00Z", "end_date_time": "2018-06-15T11:00:00Z", "energy_wh": wh});
        let active = |w: serde_json::Value| json!({"status": "ACTIVE", "power_w": w});
        let none = f(json!([ended(json!(null)), active(json!(null))]), Collection::ChargingSessions);
        assert_eq!((none.energy_today, none.energy_unknown, none.live_power, none.power_unknown), (None, 1, None, 1));
        assert_eq!(none.energy_series.today[48..50], [None, Some(0)], "what nobody knows is a gap in the chart");
        let some = json!([ended(json!(null)), ended(json!(0)), active(json!(null)), active(json!(0))]);
        let some = f(some, Collection::ChargingSessions);
        assert_eq!((some.energy_today, some.energy_unknown), (Some(Wh(0)), 1), "a session of no energy is known");
        assert_eq!((some.live_power, some.power_unknown), (Some(Watt(0)), 1));
        let unrated = f(json!([{"evses": [{"status": "AVAILABLE"}]}]), Collection::Stations);
        assert_eq!((unrated.installed_power, unrated.rating_unknown), (None, 1));
        let paid = json!([
            {"status": "CAPTURED", "captured_minor": 500, "captured_at": "2018-06-15T10:00:00Z"},
            {"status": "CAPTURED", "captured_minor": 300, "refunded_minor": 300, "currency": "EUR", "captured_at": "2018-06-15T10:00:00Z"},
            {"status": "PENDING", "currency": "EUR"},
        ]);
        let paid = f(paid, Collection::Payments);
        let revenue: Vec<_> = paid.revenue_today.iter().map(|r| (r.money.currency.0.as_str(), r.money.minor)).collect();
        assert_eq!((revenue, paid.amount_unknown), (vec![("EUR", 0)], 1), "given back is not the same as not known");
        assert_eq!((paid.open_payments.count, paid.open_payments.unknown), (1, 1));
    }

    #[test]
    fn what_cannot_be_true_is_in_no_energy() {
        let session = |start: &str, end: &str, wh: i64| json!({"status": "COMPLETED", "start_date_time": start, "end_date_time": end, "energy_wh": wh});
        let documents = json!([
            session("2018-06-15T08:00:00Z", "2018-06-15T11:59:00Z", -4_076_287),
            session("2018-06-15T08:00:00Z", "2018-06-15T11:59:00Z", 910_031),
            session("2018-06-15T11:56:00Z", "2018-06-15T11:59:00Z", 36_900),
            session("2018-06-15T11:59:00Z", "2018-06-15T10:59:00Z", 5000),
            session("2018-06-15T14:00:00Z", "2018-06-15T15:00:00Z", 6000),
            session("2018-06-15T10:00:00Z", "2018-06-15T11:59:00Z", 20_000),
            {"status": "COMPLETED", "end_date_time": "2018-06-15T11:00:00Z"},
        ]);
        let cells = cells(documents, Collection::ChargingSessions);
        let f = figures(&cells, &at("2018-06-15T12:00:00Z"));
        let told = (f.energy_today, f.energy_left_out, f.energy_doubtful, f.energy_unknown);
        assert_eq!(told, (Some(Wh(910_031 + 36_900 + 20_000)), 3, 2, 1));
        assert_eq!((f.completed_today, f.sessions_ahead), (7, 1), "all are in the list");
        assert_eq!(f.newest_data, UtcMs::parse("2018-06-15T11:45:00Z"), "what lies ahead is not new");
        let later = figures(&cells, &at("2018-06-15T14:15:00Z"));
        assert_eq!((later.energy_left_out, later.sessions_ahead), (2, 0), "an hour of the clock is allowed");
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
        let codes = |f: Figures| f.revenue_today.into_iter().map(|r| r.money.currency.0).collect::<Vec<_>>();
        assert_eq!(
            codes(f.clone().lead_with(&Currency("GBP".into()))),
            ["GBP", "EUR"],
            "the network's before the others"
        );
        assert_eq!(codes(f.lead_with(&Currency("JPY".into()))), ["EUR", "GBP"]);
    }
}
