//! What a chart of a figure over time shows. Pure functions from the board's values to texts and numbers.
//!
//! Long, because a quarter of it is tests.

use super::chart_view::{ChartText, ChartView};
use crate::{
    domain::{
        analytics::{Piece, Sums, before_of, earlier_of, pieces_of, total},
        fields::Fields,
        figures::{self, Counted},
        money::{Currency, Money, Wh},
        range::RangeStep,
        time::{Period, Zone},
    },
    web::{charts, text, ui::page_of},
};

/// The longest local day has 25 hours.
const DAY_MAX_MS: i64 = 25 * 3_600_000;

/// The figure that a chart shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartMeasure {
    Energy,
    Sessions,
    Revenue(Currency),
}

impl ChartMeasure {
    /// Returns the figure from the sums; `None` if it is not known.
    pub fn of(&self, sums: &Sums) -> Option<i64> {
        match self {
            Self::Energy => sums.energy,
            Self::Sessions => Some(sums.started),
            Self::Revenue(currency) => sums.revenue_in(currency),
        }
    }

    /// Returns the remarks on the figure, each with its number of documents.
    pub fn remarks(&self, sums: &Sums) -> Vec<(&'static str, i64)> {
        match self {
            Self::Energy => vec![
                (text::charts::NO_ENERGY, sums.energy_unknown),
                (text::charts::LEFT_OUT, sums.energy_left_out),
                (text::charts::DOUBTFUL, sums.energy_doubtful),
            ],
            Self::Sessions => Vec::new(),
            Self::Revenue(_) => vec![(text::charts::NO_AMOUNT, sums.amount_unknown)],
        }
    }

    /// Returns how much of the figure was derived from a tariff.
    pub fn derived(&self, sums: &Sums) -> i64 {
        match self {
            Self::Energy | Self::Sessions => 0,
            Self::Revenue(currency) => sums.derived_minor.get(currency).copied().unwrap_or(0),
        }
    }

    /// The power of ten between the integer's unit and the shown one: kWh, sessions, or the currency's major unit.
    pub fn scale(&self) -> u32 {
        match self {
            Self::Energy => 3,
            Self::Sessions => 0,
            Self::Revenue(currency) => currency.exponent(),
        }
    }

    /// The value in the unit of the chart's axis.
    fn plotted(&self, value: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a drawing need not show the last of sixteen digits")]
        let value = value as f64;
        value / f64::from(10_u32.pow(self.scale()))
    }

    pub const fn title(&self) -> &'static str {
        match self {
            Self::Energy => text::charts::ENERGY,
            Self::Sessions => text::charts::SESSIONS,
            Self::Revenue(_) => text::charts::REVENUE,
        }
    }

    fn unit(&self) -> charts::ChartUnit {
        match self {
            Self::Energy => charts::ChartUnit::after(text::KWH),
            Self::Sessions => charts::ChartUnit::count(text::charts::STARTED),
            Self::Revenue(currency) => text::money_unit(currency),
        }
    }

    fn text(&self, value: i64) -> String {
        match self {
            Self::Energy => text::energy(Wh(value)).to_string(),
            Self::Sessions => text::count(value),
            Self::Revenue(currency) => text::money(&Money { minor: value, currency: currency.clone() }),
        }
    }

    /// The address of the list of exactly the documents behind a period's figure.
    fn href(&self, period: Period) -> String {
        let within = |counted: Counted| (counted.collection(), counted.selection(Some(period)));
        let (collection, selection) = match self {
            Self::Energy => within(figures::COMPLETED),
            Self::Sessions => within(figures::STARTED),
            Self::Revenue(currency) => {
                let (collection, captured) = within(figures::CAPTURED);
                (collection, captured.in_currency(currency))
            }
        };
        page_of(collection, &selection)
    }

    fn sentence(&self, days: &str, sums: &Sums, earlier: Option<(Option<i64>, &str)>) -> String {
        let value = self.of(sums);
        let figure = match (self, value) {
            (Self::Energy, Some(wh)) => text::charts::energy_delivered(wh),
            (Self::Energy, None) => text::charts::NO_ENERGY.to_owned(),
            (Self::Sessions, _) => text::charts::sessions_started(sums.started),
            (Self::Revenue(_), None) => text::charts::NO_AMOUNT.to_owned(),
            (Self::Revenue(currency), Some(minor)) => {
                text::charts::revenue_captured(&Money { minor, currency: currency.clone() })
            }
        };
        let derived = match (self, self.derived(sums)) {
            (Self::Revenue(currency), minor) if minor != 0 => {
                text::charts::derived(&Money { minor, currency: currency.clone() })
            }
            _ => String::new(),
        };
        text::charts::course_sentence(&figure, days, value, earlier)
            + &text::charts::remarks(&self.remarks(sums))
            + &derived
    }
}

/// The board's steps, read once for all charts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pieces {
    pub now: Vec<Piece>,
    pub earlier: Vec<Piece>,
    /// The sums of the earlier period, cut to the elapsed length of the current one.
    pub before: Option<Sums>,
}

impl Pieces {
    /// Reads them from a board's values.
    pub fn read(fields: &Fields) -> Self {
        Self { now: pieces_of(fields), earlier: earlier_of(fields), before: before_of(fields) }
    }

    /// Returns whether nothing happened in the period.
    pub fn is_empty(&self) -> bool {
        let all = total(&self.now);
        all.started == 0 && all.completed == 0 && all.revenue.is_empty() && all.amount_unknown == 0
    }

    pub fn period(&self) -> Option<Period> {
        whole(&self.now)
    }
}

fn whole(pieces: &[Piece]) -> Option<Period> {
    Some(Period { from: pieces.first()?.from, to: pieces.last()?.to })
}

/// Computes what the chart of `measure` shows.
pub fn time_series(measure: &ChartMeasure, pieces: &Pieces, step: RangeStep, zone: &Zone) -> ChartView {
    let one_day = pieces.period().is_some_and(|period| period.to.since(period.from) <= DAY_MAX_MS);
    let value = |piece: &Piece| piece.sums.as_ref().and_then(|sums| measure.of(sums));
    let labels: Vec<String> =
        pieces.now.iter().map(|piece| text::charts::piece(zone, piece.from, step, one_day)).collect();
    let hrefs: Vec<String> =
        pieces.now.iter().map(|piece| measure.href(Period { from: piece.from, to: piece.to })).collect();
    let now: Vec<Option<i64>> = pieces.now.iter().map(value).collect();
    let derived = |piece: Option<&Piece>| {
        piece.and_then(|piece| piece.sums.as_ref()).is_some_and(|sums| measure.derived(sums) != 0)
    };
    // The earlier period may have one step less or more, because months differ.
    let earlier: Vec<Option<i64>> = (0..now.len()).map(|i| pieces.earlier.get(i).and_then(value)).collect();
    let text = |value: Option<i64>| value.map(|value| measure.text(value));
    let values = now.iter().zip(&earlier).enumerate();
    let rows = labels.iter().zip(&hrefs).zip(values).map(|((label, href), (i, (now, earlier)))| {
        let (piece, before) = (pieces.now.get(i), pieces.earlier.get(i));
        let sums = piece.and_then(|piece| piece.sums.as_ref());
        let remarks = sums.map(|sums| text::charts::remarks(&measure.remarks(sums))).unwrap_or_default();
        let now = match text(*now) {
            Some(now) if remarks.is_empty() => Some(now),
            Some(now) => Some(format!("{now}.{remarks}")),
            None => (!remarks.is_empty()).then(|| remarks.trim_start().to_owned()),
        };
        let cell = |text, piece| ChartText { derived: derived(piece), ..ChartText::maybe(text) };
        vec![ChartText::link(label.clone(), href.clone()), cell(now, piece), cell(text(*earlier), before)]
    });
    let days = pieces.period().map(|period| text::charts::days(zone, period)).unwrap_or_default();
    let days_before = whole(&pieces.earlier).map(|period| text::charts::days(zone, period)).unwrap_or_default();
    let before = pieces.before.as_ref().map(|sums| (measure.of(sums), days_before.as_str()));
    let rows = rows.collect();
    let plotted =
        |values: &[Option<i64>]| values.iter().map(|value| value.map(|value| measure.plotted(value))).collect();
    let series = charts::Series {
        id: "now",
        name: measure.title().to_owned(),
        unit: measure.unit(),
        kind: if step == RangeStep::Hour { charts::SeriesKind::Line } else { charts::SeriesKind::Bars },
        values: plotted(&now),
    };
    // The comparison's values are named by their own days, not by the days they are drawn at.
    let names = (0..now.len()).map(|i| {
        let piece = pieces.earlier.get(i);
        piece.map(|piece| text::charts::piece_of_year(zone, piece.from, step, one_day)).unwrap_or_default()
    });
    let ghost = (!pieces.earlier.is_empty()).then(|| charts::Ghost {
        name: if one_day { days_before.clone() } else { text::charts::EARLIER.to_owned() },
        names: names.collect(),
        values: plotted(&earlier),
    });
    ChartView {
        sentence: measure.sentence(&days, &total(&pieces.now), before),
        derived: pieces.now.iter().chain(&pieces.earlier).any(|piece| derived(Some(piece))),
        chart: Some(charts::Drawing::TimeSeries(charts::TimeSeries { labels, series: vec![series], ghost })),
        rows,
        empty: now.iter().chain(&earlier).flatten().all(|value| *value == 0),
        hrefs,
        ..ChartView::default()
    }
}

/// Returns the currencies that have revenue, sorted by code.
pub fn currencies(pieces: &Pieces) -> Vec<Currency> {
    let sums = pieces.now.iter().chain(&pieces.earlier).filter_map(|piece| piece.sums.as_ref());
    let mut all = Vec::new();
    for currency in sums.flat_map(|sums| sums.revenue.keys()) {
        // Inserted into a sorted list, because there are few, and a set or a sort would add to the download.
        if let Err(at) = all.binary_search(currency) {
            all.insert(at, currency.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::UtcMs;

    fn piece(day: i64, energy: Option<i64>) -> Piece {
        const DAY: i64 = 86_400_000;
        let revenue = [(Currency("EUR".into()), 5), (Currency("GBP".into()), energy.unwrap_or(0))].into();
        let sums =
            energy.map(|energy| Sums { energy: Some(energy), completed: 1, started: 3, revenue, ..Sums::default() });
        Piece { from: UtcMs(day * DAY), to: UtcMs((day + 1) * DAY), sums }
    }

    fn pieces() -> Pieces {
        Pieces {
            now: vec![piece(10, Some(1500)), piece(11, Some(0)), piece(12, None)],
            earlier: vec![piece(3, Some(1000)), piece(4, Some(2000))],
            before: Some(Sums { energy: Some(1000), ..Sums::default() }),
        }
    }

    #[test]
    fn what_has_not_begun_is_no_zero_and_months_may_differ() {
        let view = time_series(&ChartMeasure::Energy, &pieces(), RangeStep::Day, &Zone::default());
        assert_eq!(view.rows[0][0].text.as_deref(), Some("Sun 11 Jan"));
        assert_eq!(view.rows[1][1].text.as_deref(), Some("0.0\u{a0}kWh"));
        assert_eq!((&view.rows[2][1].text, &view.rows[2][2].text), (&None, &None));
        assert_eq!(
            view.sentence,
            "1.5\u{a0}kWh delivered, 11 Jan 1970 to 13 Jan 1970, +50.0% on 4 Jan 1970 to 5 Jan 1970."
        );
        assert_eq!(view.hrefs[0], "/sessions?status=COMPLETED&ended=1970-01-11T00:00:00Z/1970-01-12T00:00:00Z");
        let Some(charts::Drawing::TimeSeries(chart)) = view.chart else { panic!("no time series") };
        assert_eq!(chart.series[0].values, [Some(1.5), Some(0.0), None]);
        let ghost = chart.ghost.unwrap();
        assert_eq!(ghost.values, [Some(1.0), Some(2.0), None]);
        assert_eq!(
            (ghost.name.as_str(), ghost.names),
            ("Earlier", ["Sun 4 Jan 1970", "Mon 5 Jan 1970", ""].map(str::to_owned).into())
        );
        assert!(!view.derived);
    }

    #[test]
    fn what_nobody_knows_is_a_gap_and_what_is_left_out_is_said() {
        let mut pieces = pieces();
        let unknown = Sums { energy: None, completed: 2, energy_unknown: 2, amount_unknown: 1, ..Sums::default() };
        let partly =
            Sums { energy: Some(7000), completed: 4, energy_unknown: 1, energy_left_out: 2, ..Sums::default() };
        pieces.now[1].sums = Some(unknown.clone());
        pieces.now[2].sums = Some(partly);
        let view = time_series(&ChartMeasure::Energy, &pieces, RangeStep::Day, &Zone::default());
        let Some(charts::Drawing::TimeSeries(chart)) = &view.chart else { panic!("no time series") };
        assert_eq!(chart.series[0].values, [Some(1.5), None, Some(7.0)]);
        assert!(charts::Drawing::TimeSeries(chart.clone()).update().contains("[1.5,null,7.0]"), "a gap, not a zero");
        assert_eq!(view.rows[1][1].text.as_deref(), Some("Energy not known: 2."));
        assert_eq!(view.rows[2][1].text.as_deref(), Some("7.0\u{a0}kWh. Energy not known: 1. Excluded: 2."));
        assert!(
            view.sentence.starts_with("8.5\u{a0}kWh delivered")
                && view.sentence.ends_with("not known: 3. Excluded: 2.")
        );
        let nobody = Pieces { now: vec![Piece { sums: Some(unknown), ..piece(10, None) }], ..Pieces::default() };
        let of = |measure: &ChartMeasure| time_series(measure, &nobody, RangeStep::Day, &Zone::default()).sentence;
        assert_eq!(of(&ChartMeasure::Energy), "Energy not known, 11 Jan 1970. Energy not known: 2.");
        let euros = of(&ChartMeasure::Revenue(Currency("EUR".into())));
        assert_eq!(euros, "Amount not known, 11 Jan 1970. Amount not known: 1.");
        assert!(!nobody.is_empty(), "something happened");
    }

    #[test]
    fn currencies_are_offered_and_never_added() {
        let codes: Vec<_> = currencies(&pieces()).into_iter().map(|currency| currency.0).collect();
        assert_eq!(codes, ["EUR", "GBP"]);
        let euros =
            time_series(&ChartMeasure::Revenue(Currency("EUR".into())), &pieces(), RangeStep::Day, &Zone::default());
        assert_eq!(euros.rows[0][1].text.as_deref(), Some("€0.05"));
        assert_eq!(currencies(&Pieces::default()), []);
        assert!(!euros.derived);
        let mut pieces = pieces();
        if let Some(sums) = &mut pieces.now[0].sums {
            sums.derived_minor = [(Currency("EUR".into()), 3)].into();
        }
        let of = |code: &str| {
            time_series(&ChartMeasure::Revenue(Currency(code.into())), &pieces, RangeStep::Day, &Zone::default())
        };
        let (euros, pounds) = (of("EUR"), of("GBP"));
        assert!(euros.derived && euros.rows[0][1].derived && !euros.rows[1][1].derived && !pounds.derived);
        assert!(euros.sentence.contains("€0.03 of it computed from a tariff"), "{}", euros.sentence);
    }
}
