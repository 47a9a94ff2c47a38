//! Tests that no document is too odd to be counted, described and drawn: nothing panics, and no drawing leaves its
//! box. In tests an arithmetic overflow panics, too: see [`an_overflow_panics_in_tests`].

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    parts,
    time_series::{ChartMeasure, Pieces, currencies, time_series},
};
use crate::{
    domain::{
        analytics::{self, Plan, hours_of, payments_of},
        cells::{Cells, contributions, delta},
        collections::{Collection, Payment, Session, see},
        eco::{Factors, Savings},
        fields::Fields,
        figures::{Viewpoint, figures, sum},
        money::Money,
        range::RangeStep,
        report,
        time::{Period, UtcMs, Zone},
    },
    web::{
        text,
        ui::{self, DayDrawing, by_role, split_bar},
    },
};
use leptos::prelude::*;

const NOW: i64 = 1_767_312_000_000;
const DAY: i64 = 86_400_000;

fn period(days_ago: i64) -> Period {
    Period { from: UtcMs(NOW - days_ago * DAY), to: UtcMs(NOW - (days_ago - 1) * DAY) }
}

/// A value that an operator's database may hold in a field. Most values have the right type, because a session with
/// no other readable field is in no figure.
fn value(name: &str) -> impl Strategy<Value = Value> + use<> {
    let is_date =
        name.ends_with("_at") || name.contains("date") || name == "last_updated" || name.starts_with("period");
    let (numbers, dates) = if is_date { (1, 12) } else { (12, 1) };
    let number = prop_oneof![
        prop::sample::select(vec![i64::MAX, i64::MIN, i64::MAX - 1, 1 << 53, -1, 0, 4_600_000_000_000_000]),
        any::<i64>(),
        0..100_000_i64,
    ];
    let date = prop_oneof![
        4 => (NOW - 10 * DAY..NOW + 3 * DAY).prop_map(UtcMs),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0, -62_135_596_800_000, 253_402_300_800_000]).prop_map(UtcMs),
    ];
    prop_oneof![
        numbers => number.prop_map(|n| json!(n)),
        1 => any::<i64>().prop_map(|n| json!(n.to_string())),
        1 => any::<f64>().prop_map(|f| json!(f)),
        dates => date.prop_map(|at| json!(at.to_string())),
        1 => any::<String>().prop_map(|text| json!(text)),
        1 => Just(json!([{"status": "AVAILABLE", "connectors": [{"max_electric_power": i64::MAX}]}, {}, 7])),
        1 => Just(Value::Null),
    ]
}

fn document() -> impl Strategy<Value = (Collection, Fields)> {
    let status = prop::sample::select(vec!["ACTIVE", "COMPLETED", "CAPTURED", "PARTIALLY_REFUNDED", "PENDING", "odd"]);
    prop::sample::select(Collection::ALL.to_vec()).prop_flat_map(move |collection| {
        let names: Vec<_> = collection.shown_fields().collect();
        let fields: Vec<_> = names.iter().map(|name| prop::option::weighted(0.9, value(name))).collect();
        (status.clone(), prop::sample::select(vec!["EUR", "JPY", "\u{0}"]), fields).prop_map(
            move |(status, currency, values)| {
                let named = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
                let mut fields: Fields = named.collect();
                fields.insert("status".to_owned(), json!(status));
                fields.insert("currency".to_owned(), json!(currency));
                (collection, fields)
            },
        )
    })
}

/// Returns whether all points in the paths of a drawing lie within `width` by `height`.
fn within(html: &str, width: f64, height: f64) -> bool {
    let paths = html.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths.flat_map(|path| path.split(['M', 'L', 'Z']).filter(|point| point.contains(','))).all(|point| {
        let read = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
        let (x, y) = point.split_once(',').unzip();
        read(x).zip(read(y)).is_some_and(|(x, y)| (0.0..=width).contains(&x) && (0.0..=height).contains(&y))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_document_is_counted_told_and_drawn(documents in prop::collection::vec(document(), 0..24)) {
        let (now, zone) = (UtcMs(NOW + DAY / 2), Zone::default());
        let (mut cells, mut before) = (Cells::default(), None);
        let mut reported = report::ReportSums::default();
        for (collection, fields) in &documents {
            cells.merge(&contributions(*collection, fields));
            cells.merge(&delta(*collection, before.as_ref(), before.as_ref()));
            before = Some(fields.clone());
            let (session, payment) = (see::<Session>(fields).doc, see::<Payment>(fields).doc);
            session.oddities(now);
            reported.add(&report::ReportSums::of_session(&session, now));
            reported.add(&report::ReportSums::of_payment(&payment));
            if let Some(energy) = session.energy_wh {
                let factors = Factors::named("owid-2024", "GBR").unwrap();
                let one = Savings::of_session(energy, &factors);
                _ = factors.trees_10y((one + one).co2_avoided_g);
                _ = (text::energy(energy), text::energy_figure(energy));
            }
            for at in [session.start_date_time, session.end_date_time, session.last_updated].into_iter().flatten() {
                _ = (text::stamp(&zone, at, text::local_day(&zone, now)), text::age(at, now), text::age(now, at));
                _ = text::duration(at.since(now));
            }
            let amounts = [payment.amount_minor, payment.captured_minor, payment.refunded_minor].into_iter().flatten();
            for (minor, currency) in amounts.zip(payment.currency.iter().cycle()) {
                text::money(&Money { minor, currency: currency.clone() });
            }
        }
        let view = Viewpoint { now, day: period(0), week_before: period(7), silent_after_s: i64::MAX };
        let figures = figures(&cells, &view);
        if let Some((now, then)) = figures.energy_today.zip(figures.energy_week_before) {
            _ = (text::change(now.0, then.0), text::per_mille(now.0, then.0));
        }
        _ = figures.live_power.map(text::power_figure);
        let day = DayDrawing::of(&figures.energy_series, Some(figures.day), &zone);
        let html = view! { <ui::DayChart drawing=day /> }.to_html();
        prop_assert!(within(&html, 960.0, 200.0), "{}", html);
        figures.energy_series.today.chunks(4).for_each(|hour| _ = sum(hour));
        let split = by_role(figures.evse_split.clone()).into_iter();
        let split = split.map(|(status, n)| (ui::Look::new(status.role(), text::evse_status(&status)), n, String::new()));
        split_bar(split.collect()).to_html();
        let plan = Plan { zone, pieces: vec![period(1), period(0)], earlier: vec![period(8), period(7)] };
        let board = analytics::fields(&cells, &plan, now);
        let pieces = Pieces::read(&board);
        let measures = currencies(&pieces).into_iter().map(ChartMeasure::Revenue);
        let over_time = measures.chain([ChartMeasure::Energy, ChartMeasure::Sessions]);
        let over_time = over_time.map(|measure| time_series(&measure, &pieces, RangeStep::Day, &plan.zone));
        let parts = [
            parts::payments(&payments_of(&board), pieces.period(), &plan.zone),
            parts::evses(figures.evse_split),
            parts::power(
                figures.live_power,
                figures.installed_power,
                [figures.power_unknown, figures.rating_unknown].map(Some),
            ),
            parts::week(&hours_of(&board), pieces.period(), &plan.zone),
        ];
        for chart in over_time.chain(parts).filter_map(|view| view.chart) {
            prop_assert!(!chart.update().is_empty());
        }
    }
}

/// Without this no test would notice a sum that wraps. It is a setting of the profile in `Cargo.toml`.
#[test]
#[should_panic(expected = "attempt to add with overflow")]
fn an_overflow_panics_in_tests() {
    std::hint::black_box(std::hint::black_box(i64::MAX) + 1);
}
