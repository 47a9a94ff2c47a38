//! What charging instead of burning petrol saved, with the formula.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{entities::EcoStat, ids::Collection},
    web::{
        text,
        ui::{Cell, Column, each},
    },
};

static COLUMNS: [Column<EcoStat>; 10] = [
    Column { field: "local_date", class: "word lead", show: |e, _| Cell::text(period(e)) },
    Column {
        field: "granularity",
        class: "word mid",
        show: |e, _| Cell::text(e.granularity.as_deref().map(text::granularity)),
    },
    Column {
        field: "scope",
        class: "wide second",
        show: |e, _| Cell::text(e.scope.as_deref().map(text::scope)).small(e.scope_id.clone()),
    },
    Column { field: "session_count", class: "number mid", show: |e, _| Cell::text(e.session_count.map(text::count)) },
    Column { field: "energy_wh", class: "number last", show: |e, _| Cell::amount(e.energy_wh.map(text::energy)) },
    Column { field: "co2_avoided_g", class: "number end", show: |e, _| Cell::amount(e.co2_avoided_g.map(text::mass)) },
    Column { field: "petrol_ml", class: "number mid", show: |e, _| Cell::amount(e.petrol_ml.map(text::volume)) },
    Column {
        field: "km_electric_m",
        class: "number low",
        show: |e, _| Cell::amount(e.km_electric_m.map(text::distance)),
    },
    Column { field: "trees_10y", class: "number roomy low", show: |e, _| Cell::text(e.trees_10y.map(text::decimal)) },
    Column { field: "factors", class: "word roomy spare", show: |e, _| Cell::text(e.factor_set.clone()) },
];

/// A day by its date, a month by year and month; the total has no date to show.
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
            {each(text::ECO_FORMULA.map(|line| view! { <p>{line}</p> }))}
        </section>
    }
    .into_any()
}
