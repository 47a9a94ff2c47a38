//! The network over time: charts of any period, live at the right edge.

mod course;
mod draw;
#[cfg(feature = "ssr")]
mod options;
mod parts;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

#[cfg(feature = "ssr")]
pub use course::{Measure, Pieces};
#[cfg(feature = "ssr")]
pub use options::options;

use crate::{
    api::{Ask, Charts},
    live::Live,
    model::{
        analytics::Query,
        board::Board,
        money::Currency,
        range::{Against, Step},
    },
    ui::{ANALYTICS, Address, Clock, choice, each, loaded, period_form, words},
};

const NAMES: [&str; 7] = ["last", "from", "to", "zone", "by", "against", "currency"];

pub fn analytics() -> AnyView {
    let query = use_location().query;
    let address = Memo::new(move |_| query.with(|query| Address::read(ANALYTICS, &NAMES, |name| query.get(name))));
    view! { {move || at(&address.get())} }.into_any()
}

/// The page at an address. Changes of the address draw it anew.
fn at(address: &Address) -> AnyView {
    let network = Clock::expect().with_zone(|zone| zone.name.clone());
    match Query::read(|name| address.get(name), &network) {
        Err(wrong) => period_form(address, &network, Some(wrong.0)),
        Ok(query) => view! {
            {period_form(address, &network, None)}
            {choices(address, &query)}
            {charts(address.clone(), query)}
        }
        .into_any(),
    }
}

/// How the period is cut, and what stands behind it.
fn choices(address: &Address, query: &Query) -> AnyView {
    let steps = Step::ALL.into_iter().filter(|step| step.fits(query.range.len()));
    let steps = steps
        .map(|step| choice(address.with(&[("by", Some(step.name()))]), words::charts::step(step), step == query.step));
    let against = Against::ALL.into_iter().map(|against| {
        choice(
            address.with(&[("against", Some(against.name()))]),
            words::charts::against(against),
            against == query.against,
        )
    });
    view! {
        <div class="options">
            <p id="steps">{words::charts::STEPS}</p>
            <nav class="tabs" aria-labelledby="steps">{each(steps)}</nav>
            <p id="against">{words::charts::COMPARED}</p>
            <nav class="tabs" aria-labelledby="against">{each(against)}</nav>
        </div>
    }
    .into_any()
}

fn charts(address: Address, query: Query) -> AnyView {
    let live = expect_context::<Live>();
    let step = query.step;
    let currency = address.get("currency").map(Currency);
    loaded(Ask::Analytics { query: query.to_string(), currency }, words::charts::ANALYTICS, move |answer| {
        let charts: Charts = match answer.read::<Result<Charts, String>>()? {
            Ok(charts) => charts,
            Err(why) => return Ok(view! { <p class="note-line warn" role="alert">{why}</p> }.into_any()),
        };
        let query: Query = charts.query.parse().map_err(|_| crate::api::AppError::Unavailable)?;
        let sheet = live.sheet(Board::Analytics(query).to_string(), charts.fields.clone(), None);
        Ok(draw::draw(sheet, step, charts, address.clone()))
    })
}
