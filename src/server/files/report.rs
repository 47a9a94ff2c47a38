//! `GET /api/v1/report` and `GET /api/v1/report.csv`: what the page shows, with all its rows.

use std::time::Duration;

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};

use crate::{
    domain::report::{Column, Report, ReportRow},
    server::{
        auth::CurrentAdmin,
        csv::{CsvField, file},
        problem::Problem,
        queries::App,
    },
    web::text,
};

/// How long a program waits for a report; shorter than the time limit of every request.
const PATIENCE: Duration = Duration::from_secs(20);

/// As JSON.
///
/// # Errors
/// 400 for a query that cannot be followed, 503 while MongoDB or Redis is away, or the report is still being read.
pub async fn json(
    admin: CurrentAdmin,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Report>, Problem> {
    Ok(Json(asked(&app, admin, query).await?))
}

/// As a file for spreadsheets.
///
/// # Errors
/// As [`json`].
pub async fn csv(admin: CurrentAdmin, State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let report = asked(&app, admin, query).await?;
    let about = &report.about;
    let name = format!("chargedeck-report-by-{}-{}-to-{}.csv", report.by.name(), about.first, about.last);
    let width = header(&report).len();
    Ok(file(&name, width, records(&app.network.name, report)).into_response())
}

async fn asked(app: &App, admin: CurrentAdmin, query: Option<String>) -> Result<Report, Problem> {
    Ok(app.report(admin.user, &query.unwrap_or_default(), PATIENCE).await?)
}

/// The preamble, the table, and the totals. Each record is made when it is sent.
fn records(network: &str, report: Report) -> impl Iterator<Item = Vec<CsvField>> + Send + use<> + 'static {
    let head = preamble(network, &report).into_iter().chain([Vec::new(), header(&report)]);
    let Report { by, columns, rows, totals, .. } = report;
    let beside = text::report_beside(by).is_some();
    let total = ReportRow { id: None, lacks: None, name: None, period: None, cells: totals };
    let last = record(text::TOTAL.to_owned(), None, beside, &columns, &total);
    let body = rows.into_iter().map(move |row| {
        let (name, small) = text::report_row(by, &row);
        record(name, small, beside, &columns, &row)
    });
    head.chain(body).chain([last])
}

fn preamble(network: &str, report: &Report) -> Vec<Vec<CsvField>> {
    let about = &report.about;
    let fact = |name: &str, value: String| vec![CsvField::text(name), CsvField::text(value)];
    vec![
        fact(text::PRODUCT, format!("Report of {network}")),
        fact("Counted", text::REPORT_COUNTS.to_owned()),
        fact("Grouped by", text::report_by(report.by).to_owned()),
        fact("Sorted by", text::report_order(report)),
        fact(text::charts::PERIOD, format!("{} to {}", about.first, about.last)),
        fact("Period in UTC", about.period.clone()),
        fact(text::charts::ZONE, about.zone.clone()),
        fact("As of", about.at.clone()),
        fact("Position", about.position.to_string()),
        fact("Cluster time", about.ct.to_string()),
        vec![CsvField::text("Rows"), count(report.all)],
        vec![CsvField::text("Rows shown on screen"), count(report.shown())],
        fact("Empty fields", format!("{}. {}", text::NOT_KNOWN, text::REPORT_NET)),
    ]
}

fn count(n: usize) -> CsvField {
    CsvField::number(i64::try_from(n).ok(), 0)
}

fn header(report: &Report) -> Vec<CsvField> {
    let names = [Some(text::report_by(report.by)), text::report_beside(report.by)];
    let names = names.into_iter().flatten().map(CsvField::text);
    names.chain(report.columns.iter().map(|column| CsvField::text(text::report_column(column)))).collect()
}

fn record(name: String, small: Option<String>, beside: bool, columns: &[Column], row: &ReportRow) -> Vec<CsvField> {
    let small = beside.then(|| small.map_or(CsvField::Missing, CsvField::Text));
    let cells = columns.iter().zip(&row.cells);
    let cells = cells.map(|(column, value)| CsvField::number(*value, text::report_scale(column)));
    [CsvField::Text(name)].into_iter().chain(small).chain(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        money::Currency,
        report::{About, By, Measure},
    };

    fn report() -> Report {
        let gbp = |measure| Column::Money(measure, Currency("GBP".into()));
        let row = |id: &str, name: Option<&str>, cells: [Option<i64>; 4]| ReportRow {
            id: (!id.is_empty()).then(|| id.to_owned()),
            lacks: id.is_empty().then(|| "station".to_owned()),
            name: name.map(str::to_owned),
            period: None,
            cells: cells.into(),
        };
        let blank = Report::blank(By::Station);
        Report {
            about: About {
                zone: "Europe/London".into(),
                last: "2018-06-30".parse().unwrap(),
                period: "2018-05-31T23:00:00Z/2018-06-30T23:00:00Z".into(),
                ..blank.about
            },
            sort: "-revenue.GBP".into(),
            columns: vec![Column::Sessions, Column::Energy, gbp(Measure::Revenue), gbp(Measure::Fees)],
            rows: vec![
                row("50340", Some("=cmd()"), [Some(1200), Some(1_430_170), Some(-310), None]),
                row("", None, [Some(1), None, Some(0), Some(5)]),
            ],
            all: 2,
            totals: vec![Some(1201), Some(1_430_170), Some(-310), Some(5)],
            ..blank
        }
    }

    /// The fields of a record as the file has them, and as the screen shows them.
    #[test]
    fn the_file_holds_what_the_screen_shows() {
        let report = report();
        let all: Vec<Vec<CsvField>> = records("Demo", report.clone()).collect();
        let at = all.iter().position(Vec::is_empty).expect("an empty record before the table");
        let table = &all[at + 1..];
        assert_eq!(table.len(), 1 + report.rows.len() + 1);
        assert!(table.iter().all(|record| record.len() == 6));
        for (column, field) in report.columns.iter().zip(&table[0][2..]) {
            assert_eq!(*field, CsvField::text(text::report_column(column)));
        }
        let shown = report.rows.iter().map(|row| (text::report_row(report.by, row).0, &row.cells));
        let shown = shown.chain([(text::TOTAL.to_owned(), &report.totals)]);
        for (record, (name, cells)) in table[1..].iter().zip(shown) {
            assert_eq!(record[0], CsvField::Text(name));
            for ((field, column), value) in record[2..].iter().zip(&report.columns).zip(cells) {
                let screen = value.map(|value| text::report_figure(column, value));
                let CsvField::Number(number) = field else {
                    assert_eq!((field, screen), (&CsvField::Missing, None));
                    continue;
                };
                assert_eq!(Some(number.to_string()), screen.map(|text| text.replace(',', "").replace('\u{2212}', "-")));
            }
        }
    }

    #[test]
    fn it_says_what_it_is() {
        let all: Vec<Vec<CsvField>> = records("Demo", report()).collect();
        let fact = |name: &str| {
            all.iter().find(|record| record.first() == Some(&CsvField::text(name))).map(|record| record[1].clone())
        };
        assert_eq!(fact("Time zone"), Some(CsvField::text("Europe/London")));
        assert_eq!(fact("Sorted by"), Some(CsvField::text("Revenue GBP, descending")));
        assert_eq!(fact("Period in UTC"), Some(CsvField::text("2018-05-31T23:00:00Z/2018-06-30T23:00:00Z")));
        assert_eq!(fact("Rows"), Some(count(2)));
    }
}
