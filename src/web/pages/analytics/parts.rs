//! Wholes in parts, and the hours of the week. Pure functions from figures to words, numbers and addresses.

use std::collections::BTreeMap;

use super::chart_view::{ChartText, ChartView};
use crate::{
    domain::{
        collections::Collection,
        figures::{ACTIVE, STARTED},
        money::Watt,
        selection::{Criterion, FilterField, Selection, Slot},
        status::{EvseStatus, PaymentStatus, Role},
        time::{Period, Zone},
    },
    web::{
        charts, text,
        ui::{Look, by_role, page_of, page_of_status, role_class},
    },
};

/// A part of a whole, with the address of the list of exactly what it counts, if there is one.
struct Slice {
    word: String,
    n: i64,
    role: Role,
    href: String,
}

fn whole(parts: Vec<Slice>, sentence: String) -> ChartView {
    let drawn = parts.iter().map(|part| charts::DonutPart {
        name: part.word.clone(),
        value: float(part.n),
        role: role_class(part.role),
    });
    ChartView {
        chart: Some(charts::Drawing::Donut(charts::Donut {
            unit: charts::ChartUnit::count(""),
            parts: drawn.collect(),
        })),
        rows: parts
            .iter()
            .map(|part| {
                vec![ChartText::link(part.word.clone(), part.href.clone()), ChartText::text(text::count(part.n))]
            })
            .collect(),
        empty: parts.iter().all(|part| part.n == 0),
        parts: parts.iter().map(|part| (Look::new(part.role, part.word.clone()), part.n, part.href.clone())).collect(),
        hrefs: parts.into_iter().map(|part| part.href).collect(),
        sentence,
        derived: false,
    }
}

/// The payments created in a period, by state.
pub fn payments(by_status: &BTreeMap<PaymentStatus, i64>, period: Option<Period>, zone: &Zone) -> ChartView {
    let Some(period) = period else { return ChartView::default() };
    let created = Selection::default().with(FilterField::Created, Criterion::Within(period));
    let parts = by_status.iter().map(|(status, n)| Slice {
        word: text::payment_status(status).into_owned(),
        n: *n,
        role: status.role(),
        href: page_of_status(Collection::Payments, created.clone(), FilterField::Status, status.code()),
    });
    let sum = |counts: fn(&PaymentStatus) -> bool| {
        by_status.iter().filter(|(status, _)| counts(status)).map(|(_, n)| n).sum()
    };
    let days = text::charts::days(zone, period);
    let failed = sum(|status| *status == PaymentStatus::Failed);
    let sentence = text::charts::payments_sentence(&days, sum(|_| true), sum(PaymentStatus::is_revenue), failed);
    whole(parts.collect(), sentence)
}

/// The EVSEs by state, sorted by role first, so that similar states stand together.
pub fn evses(split: Vec<(EvseStatus, i64)>) -> ChartView {
    let parts = by_role(split).into_iter().map(|(status, n)| Slice {
        word: text::evse_status(&status).into_owned(),
        n,
        role: status.role(),
        href: page_of_status(Collection::Stations, Selection::default(), FilterField::Evse, status.code()),
    });
    let parts: Vec<Slice> = parts.collect();
    let named: Vec<(&str, i64)> = parts.iter().map(|part| (part.word.as_str(), part.n)).collect();
    let sentence = text::charts::parts_sentence(&named);
    whole(parts, sentence)
}

/// The power drawn now, compared with the installed power. `unknown` says how many sessions and EVSEs each lacks.
/// Where that is not known, the sum is not known either.
pub fn power(power: Option<Watt>, installed: Option<Watt>, unknown: [Option<i64>; 2]) -> ChartView {
    let [powers, ratings] = unknown;
    let (power, installed) = (powers.and(power), ratings.and(installed));
    let gauge = charts::Gauge {
        unit: charts::ChartUnit::after(text::KW),
        value: power.map(|power| float(power.0) / 1000.0),
        // If the installed power is not known, the drawn power fills the gauge.
        max: installed.or(power).map_or(1.0, |most| float(most.0.max(1)) / 1000.0),
    };
    let chart = Some(charts::Drawing::Gauge(gauge));
    let href = page_of(ACTIVE.collection(), &ACTIVE.selection(None));
    let text = |power: Option<Watt>| power.map(|power| text::power_figure(power).to_string());
    let remarks = [(text::charts::NO_POWER, powers), (text::charts::NO_RATING, ratings)];
    let remarks: Vec<(&str, i64)> = remarks.into_iter().filter_map(|(what, n)| Some((what, n?))).collect();
    ChartView {
        sentence: text::charts::power_sentence(text(power).as_deref(), text(installed).as_deref())
            + &text::charts::remarks(&remarks),
        chart,
        rows: vec![
            vec![ChartText::link(text::charts::POWER_NOW.to_owned(), href.clone()), ChartText::maybe(text(power))],
            vec![ChartText::text(text::charts::INSTALLED.to_owned()), ChartText::maybe(text(installed))],
        ],
        hrefs: vec![href],
        empty: power.is_none_or(|power| power.0 == 0) && installed.is_none_or(|installed| installed.0 == 0),
        ..ChartView::default()
    }
}

const fn float(n: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a drawing need not show the last of sixteen digits")]
    let n = n as f64;
    n
}

/// The sessions of a period by the hour of the week in which they started.
pub fn week(hours: &[i64], period: Option<Period>, zone: &Zone) -> ChartView {
    let Some(period) = period else { return ChartView::default() };
    let hrefs: Vec<String> = (0..hours.len()).map(|hour| hour_href(hour, period, &zone.name)).collect();
    let row = |hour: usize| {
        let days = hours.iter().zip(&hrefs).skip(hour).step_by(24);
        let cells = days.map(|(n, href)| ChartText::link(text::count(*n), href.clone()));
        [ChartText::text(format!("{hour:02}:00"))].into_iter().chain(cells).collect()
    };
    ChartView {
        sentence: text::charts::week_sentence(&text::charts::days(zone, period), hours),
        chart: Some(charts::Drawing::Heat(charts::Heat {
            unit: charts::ChartUnit::count(""),
            rows: text::charts::SHORT_WEEKDAYS.map(str::to_owned).to_vec(),
            columns: (0..24).map(|hour| format!("{hour:02}")).collect(),
            values: hours.chunks(24).map(|day| day.iter().map(|n| Some(float(*n))).collect()).collect(),
        })),
        rows: (0..24).map(row).collect(),
        empty: hours.iter().all(|n| *n == 0),
        hrefs,
        ..ChartView::default()
    }
}

fn hour_href(hour: usize, period: Period, zone: &str) -> String {
    let number = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    let slot = Slot { weekday: number(hour / 24), hour: number(hour % 24), zone: zone.to_owned() };
    let started = STARTED.selection(Some(period));
    page_of(STARTED.collection(), &started.with(FilterField::Slot, Criterion::In(slot)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::UtcMs;

    #[test]
    fn every_payment_is_in_one_part_and_the_undecided_are_in_no_share() {
        let by_status = [
            (PaymentStatus::Captured, 6),
            (PaymentStatus::Refunded, 1),
            (PaymentStatus::Failed, 1),
            (PaymentStatus::Pending, 3),
            (PaymentStatus::Other("odd one".into()), 2),
            (PaymentStatus::Other("…".into()), 4),
        ]
        .into();
        let day = Period { from: UtcMs(0), to: UtcMs(86_400_000) };
        let drawn = payments(&by_status, Some(day), &Zone::default());
        assert!(drawn.sentence.contains("17 payments") && drawn.sentence.contains("87.5%"), "{}", drawn.sentence);
        assert_eq!((drawn.rows.len(), drawn.hrefs.len()), (6, 6));
        let odd = drawn.rows.iter().find(|row| row[0].text.as_deref() == Some("odd one")).unwrap();
        assert_eq!(odd[0].href, "/payments?status=odd%20one&created=1970-01-01T00:00:00Z/1970-01-02T00:00:00Z");
        let rest = drawn.rows.iter().find(|row| row[0].text.as_deref() == Some("Other")).unwrap();
        assert_eq!(rest[0].href, "", "no list tells which statuses have no name");
    }

    #[test]
    fn power_that_nobody_knows_is_not_zero() {
        let drawn = power(None, Some(Watt(11_000)), [Some(3), Some(0)]);
        assert_eq!(drawn.sentence, "Power not known, of 11.0\u{a0}kW installed. Power not known: 3.");
        assert_eq!(drawn.rows[0][1].text, None);
        let Some(charts::Drawing::Gauge(gauge)) = drawn.chart else { panic!("no gauge") };
        assert_eq!((gauge.value, gauge.max), (None, 11.0));
        let unrated = power(Some(Watt(7000)), None, [Some(0), Some(2)]);
        assert_eq!(unrated.sentence, "7.0\u{a0}kW now. Rated power not known: 2.");
        assert!(!unrated.empty && drawn.rows.len() == 2);
        let lacking = power(Some(Watt(7000)), Some(Watt(11_000)), [None, Some(0)]);
        assert_eq!(lacking.sentence, "Power not known, of 11.0\u{a0}kW installed.");
        let Some(charts::Drawing::Gauge(gauge)) = lacking.chart else { panic!("no gauge") };
        assert_eq!((gauge.value, gauge.max), (None, 11.0), "nobody knows what the sum lacks");
    }

    #[test]
    fn an_hour_of_the_week_leads_to_its_sessions() {
        let day = Period { from: UtcMs(0), to: UtcMs(86_400_000) };
        assert_eq!(
            hour_href(4 * 24 + 23, day, "Europe/London"),
            "/sessions?started=1970-01-01T00:00:00Z/1970-01-02T00:00:00Z&slot=4.23@Europe/London"
        );
    }
}
