//! A day in quarters of an hour, compared with the same weekday a week before. The axes are HTML text around the
//! drawing, so that only the drawing stretches. A table has the same data.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::{any_views, cell::missing, optional_view, proportion::proportion};
use crate::{
    domain::{
        figures::{DaySeries, sum},
        money::Wh,
        time::{Period, UtcMs, Zone},
    },
    web::text::{self, energy, energy_figure},
};

const WIDTH: i64 = 960;
const HEIGHT: i64 = 200;
const QUARTER_MS: i64 = 900_000;
/// The day that gives an empty chart its axes.
const SOME_DAY: Period = Period { from: UtcMs(0), to: UtcMs(86_400_000) };

#[component]
pub fn DayChart(drawing: DayDrawing) -> impl IntoView {
    let d = drawing;
    view! {
        <div class="legend">
            <span class="key-1">{text::TODAY}</span>
            <span class="key-ghost">{text::last(&d.weekday)}</span>
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
                <path class="ghost" d=d.before />
                <path class="series-1-area" d=d.area />
                <path class="series-1" d=d.today />
                <path class="now" d=d.now />
            </svg>
            <ol class="x-axis" aria-hidden="true">
                {labels(d.x_labels)}
            </ol>
        </figure>
        <p class="chart-note">{d.note}</p>
        <details class="twin">
            <summary>{text::AS_TABLE}</summary>
            <table class="table">
                <thead>
                    <tr>
                        <th>{text::HOUR_FROM}</th>
                        <th class="number">{text::TODAY}</th>
                        <th class="number">{text::last(&d.weekday)}</th>
                    </tr>
                </thead>
                <tbody>{any_views(d.hours.into_iter().map(hour))}</tbody>
            </table>
        </details>
    }
}

fn labels(labels: Vec<String>) -> Vec<AnyView> {
    any_views(labels.into_iter().map(|label| view! { <li>{label}</li> }))
}

fn hour((from, today, before): Hour) -> impl IntoView {
    let of = |wh: Option<i64>| wh.map_or_else(|| missing().into_any(), |wh| energy(Wh(wh)).to_string().into_any());
    view! {
        <tr>
            <td>{from}</td>
            <td class="number">{optional_view(today, of)}</td>
            <td class="number">{optional_view(before, of)}</td>
        </tr>
    }
}

/// Beginning of the hour, Wh of today, Wh of the week before. The outer `None` means that the hour has not begun, or
/// that the day a week before had no such hour; otherwise `None` means not known.
type Hour = (String, Option<Option<i64>>, Option<Option<i64>>);

/// The chart as texts and SVG paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayDrawing {
    today: String,
    area: String,
    before: String,
    now: String,
    grid: String,
    /// From top to bottom.
    y_labels: Vec<String>,
    x_labels: Vec<String>,
    weekday: String,
    summary: String,
    hours: Vec<Hour>,
    note: &'static str,
}

impl DayDrawing {
    /// Computes the drawing. Without values only the axes are drawn, and nothing is said to be zero.
    pub fn of(series: &DaySeries, day: Option<Period>, zone: &Zone) -> Self {
        let day = day.unwrap_or(SOME_DAY);
        let quarters = (day.to.since(day.from) / QUARTER_MS).max(1);
        let all = || series.today.iter().chain(&series.week_before);
        let largest = all().flatten().copied().max().unwrap_or(0).min(MOST);
        let (step, steps) = scale(largest);
        let top = step.saturating_mul(steps);
        let end = proportion(i64::try_from(series.today.len()).unwrap_or(0), quarters, WIDTH);
        let label = |i: i64| text::energy(Wh(step.saturating_mul(i))).value.trim_end_matches(".0").to_owned();
        let sum_in_words = |quarters: &[Option<i64>]| {
            let known = sum(quarters).filter(|_| !quarters.is_empty());
            known.map_or_else(|| text::NOT_KNOWN.to_owned(), |wh| energy_figure(Wh(wh)).to_string())
        };
        let weekday = text::weekday(zone, day.from).to_owned();
        Self {
            area: line(&series.today, quarters, top, true),
            before: line(&series.week_before, quarters, top, false),
            now: format!("M{end} 0V{HEIGHT}"),
            grid: (0..=steps).fold(String::new(), |mut path, i| {
                _ = write!(path, "M0 {}H{WIDTH}", HEIGHT.saturating_sub(proportion(i, steps, HEIGHT)));
                path
            }),
            y_labels: (0..=steps).rev().map(label).collect(),
            x_labels: (0..=6)
                .map(|i| {
                    if i == 6 {
                        "24:00".to_owned()
                    } else {
                        text::clock_time(zone, at(day, proportion(i, 6, quarters)))
                    }
                })
                .collect(),
            summary: text::day_summary(&sum_in_words(&series.today), &weekday, &sum_in_words(&series.week_before)),
            hours: hours(series, day, quarters, zone),
            note: match largest {
                _ if all().any(Option::is_none) => text::ENERGY_GAPS,
                0 if !series.today.is_empty() => text::NO_ENERGY,
                _ => "",
            },
            today: line(&series.today, quarters, top, false),
            weekday,
        }
    }
}

const fn at(day: Period, quarter: i64) -> UtcMs {
    day.from.after(quarter.saturating_mul(QUARTER_MS))
}

/// The top of the largest scale. Larger values are drawn at its end.
const MOST: i64 = 5_000_000_000_000_000_000;

/// Returns the path of a line through the middles of the quarters, extended to the outer edges, with gaps where
/// values are not known. With `area` the path encloses the area below the line.
fn line(values: &[Option<i64>], quarters: i64, top: i64, area: bool) -> String {
    let mut text = String::new();
    let mut quarter: i64 = 0;
    for known in values.chunk_by(|a, b| a.is_some() == b.is_some()) {
        let length = i64::try_from(known.len()).unwrap_or(0);
        let line: Vec<i64> = known.iter().copied().flatten().collect();
        if let (Some(first), Some(last)) = (line.first(), line.last()) {
            let y = |wh: i64| (HEIGHT * 10).saturating_sub(proportion(wh, top, HEIGHT * 10));
            let point = |to: char, x: i64, y: i64| format!("{to}{}.{},{}.{}", x / 10, x % 10, y / 10, y % 10);
            let halves = |n: i64| proportion(n, quarters.saturating_mul(2), WIDTH * 10);
            let edge = |quarter: i64| halves(quarter.saturating_mul(2));
            if area {
                text.push_str(&point('M', edge(quarter), HEIGHT * 10));
            }
            text.push_str(&point(if area { 'L' } else { 'M' }, edge(quarter), y(*first)));
            for (i, wh) in (quarter..).zip(&line) {
                text.push_str(&point('L', halves(i.saturating_mul(2).saturating_add(1)), y(*wh)));
            }
            let end = edge(quarter.saturating_add(length));
            text.push_str(&point('L', end, y(*last)));
            if area {
                text.push_str(&point('L', end, HEIGHT * 10));
                text.push('Z');
            }
        }
        quarter = quarter.saturating_add(length);
    }
    text
}

/// Returns a round step in Wh, and the number of steps that reach `largest`: three to five.
fn scale(largest: i64) -> (i64, i64) {
    let mut unit: i64 = 1000;
    loop {
        for step in [1, 2, 5].map(|times| unit.saturating_mul(times)) {
            let steps = (1..=5).find(|steps: &i64| step.saturating_mul(*steps) >= largest);
            if let Some(steps) = steps {
                return (step, steps.max(3));
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn hours(series: &DaySeries, day: Period, quarters: i64, zone: &Zone) -> Vec<Hour> {
    let of = |values: &[Option<i64>], from: i64| -> Option<Option<i64>> {
        let from = usize::try_from(from).ok()?;
        values.get(from..values.len().min(from.saturating_add(4))).filter(|hour| !hour.is_empty()).map(sum)
    };
    (0..quarters)
        .step_by(4)
        .map(|q| {
            let from = text::clock_time(zone, at(day, q));
            (from, of(&series.today, q), of(&series.week_before, q))
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
        for largest in [1, 999, 5001, 123_456_789, MOST - 1, MOST] {
            let (step, steps) = scale(largest);
            assert!(step.checked_mul(steps).unwrap() >= largest && (3..=5).contains(&steps), "{largest}");
        }
    }

    #[test]
    fn lines_end_where_the_day_has_come_to() {
        let series = DaySeries { today: vec![Some(0), Some(1000), Some(3000)], week_before: vec![Some(1000); 96] };
        let d = DayDrawing::of(&series, Some(day()), &Zone::default());
        assert_eq!(d.today, "M0.0,200.0L5.0,200.0L15.0,133.4L25.0,0.0L30.0,0.0");
        assert_eq!(d.area, "M0.0,200.0L0.0,200.0L5.0,200.0L15.0,133.4L25.0,0.0L30.0,0.0L30.0,200.0Z");
        assert_eq!(d.now, "M30 0V200");
        assert!(d.before.ends_with("L960.0,133.4"));
        assert_eq!(d.y_labels, ["3", "2", "1", "0"]);
        assert_eq!(d.x_labels, ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"]);
        assert_eq!(d.hours.len(), 24);
        assert_eq!(d.hours[0], ("00:00".to_owned(), Some(Some(4000)), Some(Some(4000))));
        assert_eq!(d.hours[1].1, None, "what has not come is not zero");
        assert_eq!(d.note, "");
    }

    #[test]
    fn what_nobody_knows_is_a_gap() {
        let today = vec![Some(3000), None, Some(0), Some(0), None];
        let d = DayDrawing::of(&DaySeries { today, week_before: Vec::new() }, Some(day()), &Zone::default());
        assert_eq!(d.today, "M0.0,0.0L5.0,0.0L10.0,0.0M20.0,200.0L25.0,200.0L35.0,200.0L40.0,200.0");
        assert_eq!((d.hours[0].1, d.hours[1].1), (Some(Some(3000)), Some(None)));
        assert_eq!(d.note, text::ENERGY_GAPS);
        let nobody = DayDrawing::of(&DaySeries { today: vec![None], week_before: vec![None] }, None, &Zone::default());
        assert!(nobody.summary.contains(text::NOT_KNOWN), "{}", nobody.summary);
        let most = DaySeries { today: vec![Some(i64::MAX), Some(i64::MIN)], week_before: vec![Some(i64::MAX)] };
        assert!(DayDrawing::of(&most, Some(day()), &Zone::default()).today.contains("0.0,"), "no number is too large");
    }

    #[test]
    fn a_day_of_25_hours_has_25() {
        let long = Period { to: UtcMs(day().to.0 + 3_600_000), ..day() };
        let week_before = vec![Some(1000); 96];
        let d = DayDrawing::of(&DaySeries { today: vec![Some(0); 100], week_before }, Some(long), &Zone::default());
        assert_eq!(d.hours.len(), 25);
        assert_eq!(
            d.hours[24],
            ("00:00".to_owned(), Some(Some(0)), None),
            "a week before the day had 24 hours, not 0 kWh"
        );
    }

    #[test]
    fn figures_that_have_not_come_are_not_zero() {
        let d = DayDrawing::of(&DaySeries::default(), None, &Zone::default());
        assert_eq!(d.summary.matches(text::NOT_KNOWN).count(), 2, "{}", d.summary);
        assert_eq!(d.note, "", "nobody knows whether a session has ended");
        assert_eq!((d.hours[0].1, d.hours[0].2), (None, None));
        let none = DaySeries { today: vec![Some(0)], week_before: vec![Some(0); 96] };
        assert_eq!(DayDrawing::of(&none, Some(day()), &Zone::default()).note, text::NO_ENERGY);
    }
}
