//! The texts of a report: its headings, rows, figures and description. Screen and file have the same texts.

use std::borrow::Cow;

use super::{count, displayable, method, numbers::fixed, times::weekday_name};
use crate::domain::{
    money::Currency,
    range::Day,
    report::{By, Column, Measure, Report, ReportRow},
};

pub const REPORTS: &str = "Reports";
pub const GROUP_BY: &str = "Group by";
pub const AS_CSV: &str = "Download CSV";
pub const TOTAL: &str = "Total";
pub const NO_FIGURES: (&str, &str) =
    ("Nothing in this period", "No session was completed and no payment captured in it. Choose another period above.");
/// What the report counts and by which date, for people who see only the file.
pub const REPORT_COUNTS: &str = "Completed sessions by their end; captured, partially refunded, refunded and disputed payments by their capture. Currencies are never added.";
pub const REPORT_NET: &str = "Net is revenue minus fees, for the payments whose fee is known.";

/// The button that shows a report whose rows are others than those that someone reads.
pub const NEWER_REPORT: &str = "Show the newer report";
/// Shown when a report takes so long that people must be told.
pub const REPORT_READING: &str = "ChargeDeck is still reading every session and payment of this period. Try again in a few seconds. A shorter period takes less time. By day, week or month a report is there at once.";
pub const REPORT_BY_MONTH: &str = "Show by month";

/// Points from the chart to the table with the same figures.
pub const TABLE_BELOW: &str = "The table below has the same figures, and more.";

/// The address of the report as a file.
pub fn report_file(report: &Report) -> String {
    format!("/api/v1/report.csv?{}", report.query)
}

/// What the chart shows, for screen readers: `Energy kWh by station, 2018-06-01 to 2018-06-30, Europe/London:
/// 1,234.500 in all.`
pub fn report_sentence(report: &Report, (at, column): (usize, &Column)) -> String {
    let total = report.totals.get(at).copied().flatten();
    let total = total.map_or_else(|| super::NOT_KNOWN.to_owned(), |total| report_figure(column, total));
    let by = report_by(report.by).to_ascii_lowercase();
    format!("{} by {by}, {}: {total} in all.", report_column(column), report_period(report))
}

/// What one row stands for.
pub const fn report_by(by: By) -> &'static str {
    match by {
        By::Day => "Day",
        By::Week => "Week",
        By::Month => "Month",
        By::Station => "Station",
        By::City => "City",
        By::Client => "Client",
        By::Method => "Method",
    }
}

/// The heading of what stands beside a row's name: `Weekday` for days, `Number` for stations and clients.
pub const fn report_beside(by: By) -> Option<&'static str> {
    match by {
        By::Day => Some("Weekday"),
        By::Station | By::Client => Some("Number"),
        _ => None,
    }
}

/// A column's heading, with its unit: `Energy kWh`, `Revenue GBP`.
pub fn report_column(column: &Column) -> String {
    let plain = match column {
        Column::Sessions => "Sessions",
        Column::Energy => "Energy kWh",
        Column::WithoutEnergy => super::charts::NO_ENERGY,
        Column::LeftOut => super::charts::LEFT_OUT,
        Column::Doubtful => super::charts::DOUBTFUL,
        Column::Payments => "Payments",
        Column::Derived => "Derived",
        Column::WithoutAmount => super::charts::NO_AMOUNT,
        // This column counts payments and is no amount, so the currency must not stand first.
        Column::Money(Measure::FeesMissing, Currency(code)) => return format!("{code} payments, fee not known"),
        Column::Money(measure, Currency(code)) => return format!("{} {code}", report_measure(*measure)),
    };
    plain.to_owned()
}

const fn report_measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Captured => "Captured",
        Measure::Refunded => "Refunded",
        Measure::Revenue => "Revenue",
        Measure::Fees => "Fees",
        Measure::FeesMissing => "Payments, fee not known",
        Measure::Net => "Net",
    }
}

/// What a column means, as the tooltip of its heading.
pub const fn report_why(column: &Column) -> &'static str {
    match column {
        Column::Sessions => "completed sessions, by their end",
        Column::Energy => "what those sessions delivered, where they report it",
        Column::WithoutEnergy => super::NO_ENERGY_WHY,
        Column::LeftOut => super::LEFT_OUT_WHY,
        Column::Doubtful => super::DOUBTFUL_WHY,
        Column::Payments => "payments captured, even if refunded since",
        Column::Derived => super::DERIVED_WHY,
        Column::WithoutAmount => super::NO_AMOUNT_WHY,
        Column::Money(Measure::Captured, _) => "captured, before refunds",
        Column::Money(Measure::Refunded, _) => "refunded",
        Column::Money(Measure::Revenue, _) => "captured minus refunded",
        Column::Money(Measure::Fees, _) => "fees, as far as they are known",
        Column::Money(Measure::FeesMissing, _) => "payments whose fee is not known",
        Column::Money(Measure::Net, _) => "revenue minus fees, for the payments whose fee is known",
    }
}

/// A row's name, and what stands beside it.
pub fn report_row(by: By, row: &ReportRow) -> (String, Option<String>) {
    let shown = |text: &String| displayable(Cow::Owned(text.clone())).into_owned();
    let Some(id) = &row.id else {
        let lacks = match row.lacks.as_deref() {
            Some("payment") => "No payment known",
            Some("station") => "Station not known",
            Some("city") => "City not known",
            Some("client") => "Client not known",
            _ => "Method not known",
        };
        return (lacks.to_owned(), None);
    };
    match by {
        By::Day => (id.clone(), id.parse::<Day>().ok().map(weekday)),
        By::Week => (format!("from {id}"), None),
        By::Month => (id.get(..7).unwrap_or(id).to_owned(), None),
        By::Method => (method(id).into_owned(), None),
        By::City => (shown(id), None),
        By::Station | By::Client => (shown(row.name.as_ref().unwrap_or(id)), Some(shown(id))),
    }
}

fn weekday(day: Day) -> String {
    weekday_name(u8::try_from(day.weekday()).unwrap_or(0)).to_owned()
}

/// The number of decimals of a column.
pub fn report_scale(column: &Column) -> u32 {
    match column {
        Column::Energy => 3,
        Column::Money(Measure::FeesMissing, _) => 0,
        Column::Money(_, currency) => currency.exponent(),
        _ => 0,
    }
}

/// A figure, with all its digits.
pub fn report_figure(column: &Column, value: i64) -> String {
    let scale = report_scale(column);
    fixed(value, scale, scale)
}

/// `2018-06-01 to 2018-06-30, Europe/London`
pub fn report_period(report: &Report) -> String {
    let about = &report.about;
    if about.first == about.last {
        format!("{}, {}", about.first, about.zone)
    } else {
        format!("{} to {}, {}", about.first, about.last, about.zone)
    }
}

/// `By station, 63 rows` or `By client, the first 200 of 827 rows`.
pub fn report_rows(report: &Report) -> String {
    let by = report_by(report.by).to_ascii_lowercase();
    let all = i64::try_from(report.all).unwrap_or(i64::MAX);
    match (report.all, report.shown()) {
        (1, _) => format!("By {by}, 1 row"),
        (rows, shown) if rows == shown => format!("By {by}, {} rows", count(all)),
        (_, shown) => format!("By {by}, the first {shown} of {} rows", count(all)),
    }
}

/// How many rows the screen leaves out. `None` if it shows all.
pub fn report_more(report: &Report) -> Option<String> {
    let more = report.all.checked_sub(report.shown()).filter(|more| *more > 0)?;
    Some(format!("and {} more: all are in the CSV and in the totals", count(i64::try_from(more).unwrap_or(i64::MAX))))
}

/// `As of 14:02, position 1712-93`
pub fn report_as_of(time: &str, report: &Report) -> String {
    format!("As of {time}, position {}", report.about.position)
}

/// The column by which the rows are sorted, and the direction.
pub fn report_order(report: &Report) -> String {
    let (descending, name) = report.sort.strip_prefix('-').map_or((false, report.sort.as_str()), |name| (true, name));
    let column = name.parse().map_or_else(|_| report_by(report.by).to_owned(), |column| report_column(&column));
    format!("{column}, {}", if descending { "descending" } else { "ascending" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_payments_reads_like_no_amount() {
        let gbp = |measure| Column::Money(measure, Currency("GBP".into()));
        assert_eq!(report_column(&gbp(Measure::FeesMissing)), "GBP payments, fee not known");
        assert_eq!(report_figure(&gbp(Measure::FeesMissing), 203), "203");
        assert_eq!(report_column(&gbp(Measure::Fees)), "Fees GBP");
        assert_eq!(report_figure(&gbp(Measure::Fees), 203), "2.03");
    }
}
