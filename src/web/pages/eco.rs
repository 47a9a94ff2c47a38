//! What charging saved compared with burning petrol, with the formula.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::collections::{Collection, EcoStat},
    web::{
        text,
        ui::{Cell, Column, any_views},
    },
};

static COLUMNS: [Column<EcoStat>; 10] = [
    Column::of("local_date", "word lead", |e, _| Cell::text(period(e))),
    Column::of("granularity", "word mid", |e, _| Cell::text(e.granularity.as_deref().map(text::granularity))),
    Column::of("scope", "wide second", |e, _| {
        Cell::text(e.scope.as_deref().map(text::scope)).small(e.scope_id.clone())
    }),
    Column::of("session_count", "number mid", |e, _| Cell::text(e.session_count.map(text::count))),
    Column::of("energy_wh", "number last", |e, _| Cell::amount(e.energy_wh.map(text::energy))),
    Column::of("co2_avoided_g", "number end", |e, _| Cell::amount(e.co2_avoided_g.map(text::mass))),
    Column::of("petrol_ml", "number mid", |e, _| Cell::amount(e.petrol_ml.map(text::volume))),
    Column::of("km_electric_m", "number low", |e, _| Cell::amount(e.km_electric_m.map(text::distance))),
    Column::of("trees_10y", "number roomy low", |e, _| Cell::text(e.trees_10y.map(text::decimal))),
    Column::of("factors", "word roomy spare", |e, _| Cell::text(e.factor_set.clone())),
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
