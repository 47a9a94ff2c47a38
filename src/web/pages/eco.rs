//! What charging saved compared with burning petrol, with the formula.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::collections::{Collection, EcoStat},
    web::{
        text,
        ui::{ListColumn, TableCell, any_views},
    },
};

static COLUMNS: [ListColumn<EcoStat>; 10] = [
    ListColumn::of("local_date", "word lead", |e, _| TableCell::text(period(e))),
    ListColumn::of("granularity", "word mid", |e, _| TableCell::text(e.granularity.as_deref().map(text::granularity))),
    ListColumn::of("scope", "wide second", |e, _| {
        TableCell::text(e.scope.as_deref().map(text::scope)).small(e.scope_id.clone())
    }),
    ListColumn::of("session_count", "number mid", |e, _| TableCell::text(e.session_count.map(text::count))),
    ListColumn::of("energy_wh", "number last", |e, _| TableCell::amount(e.energy_wh.map(text::energy))),
    ListColumn::of("co2_avoided_g", "number end", |e, _| TableCell::amount(e.co2_avoided_g.map(text::mass))),
    ListColumn::of("petrol_ml", "number mid", |e, _| TableCell::amount(e.petrol_ml.map(text::volume))),
    ListColumn::of("km_electric_m", "number low", |e, _| TableCell::amount(e.km_electric_m.map(text::distance))),
    ListColumn::of("trees_10y", "number roomy low", |e, _| TableCell::text(e.trees_10y.map(text::decimal))),
    ListColumn::of("factors", "word roomy spare", |e, _| TableCell::text(e.factor_set.clone())),
];

/// The name of a period: a day by its date, a month by year and month. The total has no date to show.
fn period(stat: &EcoStat) -> Option<String> {
    match (stat.granularity.as_deref(), stat.local_date.as_deref()) {
        (Some("TOTAL"), _) => Some(text::ALL_TIME.to_owned()),
        (Some("MONTH"), Some(date)) => Some(date.get(..7).unwrap_or(date).to_owned()),
        (_, date) => date.map(str::to_owned),
    }
}

pub fn eco() -> AnyView {
    view! {
        {list(Collection::EcoStats, &COLUMNS)}
        <section class="panel prose">
            <h2>{text::HOW_COMPUTED}</h2>
            {any_views(text::ECO_FORMULA.map(|line| view! { <p>{line}</p> }))}
        </section>
    }
    .into_any()
}
