//! A report as a table: its columns, its rows in the order asked for, and the totals. Screen, CSV and API show its values.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{By, Column, Group, Key, Measure, ReportParameters, ReportSums, TooManyGroups};
use crate::domain::{
    address::BadChoice,
    cells::known,
    money::{Currency, is_currency},
    protocol::position::{ClusterTime, Position},
    range::Day,
    time::Period,
};

/// Maximum number of cells. It is enough for ten years by day in every currency that there is.
const CELLS_MAX: usize = 4 << 20;

/// Why no table is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReport {
    /// It cannot be sorted so.
    #[error(transparent)]
    Sort(#[from] BadChoice),
    #[error(transparent)]
    TooManyGroups(#[from] TooManyGroups),
}

/// The figures of a period, as they were at `ct`; the changes after `position` are not in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The query as it was read. Equal choices read the same.
    pub query: String,
    pub about: About,
    pub by: By,
    /// What the rows are sorted by.
    pub sort: String,
    /// The columns of the rows' cells and of the totals.
    pub columns: Vec<Column>,
    pub rows: Vec<ReportRow>,
    /// The number of all rows. `rows` may hold only the first of them.
    pub all: usize,
    pub totals: Vec<Option<i64>>,
}

/// Which period a report covers, and when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub zone: String,
    pub first: Day,
    pub last: Day,
    /// The period in UTC, as `from/to`. The end is not in it.
    pub period: String,
    /// MongoDB's operation time, RFC 3339.
    pub at: String,
    pub position: Position,
    pub ct: ClusterTime,
    /// When the period moves on, RFC 3339; `None` if it is fixed.
    pub until: Option<String>,
    /// How long reading took.
    pub took_ms: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The public id, the city, the method's code, or the first day of the piece of time.
    pub id: Option<String>,
    /// The name of what is not known, if there is no id.
    pub lacks: Option<String>,
    pub name: Option<String>,
    /// The piece of time within the report's period, in UTC, as `from/to`.
    pub period: Option<String>,
    /// Counts, Wh or minor units; `None` if not known.
    pub cells: Vec<Option<i64>>,
}

impl Report {
    /// How many rows a screen shows.
    pub fn shown(&self) -> usize {
        self.all.min(if self.by.is_time() { 800 } else { 200 })
    }

    /// Whether all totals are zero.
    pub fn is_empty(&self) -> bool {
        self.totals.iter().all(|total| *total == Some(0))
    }
}

#[cfg(test)]
impl Report {
    /// An empty report of 1 June 2018.
    ///
    /// # Panics
    /// Never, because that is a day.
    pub fn blank(by: By) -> Self {
        let day: Day = "2018-06-01".parse().unwrap();
        let about = About {
            zone: "UTC".to_owned(),
            first: day,
            last: day,
            period: "2018-06-01T00:00:00Z/2018-06-02T00:00:00Z".to_owned(),
            at: "2018-06-02T00:00:00Z".to_owned(),
            position: Position::default(),
            ct: ClusterTime::default(),
            until: None,
            took_ms: 0,
        };
        let (query, sort) = (String::new(), String::new());
        Self { query, about, by, sort, columns: Vec::new(), rows: Vec::new(), all: 0, totals: Vec::new() }
    }
}

/// A period as it stands in addresses.
pub fn interval(period: Period) -> String {
    format!("{}/{}", period.from, period.to)
}

/// Makes the table from the groups. Amounts of `lead` stand before those of other currencies. `piece` returns the
/// period of a piece of time, given its first day and that of the next.
///
/// # Errors
/// The currency of the column that the rows are sorted by is no code. A code without amounts leaves the order as it is.
/// Or there are more cells than one may have, because documents may hold any code.
pub fn report(
    query: &ReportParameters,
    about: About,
    groups: Vec<Group>,
    lead: Option<&Currency>,
    piece: impl Fn(Day, Day) -> Option<Period>,
) -> Result<Report, NoReport> {
    let by = query.by;
    let mut total = ReportSums::default();
    groups.iter().for_each(|group| total.add(&group.sums));
    let columns = columns(&total, lead);
    if let Some(column @ Column::Money(_, Currency(code))) = &query.sort.column
        && !is_currency(code)
        && !columns.contains(column)
    {
        return Err(BadChoice::unsortable(&column.to_string()).into());
    }
    let groups = if by.is_time() { without_gaps(by, &about, groups) } else { groups };
    let all = groups.len();
    if all.saturating_mul(columns.len()) > CELLS_MAX {
        return Err(TooManyGroups.into());
    }
    let mut rows: Vec<ReportRow> = groups.into_iter().map(|group| row(by, &columns, group, &piece)).collect();
    sort(query, &columns, &mut rows);
    Ok(Report {
        query: query.to_string(),
        by,
        sort: query.sort.to_string(),
        totals: columns.iter().map(|column| cell(column, &total)).collect(),
        about,
        columns,
        rows,
        all,
    })
}

/// The columns of the table. A remark or a currency that never occurs has none.
fn columns(total: &ReportSums, lead: Option<&Currency>) -> Vec<Column> {
    let mut columns = vec![Column::Sessions, Column::Energy];
    columns.extend((total.without_energy > 0).then_some(Column::WithoutEnergy));
    columns.extend((total.left_out > 0).then_some(Column::LeftOut));
    columns.extend((total.doubtful > 0).then_some(Column::Doubtful));
    columns.push(Column::Payments);
    columns.extend((total.derived > 0).then_some(Column::Derived));
    columns.extend((total.without_amount > 0).then_some(Column::WithoutAmount));
    let mut all: Vec<_> = total.money.iter().collect();
    all.sort_by_key(|(currency, _)| Some(currency) != lead);
    for (currency, money) in all {
        let needed = |measure: &Measure| *measure != Measure::FeesMissing || money.fees_missing > 0;
        let of = |measure| Column::Money(measure, currency.clone());
        columns.extend(Measure::ALL.into_iter().filter(needed).map(of));
    }
    columns
}

/// The value of a cell; no other place decides it. A sum of which no part is known is not known. A payment without a
/// known amount may be of any currency.
fn cell(column: &Column, sums: &ReportSums) -> Option<i64> {
    let (measure, currency) = match column {
        Column::Sessions => return Some(sums.sessions),
        Column::Energy => {
            return known(sums.energy_wh, sums.sessions, sums.without_energy.saturating_add(sums.left_out));
        }
        Column::WithoutEnergy => return Some(sums.without_energy),
        Column::LeftOut => return Some(sums.left_out),
        Column::Doubtful => return Some(sums.doubtful),
        Column::Payments => return Some(sums.payments),
        Column::Derived => return Some(sums.derived),
        Column::WithoutAmount => return Some(sums.without_amount),
        Column::Money(measure, currency) => (measure, currency),
    };
    let at = sums.money.binary_search_by(|(known, _)| known.cmp(currency)).ok();
    let money = at.and_then(|at| sums.money.get(at)).map(|(_, money)| *money).unwrap_or_default();
    let (payments, unknown) = (money.payments.saturating_add(sums.without_amount), sums.without_amount);
    let without_fee = unknown.saturating_add(money.fees_missing);
    match measure {
        Measure::Captured => known(money.captured, payments, unknown),
        Measure::Refunded => known(money.refunded, payments, unknown),
        Measure::Revenue => known(money.captured.wrapping_sub(money.refunded), payments, unknown),
        Measure::Fees => known(money.fees, payments, without_fee),
        Measure::FeesMissing => Some(money.fees_missing),
        Measure::Net => known(money.net, payments, without_fee),
    }
}

fn row(by: By, columns: &[Column], group: Group, piece: impl Fn(Day, Day) -> Option<Period>) -> ReportRow {
    let (id, lacks) = match group.key {
        Key::Is(id) => (Some(id), None),
        Key::Lacks(what) => (None, Some(what)),
    };
    let first: Option<Day> = id.as_deref().filter(|_| by.is_time()).and_then(|day| day.parse().ok());
    ReportRow {
        period: first.and_then(|first| piece(first, by.next(first))).map(interval),
        cells: columns.iter().map(|column| cell(column, &group.sums)).collect(),
        name: group.name,
        id,
        lacks,
    }
}

/// Adds a row for each piece of time in which nothing happened.
fn without_gaps(by: By, about: &About, groups: Vec<Group>) -> Vec<Group> {
    let mut known: BTreeMap<Key, Group> = groups.into_iter().map(|group| (group.key.clone(), group)).collect();
    let mut all = Vec::new();
    let mut day = by.first_day(about.first);
    while day <= about.last {
        let key = Key::Is(day.to_string());
        let nothing = || Group { key: key.clone(), name: None, sums: ReportSums::default() };
        all.push(known.remove(&key).unwrap_or_else(nothing));
        day = by.next(day);
    }
    all.extend(known.into_values());
    all
}

/// Sorts the rows. What is not known comes last in both directions; equal figures stand in the order of names.
fn sort(query: &ReportParameters, columns: &[Column], rows: &mut [ReportRow]) {
    let by_name = |a: &ReportRow, b: &ReportRow| {
        let name = |row: &ReportRow| row.name.as_ref().or(row.id.as_ref()).map(|name| name.to_lowercase());
        last(name(a), name(b), Ord::cmp).then_with(|| (&a.id, &a.lacks).cmp(&(&b.id, &b.lacks)))
    };
    let turned = |order: Ordering| if query.sort.descending { order.reverse() } else { order };
    let Some(wanted) = &query.sort.column else {
        rows.sort_by(|a, b| (a.id.is_none()).cmp(&b.id.is_none()).then_with(|| turned(by_name(a, b))));
        return;
    };
    let at = columns.iter().position(|column| column == wanted);
    let value = |row: &ReportRow| at.and_then(|at| row.cells.get(at).copied().flatten());
    rows.sort_by(|a, b| last(value(a), value(b), |a, b| turned(a.cmp(b))).then_with(|| by_name(a, b)));
}

fn last<T>(a: Option<T>, b: Option<T>, order: impl FnOnce(&T, &T) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => order(&a, &b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests;
