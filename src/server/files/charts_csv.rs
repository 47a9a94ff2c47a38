//! `GET /api/v1/analytics/{chart}.csv`: what a chart of Analytics shows, as numbers.
//!
//! Long, because a third of it is tests.

use axum::{
    extract::{Path, Query as Given, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use crate::{
    domain::{
        address::{Params, Refused, clip},
        analytics::{self, CURRENCY, OF_NOW, Piece, Query, Sums, WEEK, hours_of, payments_of, total},
        fields::Fields,
        money::Watt,
        status::EvseStatus,
    },
    server::{
        auth::CurrentAdmin,
        csv::{self, CsvField},
        problem::Problem,
        queries::App,
    },
    web::{
        api::Charts,
        pages::{ChartMeasure, Pieces},
        text,
    },
};

/// The numbers of a chart. The records before them say what they are of.
///
/// # Errors
/// 404 for an unknown chart, 400 for a query that cannot be followed, 503 while MongoDB or Redis is away.
pub async fn charts_csv(
    admin: CurrentAdmin,
    State(app): State<App>,
    Path(file): Path<String>,
    Given(given): Given<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    const NO_CHART: &str = "There is no such chart.";
    let no_chart = || Problem::new(StatusCode::NOT_FOUND, "unknown_chart", NO_CHART);
    let name = file.strip_suffix(".csv").ok_or_else(no_chart)?;
    if !CHARTS.contains(&name) {
        return Err(no_chart());
    }
    let params = followed(name, given)?;
    let now = app.hub.now().ok_or_else(Problem::unavailable)?;
    let (table, position, period) = if OF_NOW.contains(&name) {
        let overview = app.overview().await?;
        (CsvTable::of_now(name, &overview.fields), overview.head, None)
    } else {
        let zone = app.network.time_zone.iana_name().unwrap_or("UTC");
        let query = Query::read(|name| params.get(name), zone)?;
        let currency = analytics::currency(params.get(CURRENCY))?;
        let (charts, position) = app.analytics(admin.user, query.to_string(), currency).await?;
        let period = Pieces::read(&charts.fields).period();
        let days = period.map(|period| text::charts::days(&charts.zone, period)).unwrap_or_default();
        let instants = period.map(|period| format!("{}/{}", period.from, period.to)).unwrap_or_default();
        let period = [
            (text::charts::PERIOD, days),
            (text::charts::INSTANTS, instants),
            (text::charts::ZONE, charts.zone.name.clone()),
        ];
        (CsvTable::of_period(name, &charts), position, Some(period))
    };
    let table = table.ok_or_else(no_chart)?;
    let about = [
        (text::charts::DERIVED, text::DERIVED_WHY.to_owned()),
        (text::charts::MADE_AT, now.to_string()),
        (text::charts::POSITION, position.to_string()),
    ];
    let title = [(text::charts::CHART, table.title.to_owned())].into_iter();
    let about = title.chain(period.into_iter().flatten()).chain(about);
    let about = about.map(|(what, value)| vec![CsvField::text(what), CsvField::text(value)]);
    let head = table.head.iter().map(|word| CsvField::text(*word)).collect();
    let width = table.head.len();
    let records: Vec<Vec<CsvField>> = about.chain([Vec::new(), head]).chain(table.rows).collect();
    Ok(csv::file(&format!("chargedeck-{name}.csv"), width, records.into_iter()))
}

/// Takes the parameters that a chart follows. Only revenue is of one currency.
///
/// # Errors
/// If one is given that it does not follow.
fn followed(name: &str, given: Vec<(String, String)>) -> Result<Params, Refused> {
    if OF_NOW.contains(&name) {
        let refuse = |(name, _): &(String, String)| {
            let name = clip(name);
            Err(Refused::new(&name, format!("There is no parameter “{name}” here. This chart shows what is now.")))
        };
        return given.first().map_or_else(|| Ok(Params::default()), refuse);
    }
    let currency = (name == "revenue").then_some(CURRENCY);
    let names: Vec<&str> = Query::NAMES.into_iter().chain(currency).collect();
    Params::read(given, &names)
}

/// The charts that exist.
const CHARTS: [&str; 7] = ["energy", "sessions", "revenue", "payments", "evses", "power", "week"];

struct CsvTable {
    title: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<CsvField>>,
}

impl CsvTable {
    /// A chart of what is now. Returns `None` for another, and if a figure is missing.
    fn of_now(name: &str, overview: &Fields) -> Option<Self> {
        Some(match name {
            "evses" => {
                let split: Vec<(EvseStatus, i64)> = read(overview, "evse_split")?;
                let rows = split.into_iter();
                Self::states(text::charts::EVSES_BY_STATE, rows.map(|(status, n)| (text::evse_status(&status), n)))
            }
            "power" => {
                let row = |word: &str, name: &str, unknown: &str| {
                    let power = read::<Option<Watt>>(overview, name)?.map(|power| power.0);
                    let unknown = read::<i64>(overview, unknown)?;
                    Some(vec![CsvField::text(word), CsvField::number(power, 3), CsvField::number(Some(unknown), 0)])
                };
                Self {
                    title: text::charts::POWER_NOW,
                    head: vec![text::charts::STATE, text::KW, text::charts::NO_POWER],
                    rows: vec![
                        row(text::charts::POWER_NOW, "live_power", "power_unknown")?,
                        row(text::charts::INSTALLED, "installed_power", "rating_unknown")?,
                    ],
                }
            }
            _ => return None,
        })
    }

    /// A chart of a period. Returns `None` for another.
    fn of_period(name: &str, charts: &Charts) -> Option<Self> {
        Some(match name {
            "energy" => Self::time_series(&ChartMeasure::Energy, text::charts::ENERGY_KWH, charts),
            "sessions" => Self::time_series(&ChartMeasure::Sessions, text::charts::SESSIONS, charts),
            "revenue" => {
                Self::time_series(&ChartMeasure::Revenue(charts.currency.clone()), text::charts::REVENUE, charts)
            }
            "payments" => {
                let rows = payments_of(&charts.fields).into_iter();
                Self::states(
                    text::charts::PAYMENTS_BY_STATE,
                    rows.map(|(status, n)| (text::payment_status(&status), n)),
                )
            }
            "week" => {
                let hours = hours_of(&charts.fields);
                let row = |(hour, n): (usize, &i64)| {
                    let day = text::charts::SHORT_WEEKDAYS[hour / 24 % 7];
                    vec![
                        CsvField::text(day),
                        CsvField::text(format!("{:02}:00", hour % 24)),
                        CsvField::number(Some(*n), 0),
                    ]
                };
                Self {
                    title: text::charts::WEEK_HOURS,
                    head: vec![text::charts::WEEKDAY, text::charts::HOUR, text::charts::SESSIONS],
                    rows: hours.iter().enumerate().take(WEEK).map(row).collect(),
                }
            }
            _ => return None,
        })
    }

    fn time_series(measure: &ChartMeasure, title: &'static str, charts: &Charts) -> Self {
        let pieces = Pieces::read(&charts.fields);
        let number = |piece: Option<&Piece>| {
            CsvField::number(
                piece.and_then(|piece| piece.sums.as_ref()).and_then(|sums| measure.of(sums)),
                measure.scale(),
            )
        };
        let rows = pieces.now.iter().enumerate().map(|(i, piece)| {
            let instants = [piece.from, piece.to].map(|at| CsvField::text(at.to_string()));
            instants.into_iter().chain([number(Some(piece)), number(pieces.earlier.get(i))]).collect()
        });
        let mut head = vec![text::charts::FROM, text::charts::TO, title, text::charts::EARLIER];
        let mut rows: Vec<Vec<CsvField>> = rows.collect();
        if let ChartMeasure::Revenue(currency) = measure {
            head.push(text::charts::CURRENCIES);
            rows.iter_mut().for_each(|row| row.push(CsvField::text(currency.0.clone())));
        }
        // A remark that counts nothing gets no column.
        for (i, (what, n)) in measure.remarks(&total(&pieces.now)).into_iter().enumerate() {
            if n != 0 {
                head.push(what);
                let of = |sums: &Sums| measure.remarks(sums).get(i).map(|(_, n)| *n);
                for (row, piece) in rows.iter_mut().zip(&pieces.now) {
                    row.push(CsvField::number(piece.sums.as_ref().and_then(of), 0));
                }
            }
        }
        let derived = |piece: Option<&Piece>| {
            let sums = piece.and_then(|piece| piece.sums.as_ref());
            sums.map(|sums| measure.derived(sums))
        };
        let all = || pieces.now.iter().chain(&pieces.earlier);
        if all().any(|piece| derived(Some(piece)).is_some_and(|minor| minor != 0)) {
            head.extend([text::charts::DERIVED, text::charts::EARLIER_DERIVED]);
            for (i, row) in rows.iter_mut().enumerate() {
                let both = [pieces.now.get(i), pieces.earlier.get(i)].map(derived);
                row.extend(both.map(|minor| CsvField::number(minor, measure.scale())));
            }
        }
        Self { title, head, rows }
    }

    fn states(title: &'static str, rows: impl Iterator<Item = (std::borrow::Cow<'static, str>, i64)>) -> Self {
        let rows = rows.map(|(word, n)| vec![CsvField::text(word), CsvField::number(Some(n), 0)]).collect();
        Self { title, head: vec![text::charts::STATE, text::charts::NUMBER], rows }
    }
}

fn read<T: for<'de> Deserialize<'de>>(fields: &Fields, name: &str) -> Option<T> {
    T::deserialize(fields.get(name)?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{money::Currency, protocol::position::ClusterTime, time::Zone};
    use serde_json::json;

    #[test]
    fn each_chart_takes_the_parameters_that_it_follows_and_no_others() {
        let takes = |chart, parameter: &str| followed(chart, vec![(parameter.to_owned(), String::new())]);
        for parameter in Query::NAMES {
            for chart in CHARTS {
                let taken = takes(chart, parameter);
                assert_eq!(taken.is_ok(), !["power", "evses"].contains(&chart), "{chart} {parameter}");
                assert!(taken.err().is_none_or(|refused| refused.name == parameter && refused.why.contains(parameter)));
            }
        }
        for chart in CHARTS {
            assert_eq!(takes(chart, CURRENCY).is_ok(), chart == "revenue", "{chart}");
            assert!(takes(chart, "station").is_err() && followed(chart, Vec::new()).is_ok(), "{chart}");
        }
    }

    fn piece(from: i64, sums: &serde_json::Value) -> serde_json::Value {
        json!({"from": from, "to": from + 86_400_000, "sums": sums})
    }

    fn charts(fields: serde_json::Value) -> Charts {
        Charts {
            query: String::new(),
            zone: Zone::default(),
            currency: Currency("GBP".into()),
            fields: serde_json::from_value(fields).unwrap(),
            ct: ClusterTime::default(),
            options: BTreeMap::new(),
        }
    }

    #[test]
    fn money_that_was_derived_is_told_beside_the_whole() {
        let revenue = |derived: serde_json::Value| {
            let sums = json!({"energy": 0, "started": 0, "completed": 0, "revenue": {"EUR": 9, "GBP": 500}, "derived_minor": derived});
            let charts = charts(json!({
                "piece:000000000000": piece(0, &sums),
                "piece:000000086400": piece(86_400_000, &json!({"energy": 0, "started": 0, "completed": 0, "revenue": {"GBP": 30}})),
                "piece:000000172800": piece(172_800_000, &json!(null)),
                "earlier:000000000000": piece(0, &json!({"energy": 0, "started": 0, "completed": 0, "revenue": {"GBP": 70}, "derived_minor": {"GBP": 40}})),
            }));
            CsvTable::of_period("revenue", &charts).unwrap()
        };
        let number = |minor| CsvField::number(Some(minor), 2);
        let missing = || CsvField::Missing;
        let table = revenue(json!({"EUR": 9, "GBP": 120}));
        assert_eq!(table.head[2..], ["Revenue", "Earlier", "Currency", "Derived", "Earlier, derived"]);
        let cells: Vec<&[CsvField]> = table.rows.iter().map(|row| &row[5..]).collect();
        assert_eq!(cells[0], [number(120), number(40)], "of this currency alone");
        assert_eq!(cells[1], [number(0), missing()], "nothing of it is not the same as no such day");
        assert_eq!(cells[2], [missing(), missing()], "it has not begun");
        let cells: Vec<CsvField> = revenue(json!({})).rows.into_iter().map(|mut row| row.remove(5)).collect();
        assert_eq!(cells, [number(0), number(0), missing()], "the earlier period alone has some");
    }

    #[test]
    fn what_is_not_known_is_an_empty_field() {
        let fields = json!({
            "piece:000000000000": piece(0, &json!({"energy": null, "started": 2, "completed": 2, "energy_unknown": 2, "amount_unknown": 1})),
            "piece:000000086400": piece(86_400_000, &json!({"energy": 7000, "started": 3, "completed": 3, "energy_unknown": 1, "energy_left_out": 1, "revenue": {"GBP": 500}})),
            "piece:000000172800": piece(172_800_000, &json!(null)),
        });
        let charts = charts(fields);
        let overview = json!({"live_power": null, "power_unknown": 4, "installed_power": 11_000, "rating_unknown": 0});
        let overview: Fields = serde_json::from_value(overview).unwrap();
        let table = |name: &str| CsvTable::of_now(name, &overview).or(CsvTable::of_period(name, &charts)).unwrap();
        let number = |n: i64, scale| CsvField::number(Some(n), scale);
        let energy = table("energy");
        assert_eq!(energy.head[2..], ["Energy kWh", "Earlier", "Energy not known", "Excluded"]);
        let cells: Vec<&[CsvField]> = energy.rows.iter().map(|row| &row[2..]).collect();
        let missing = || CsvField::Missing;
        assert_eq!(cells[0], [missing(), missing(), number(2, 0), number(0, 0)]);
        assert_eq!(cells[1], [number(7000, 3), missing(), number(1, 0), number(1, 0)]);
        assert_eq!(cells[2], [missing(), missing(), missing(), missing()], "it has not begun");
        let revenue = table("revenue");
        assert_eq!(revenue.head[2..], ["Revenue", "Earlier", "Currency", "Amount not known"]);
        assert_eq!(revenue.rows[0][2..], [missing(), missing(), CsvField::text("GBP"), number(1, 0)]);
        assert_eq!(revenue.rows[1][2], number(500, 2));
        let power: Vec<CsvField> = table("power").rows.into_iter().flat_map(|row| row.into_iter().skip(1)).collect();
        assert_eq!(power, [missing(), number(4, 0), number(11_000, 3), number(0, 0)]);
    }
}
