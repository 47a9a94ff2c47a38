//! A day in quarters of an hour, against the same day of the week before. Axes are text around the drawing,
//! so that the drawing stretches and the text does not; a table says the same.

use leptos::prelude::*;

use super::{
    each,
    words::{self, energy, energy_figure},
};
use crate::model::{
    figures::DaySeries,
    money::Wh,
    time::{Period, UtcMs, Zone},
};

const WIDTH: i64 = 960;
const HEIGHT: i64 = 200;
const QUARTER_S: i64 = 900;
/// Gives the empty chart its axes.
const SOME_DAY: Period = Period { from: UtcMs(0), to: UtcMs(86_400_000) };

#[component]
pub fn DayChart(drawing: DayDrawing) -> impl IntoView {
    let d = drawing;
    view! {
        <div class="legend">
            <span class="key-1">{words::TODAY}</span>
            <span class="key-ghost">{words::last(&d.weekday)}</span>
        </div>
        <figure class="day-chart">
            <ol class="y-axis" aria-hidden="true">
                {labels(d.y_labels)}
            </ol>
            <svg
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                preserveAspectRatio="none"
                role="img"
                aria-label=d.summary
            >
                <path class="grid" d=d.grid />
                <polyline class="ghost" points=d.before />
                <polygon class="series-1-area" points=d.area />
                <polyline class="series-1" points=d.today />
                <path class="now" d=d.now />
            </svg>
            <ol class="x-axis" aria-hidden="true">
                {labels(d.x_labels)}
            </ol>
        </figure>
        <p class="chart-note">{if d.nothing { words::NO_ENERGY } else { "" }}</p>
        <details class="twin">
            <summary>{words::AS_TABLE}</summary>
            <table class="table">
                <thead>
                    <tr>
                        <th>{words::HOUR_FROM}</th>
                        <th class="number">{words::TODAY}</th>
                        <th class="number">{words::last(&d.weekday)}</th>
                    </tr>
                </thead>
                <tbody>{each(d.hours.into_iter().map(hour))}</tbody>
            </table>
        </details>
    }
}

fn labels(labels: Vec<String>) -> Vec<AnyView> {
    each(labels.into_iter().map(|label| view! { <li>{label}</li> }))
}

fn hour((from, today, before): (String, Option<i64>, i64)) -> impl IntoView {
    let of = |wh: i64| energy(Wh(wh)).to_string();
    view! {
        <tr>
            <td>{from}</td>
            <td class="number">{today.map(of).unwrap_or_default()}</td>
            <td class="number">{of(before)}</td>
        </tr>
    }
}

/// The chart as texts and coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayDrawing {
    today: String,
    area: String,
    before: String,
    now: String,
    grid: String,
    /// From the top.
    y_labels: Vec<String>,
    x_labels: Vec<String>,
    weekday: String,
    summary: String,
    /// Beginning, Wh of today as far as it has come, Wh of the week before.
    hours: Vec<(String, Option<i64>, i64)>,
    nothing: bool,
}

impl DayDrawing {
    /// Without a day the axes are drawn all the same.
    pub fn of(series: &DaySeries, day: Option<Period>, zone: &Zone) -> Self {
        let day = day.unwrap_or(SOME_DAY);
        let quarters = ((day.to.seconds() - day.from.seconds()) / QUARTER_S).max(1);
        let largest = series.today.iter().chain(&series.week_before).copied().max().unwrap_or(0);
        let (step, steps) = scale(largest);
        let top = step * steps;
        let today = course(&series.today, quarters, top);
        let end = i64::try_from(series.today.len()).unwrap_or(0).min(quarters) * WIDTH / quarters;
        let label = |i: i64| words::energy(Wh(i * step)).value.trim_end_matches(".0").to_owned();
        let sum: i64 = series.today.iter().sum();
        let sum_before: i64 = series.week_before.iter().sum();
        let weekday = words::weekday(zone, day.from).to_owned();
        Self {
            area: if today.is_empty() { String::new() } else { format!("0,{HEIGHT} {today}{end},{HEIGHT}") },
            before: course(&series.week_before, quarters, top),
            now: format!("M{end} 0V{HEIGHT}"),
            grid: (0..=steps).map(|i| format!("M0 {}H{WIDTH}", HEIGHT - i * HEIGHT / steps)).collect(),
            y_labels: (0..=steps).rev().map(label).collect(),
            x_labels: (0..=6)
                .map(|i| if i == 6 { "24:00".to_owned() } else { words::clock_time(zone, at(day, quarters * i / 6)) })
                .collect(),
            summary: words::day_summary(
                &energy_figure(Wh(sum)).to_string(),
                &weekday,
                &energy_figure(Wh(sum_before)).to_string(),
            ),
            hours: hours(series, day, quarters, zone),
            nothing: largest == 0,
            today,
            weekday,
        }
    }
}

const fn at(day: Period, quarter: i64) -> UtcMs {
    UtcMs(day.from.0 + quarter * QUARTER_S * 1000)
}

/// A line through the middles of the quarters, drawn out to the ends of the first and the last.
fn course(values: &[i64], quarters: i64, top: i64) -> String {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return String::new() };
    let y = |wh: i64| HEIGHT * 10 - wh.clamp(0, top) * HEIGHT * 10 / top;
    let point = |x: i64, wh: i64| format!("{}.{},{}.{} ", x / 10, x % 10, y(wh) / 10, y(wh) % 10);
    let mut text = point(0, *first);
    let mut quarter = 0;
    for wh in values {
        text.push_str(&point((2 * quarter + 1) * WIDTH * 5 / quarters, *wh));
        quarter += 1;
    }
    text.push_str(&point(quarter * WIDTH * 10 / quarters, *last));
    text
}

/// A round step in Wh, and how many reach `largest`: three to five.
fn scale(largest: i64) -> (i64, i64) {
    let mut unit = 1000;
    loop {
        for step in [unit, unit * 2, unit * 5] {
            let steps = largest.max(1).div_euclid(step) + i64::from(largest.max(1) % step != 0);
            if steps <= 5 {
                return (step, steps.max(3));
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn hours(series: &DaySeries, day: Period, quarters: i64, zone: &Zone) -> Vec<(String, Option<i64>, i64)> {
    let sum = |values: &[i64], from: i64| -> Option<i64> {
        let from = usize::try_from(from).ok()?;
        let hour = values.get(from..values.len().min(from + 4)).filter(|hour| !hour.is_empty())?;
        Some(hour.iter().sum())
    };
    (0..quarters)
        .step_by(4)
        .map(|q| {
            let from = words::clock_time(zone, at(day, q));
            (from, sum(&series.today, q), sum(&series.week_before, q).unwrap_or(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Period {
        Period {
            from: UtcMs::parse("2026-01-01T00:00:00Z").unwrap(),
            to: UtcMs::parse("2026-01-02T00:00:00Z").unwrap(),
        }
    }

    #[test]
    fn the_scale_is_round_and_holds_the_largest() {
        assert_eq!(scale(0), (1000, 3));
        assert_eq!(scale(3000), (1000, 3));
        assert_eq!(scale(21_500), (5000, 5));
        for largest in [1, 999, 5001, 123_456_789, i64::MAX / 20] {
            let (step, steps) = scale(largest);
            assert!(step * steps >= largest && (3..=5).contains(&steps), "{largest}");
        }
    }

    #[test]
    fn lines_end_where_the_day_has_come_to() {
        let series = DaySeries { today: vec![0, 1000, 3000], week_before: vec![1000; 96] };
        let d = DayDrawing::of(&series, Some(day()), &Zone::default());
        assert_eq!(d.today, "0.0,200.0 5.0,200.0 15.0,133.4 25.0,0.0 30.0,0.0 ");
        assert_eq!(d.now, "M30 0V200");
        assert!(d.before.ends_with("960.0,133.4 "));
        assert_eq!(d.y_labels, ["3", "2", "1", "0"]);
        assert_eq!(d.x_labels, ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"]);
        assert_eq!(d.hours.len(), 24);
        assert_eq!(d.hours[0], ("00:00".to_owned(), Some(4000), 4000));
        assert_eq!(d.hours[1].1, None, "what has not come is not zero");
    }

    #[test]
    fn a_day_of_25_hours_has_25() {
        let long = Period { to: UtcMs(day().to.0 + 3_600_000), ..day() };
        assert_eq!(DayDrawing::of(&DaySeries::default(), Some(long), &Zone::default()).hours.len(), 25);
    }
}
