//! What a chart of a figure over time shows. Pure: from the board's values to texts and numbers.

use std::collections::BTreeSet;

use super::draw::{Drawn, Said};
use crate::{
    charts,
    model::{
        analytics::{Piece, Sums, before_of, earlier_of, pieces_of, total},
        fields::Fields,
        ids::Collection,
        money::{Currency, Money, Wh},
        range::Step,
        selection::{Part, Selection, Wanted},
        status::{PaymentStatus, SessionStatus},
        time::{Period, Zone},
    },
    ui::{page_of, words},
};

/// A day of 25 hours.
const DAY_MAX_MS: i64 = 25 * 3_600_000;

/// Which figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    Energy,
    Sessions,
    Revenue(Currency),
}

impl Measure {
    pub fn of(&self, sums: &Sums) -> i64 {
        match self {
            Self::Energy => sums.energy,
            Self::Sessions => sums.started,
            Self::Revenue(currency) => sums.revenue.get(currency).copied().unwrap_or(0),
        }
    }

    /// Which power of ten of the integer's unit makes what people read: kWh, sessions, or the currency's major unit.
    pub fn scale(&self) -> u32 {
        match self {
            Self::Energy => 3,
            Self::Sessions => 0,
            Self::Revenue(currency) => currency.exponent(),
        }
    }

    /// The number on the chart's axis.
    fn drawn(&self, value: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a drawing need not show the last of sixteen digits")]
        let value = value as f64;
        value / f64::from(10_u32.pow(self.scale()))
    }

    pub const fn title(&self) -> &'static str {
        match self {
            Self::Energy => words::charts::ENERGY,
            Self::Sessions => words::charts::SESSIONS,
            Self::Revenue(_) => words::charts::REVENUE,
        }
    }

    fn unit(&self) -> charts::Unit {
        match self {
            Self::Energy => charts::Unit::after(words::KWH),
            Self::Sessions => charts::Unit::count(words::charts::STARTED),
            Self::Revenue(currency) => words::money_unit(currency),
        }
    }

    fn text(&self, value: i64) -> String {
        match self {
            Self::Energy => words::energy(Wh(value)).to_string(),
            Self::Sessions => words::count(value),
            Self::Revenue(currency) => words::money(&Money { minor: value, currency: currency.clone() }),
        }
    }

    /// The list of exactly the documents behind a period's figure.
    fn href(&self, period: Period) -> String {
        let (all, within) = (Selection::default(), Wanted::Within(period));
        match self {
            Self::Energy => {
                let completed = all.with(Part::Status, Wanted::one_of([SessionStatus::Completed.code()]));
                page_of(Collection::ChargingSessions, &completed.with(Part::Ended, within))
            }
            Self::Sessions => page_of(Collection::ChargingSessions, &all.with(Part::Started, within)),
            Self::Revenue(currency) => {
                let statuses =
                    PaymentStatus::KNOWN.iter().filter(|status| status.is_revenue()).map(PaymentStatus::code);
                let captured = all.with(Part::Status, Wanted::one_of(statuses)).with(Part::Captured, within);
                page_of(Collection::Payments, &captured.with(Part::Currency, Wanted::one_of([currency.0.as_str()])))
            }
        }
    }

    fn sentence(&self, days: &str, value: i64, earlier: Option<(i64, &str)>) -> String {
        match self {
            Self::Energy => words::charts::energy_sentence(days, value, earlier),
            Self::Sessions => words::charts::sessions_sentence(days, value, earlier),
            Self::Revenue(currency) => {
                let money = Money { minor: value, currency: currency.clone() };
                words::charts::revenue_sentence(days, &money, earlier)
            }
        }
    }
}

/// The board's pieces, read once for all charts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pieces {
    pub now: Vec<Piece>,
    pub earlier: Vec<Piece>,
    /// What the earlier period had when it was as old as the period is now.
    pub before: Option<Sums>,
}

impl Pieces {
    /// Of a board's values.
    pub fn read(fields: &Fields) -> Self {
        Self { now: pieces_of(fields), earlier: earlier_of(fields), before: before_of(fields) }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        total(&self.now) == Sums::default()
    }

    pub fn period(&self) -> Option<Period> {
        whole(&self.now)
    }
}

fn whole(pieces: &[Piece]) -> Option<Period> {
    Some(Period { from: pieces.first()?.from, to: pieces.last()?.to })
}

/// What the chart of `measure` shows.
pub fn course(measure: &Measure, pieces: &Pieces, step: Step, zone: &Zone) -> Drawn {
    let one_day = pieces.period().is_some_and(|period| period.to.0 - period.from.0 <= DAY_MAX_MS);
    let value = |piece: &Piece| piece.sums.as_ref().map(|sums| measure.of(sums));
    let labels: Vec<String> =
        pieces.now.iter().map(|piece| words::charts::piece(zone, piece.from, step, one_day)).collect();
    let hrefs: Vec<String> =
        pieces.now.iter().map(|piece| measure.href(Period { from: piece.from, to: piece.to })).collect();
    let now: Vec<Option<i64>> = pieces.now.iter().map(value).collect();
    // The earlier period may have a piece less or more: months differ.
    let earlier: Vec<Option<i64>> = (0..now.len()).map(|i| pieces.earlier.get(i).and_then(value)).collect();
    let rows = labels.iter().zip(&hrefs).zip(now.iter().zip(&earlier)).map(|((label, href), (now, earlier))| {
        let text = |value: &Option<i64>| value.map(|value| measure.text(value));
        vec![Said::link(label.clone(), href.clone()), Said::maybe(text(now)), Said::maybe(text(earlier))]
    });
    let days = pieces.period().map(|period| words::charts::days(zone, period)).unwrap_or_default();
    let days_before = whole(&pieces.earlier).map(|period| words::charts::days(zone, period)).unwrap_or_default();
    let before = pieces.before.as_ref().map(|sums| (measure.of(sums), days_before.as_str()));
    let rows = rows.collect();
    let drawn = |values: &[Option<i64>]| values.iter().map(|value| value.map(|value| measure.drawn(value))).collect();
    let series = charts::Series {
        id: "now",
        name: measure.title().to_owned(),
        unit: measure.unit(),
        kind: if step == Step::Hour { charts::Kind::Line } else { charts::Kind::Bars },
        values: drawn(&now),
    };
    let ghost =
        (!pieces.earlier.is_empty()).then(|| charts::Ghost { name: days_before.clone(), values: drawn(&earlier) });
    Drawn {
        sentence: measure.sentence(&days, measure.of(&total(&pieces.now)), before),
        chart: Some(charts::Drawing::Course(charts::Course { labels, series: vec![series], ghost })),
        rows,
        empty: now.iter().chain(&earlier).flatten().all(|value| *value == 0),
        hrefs,
        ..Drawn::default()
    }
}

/// The currencies of which there was revenue, in the order of their codes.
pub fn currencies(pieces: &Pieces) -> Vec<Currency> {
    let sums = pieces.now.iter().chain(&pieces.earlier).filter_map(|piece| piece.sums.as_ref());
    let all: BTreeSet<&Currency> = sums.flat_map(|sums| sums.revenue.keys()).collect();
    all.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::UtcMs;

    fn piece(day: i64, energy: Option<i64>) -> Piece {
        const DAY: i64 = 86_400_000;
        let revenue = [(Currency("EUR".into()), 5), (Currency("GBP".into()), energy.unwrap_or(0))].into();
        let sums = energy.map(|energy| Sums { energy, started: 3, revenue, ..Sums::default() });
        Piece { from: UtcMs(day * DAY), to: UtcMs((day + 1) * DAY), sums }
    }

    fn pieces() -> Pieces {
        Pieces {
            now: vec![piece(10, Some(1500)), piece(11, Some(0)), piece(12, None)],
            earlier: vec![piece(3, Some(1000)), piece(4, Some(2000))],
            before: Some(Sums { energy: 1000, ..Sums::default() }),
        }
    }

    #[test]
    fn what_has_not_begun_is_no_zero_and_months_may_differ() {
        let drawn = course(&Measure::Energy, &pieces(), Step::Day, &Zone::default());
        assert_eq!(drawn.rows[0][0].text.as_deref(), Some("Sun 11 Jan"));
        assert_eq!(drawn.rows[1][1].text.as_deref(), Some("0.0\u{a0}kWh"));
        assert_eq!((&drawn.rows[2][1].text, &drawn.rows[2][2].text), (&None, &None));
        assert_eq!(
            drawn.sentence,
            "1.5\u{a0}kWh delivered, 11 Jan 1970 to 13 Jan 1970, +50.0% on 4 Jan 1970 to 5 Jan 1970."
        );
        assert_eq!(drawn.hrefs[0], "/sessions?status=COMPLETED&ended=1970-01-11T00:00:00Z/1970-01-12T00:00:00Z");
        let Some(charts::Drawing::Course(chart)) = drawn.chart else { panic!("no course") };
        assert_eq!(chart.series[0].values, [Some(1.5), Some(0.0), None]);
        assert_eq!(chart.ghost.unwrap().values, [Some(1.0), Some(2.0), None]);
    }

    #[test]
    fn currencies_are_offered_and_never_added() {
        let codes: Vec<_> = currencies(&pieces()).into_iter().map(|currency| currency.0).collect();
        assert_eq!(codes, ["EUR", "GBP"]);
        let euros = course(&Measure::Revenue(Currency("EUR".into())), &pieces(), Step::Day, &Zone::default());
        assert_eq!(euros.rows[0][1].text.as_deref(), Some("€0.05"));
        assert_eq!(currencies(&Pieces::default()), []);
    }
}
