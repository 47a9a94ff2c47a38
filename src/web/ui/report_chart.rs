//! A report as a chart: a measure's course over time, or the groups with the largest values. The server draws it
//! first, and the page brings it up to date. The table has the same data and more.

use crate::{
    domain::report::{Column, Measure, Report},
    web::{
        charts::{ChartUnit, Ranking, Series, SeriesKind, TimeSeries},
        text,
    },
};

/// How many bars a ranking shows at most.
const RANKED: usize = 20;

pub enum ReportChart {
    TimeSeries(TimeSeries),
    Ranking(Ranking),
}

impl ReportChart {
    /// Returns the chart of the column that the report is sorted by, or of the energy if that column is no figure.
    pub fn of(report: &Report) -> Self {
        let (at, column) = measure(report);
        let unit = unit(column);
        let value = |cells: &[Option<i64>]| cells.get(at).copied().flatten().map(|value| plotted(column, value));
        let mut rows: Vec<_> = report.rows.iter().map(|row| (text::report_row(report.by, row), row)).collect();
        if report.by.is_time() {
            // Time goes from left to right, however the table is sorted.
            rows.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
            let name = text::report_column(column);
            let values = rows.iter().map(|(_, row)| value(&row.cells)).collect();
            return Self::TimeSeries(TimeSeries {
                labels: rows.into_iter().map(|((name, _), _)| name).collect(),
                series: vec![Series { id: "figure", name, unit, kind: SeriesKind::Bars, values }],
                ghost: None,
            });
        }
        let mut ranked: Vec<(String, f64)> =
            rows.into_iter().filter_map(|((name, _), row)| Some((name, value(&row.cells)?))).collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranked.truncate(RANKED);
        let (labels, values) = ranked.into_iter().unzip();
        Self::Ranking(Ranking { unit, labels, values })
    }

    /// Returns the update that brings the drawn chart up to date.
    pub fn update(&self) -> String {
        match self {
            Self::TimeSeries(series) => series.update(),
            Self::Ranking(ranking) => ranking.update(),
        }
    }
}

/// Returns the drawn column and its index.
pub fn measure(report: &Report) -> (usize, &Column) {
    let name = report.sort.strip_prefix('-').unwrap_or(&report.sort);
    let at = |wanted: &str| report.columns.iter().position(|column| column.to_string() == wanted);
    let at = at(name).or_else(|| at("energy")).unwrap_or(0);
    (at, report.columns.get(at).unwrap_or(&Column::Sessions))
}

fn unit(column: &Column) -> ChartUnit {
    match column {
        Column::Energy => ChartUnit::after("kWh"),
        Column::Money(Measure::FeesMissing, _) => ChartUnit::count(""),
        Column::Money(_, currency) => text::money_unit(currency),
        _ => ChartUnit::count(""),
    }
}

/// Converts to floating point; only drawings use it.
#[expect(clippy::cast_precision_loss, reason = "a bar is not that exact")]
fn plotted(column: &Column, value: i64) -> f64 {
    value as f64 / f64::from(10_u32.pow(text::report_scale(column)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        money::Currency,
        report::{By, ReportRow},
    };

    fn report(by: By, sort: &str, rows: Vec<(&str, i64)>) -> Report {
        let row = |(id, minor): (&str, i64)| ReportRow {
            id: Some(id.to_owned()),
            lacks: None,
            name: None,
            period: None,
            cells: vec![Some(1), Some(2500), Some(minor)],
        };
        Report {
            sort: sort.to_owned(),
            columns: vec![Column::Sessions, Column::Energy, Column::Money(Measure::Revenue, Currency("GBP".into()))],
            all: rows.len(),
            rows: rows.into_iter().map(row).collect(),
            ..Report::blank(by)
        }
    }

    #[test]
    fn what_is_sorted_by_is_drawn() {
        let ReportChart::Ranking(ranking) =
            ReportChart::of(&report(By::City, "revenue.GBP", vec![("Perth", 150), ("Dundee", 1250)]))
        else {
            panic!("no ranking")
        };
        assert_eq!((ranking.labels, ranking.values), (vec!["Dundee".to_owned(), "Perth".to_owned()], vec![12.5, 1.5]));
        assert_eq!(ranking.unit.format, "£{value:2}");
        let days = vec![("2018-06-02", 0), ("2018-06-01", 0)];
        let ReportChart::TimeSeries(series) = ReportChart::of(&report(By::Day, "-group", days)) else {
            panic!("no time series")
        };
        assert_eq!(series.labels, ["2018-06-01", "2018-06-02"]);
        assert_eq!(series.series[0].values, [Some(2.5), Some(2.5)]);
    }
}
