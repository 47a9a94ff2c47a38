//! The network over time: charts of any period, live at the right edge.

mod chart_view;
mod draw;
#[cfg(test)]
mod extremes;
#[cfg(feature = "ssr")]
mod options;
mod parts;
mod time_series;

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

#[cfg(feature = "ssr")]
pub use options::options;
#[cfg(feature = "ssr")]
pub use time_series::{ChartMeasure, Pieces};

use crate::{
    domain::{
        address::{Params, Refused},
        analytics::{CURRENCY, Query, currency},
        board::Board,
        money::Currency,
        range::{Against, RangeStep},
    },
    web::{
        api::{AppError, Charts, PageData, PageRequest},
        live::Live,
        text,
        ui::{ANALYTICS, Address, Clock, answered, any_views, choice, parameter_refused, period_form},
    },
};

const NAMES: [&str; 7] = ["last", "from", "to", "zone", "by", "against", CURRENCY];

pub fn analytics() -> AnyView {
    let Location { pathname, query, .. } = use_location();
    // A refused parameter gives an error; the other parameters stay in the form.
    let address = Memo::new(move |before: Option<&(Address, Option<Refused>)>| match before {
        // While the next page loads, the address is already that page's.
        Some(before) if pathname.with(|path| path != ANALYTICS) => before.clone(),
        _ => {
            let given = query.get();
            let address = Address::read(ANALYTICS, &NAMES, |name| given.get(name));
            (address, Params::read(given, &NAMES).err())
        }
    });
    view! { {move || address.with(|(address, unknown)| at(address, unknown.clone()))} }.into_any()
}

/// Draws the page for an address. A change of the address draws it anew.
fn at(address: &Address, unknown: Option<Refused>) -> AnyView {
    let network = Clock::expect().with_zone(|zone| zone.name.clone());
    let read = || {
        let query = Query::read(|name| address.get(name), &network)?;
        Ok((query, currency(address.get(CURRENCY))?))
    };
    match unknown.map_or_else(read, Err) {
        Err(wrong) => period_form(address, &network, Some(&wrong)),
        Ok((query, currency)) => view! {
            {period_form(address, &network, None)}
            {choices(address, &query)}
            {charts(address.clone(), &query, currency)}
        }
        .into_any(),
    }
}

/// The choice of the step and of the comparison period.
fn choices(address: &Address, query: &Query) -> AnyView {
    let steps = RangeStep::ALL.into_iter().filter(|step| step.fits(query.range.len()));
    let steps = steps
        .map(|step| choice(address.with(&[("by", Some(step.name()))]), text::charts::step(step), step == query.step));
    let against = Against::ALL.into_iter().map(|against| {
        choice(
            address.with(&[("against", Some(against.name()))]),
            text::charts::against(against),
            against == query.against,
        )
    });
    view! {
        <div class="options">
            <p id="steps">{text::charts::STEPS}</p>
            <nav class="tabs" aria-labelledby="steps">{any_views(steps)}</nav>
            <p id="against">{text::charts::COMPARED}</p>
            <nav class="tabs" aria-labelledby="against">{any_views(against)}</nav>
        </div>
    }
    .into_any()
}

fn charts(address: Address, query: &Query, currency: Option<Currency>) -> AnyView {
    let live = expect_context::<Live>();
    let step = query.step;
    answered(PageRequest::Analytics { query: query.to_string(), currency }, text::charts::ANALYTICS, move |answer| {
        let charts: Charts = match answer.and_then(PageData::read) {
            Err(AppError::Refused(wrong)) => return Ok(parameter_refused(&address, &wrong)),
            answer => answer?,
        };
        let query: Query = charts.query.parse().map_err(|_| AppError::Unavailable)?;
        let sheet = live.sheet(Board::Analytics(query).to_string(), charts.fields.clone(), charts.ct, None);
        Ok(draw::draw(sheet, step, charts, address.clone()))
    })
}
