//! What can be chosen: links, and a form that works without scripts. What was typed stays, whatever becomes of it.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    model::{
        range::Range,
        report::{By, Query, Sort},
    },
    ui::{Clock, REPORTS, each, words},
};

/// Zones that are offered while one types; any other of the zone database will do.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/New_York",
    "America/Denver",
    "America/Los_Angeles",
    "Asia/Tokyo",
];

pub fn choices() -> AnyView {
    let given = use_location().query;
    let network = Clock::expect().with_zone(|zone| zone.name.clone());
    let draw = move || {
        let given = given.get();
        let query = Query::read(|name| given.get(name), &network).unwrap_or_else(|_| usual(network.clone()));
        let text = |name: &str| given.get(name).unwrap_or_default();
        drawn(&query, text("from"), text("to"), given.get("zone").unwrap_or_else(|| query.zone.clone()), &network)
    };
    (move || draw()).into_any()
}

/// What is offered beside a choice that cannot be read.
fn usual(zone: String) -> Query {
    Query { range: Range::Last(7), by: By::default(), zone, sort: Sort::usual(By::default()) }
}

fn drawn(query: &Query, from: String, to: String, zone: String, network: &str) -> AnyView {
    let groups = By::ALL.map(|by| {
        let other = Query { by, sort: Sort::usual(by), ..query.clone() };
        choice(&other, words::report_by(by).to_owned(), by == query.by)
    });
    let periods = Range::OFFERED
        .map(|range| choice(&Query { range, ..query.clone() }, words::report_range(range), range == query.range));
    let last = match query.range {
        Range::Last(days) => format!("{days}d"),
        Range::Days(..) => String::new(),
    };
    let other = (!ZONES.contains(&network)).then(|| network.to_owned());
    let zones = other.into_iter().chain(ZONES.map(str::to_owned));
    view! {
        <section class="choices" aria-label=words::REPORTS>
            <nav class="tabs" aria-label=words::GROUP_BY>{Vec::from(groups)}</nav>
            <nav class="tabs" aria-label=words::PERIODS>{Vec::from(periods)}</nav>
            <form method="get" action=REPORTS>
                <input type="hidden" name="by" value=query.by.name() />
                <input type="hidden" name="last" value=last />
                {field(words::FROM, "from", "date", from)}
                {field(words::TO, "to", "date", to)}
                {field(words::TIME_ZONE, "zone", "text", zone)}
                <datalist id="zones">{each(zones.map(|zone| view! { <option value=zone></option> }))}</datalist>
                <button class="button" type="submit">{words::SHOW}</button>
            </form>
        </section>
    }
    .into_any()
}

fn choice(query: &Query, words: String, chosen: bool) -> AnyView {
    view! {
        <a href=format!("{REPORTS}?{query}") aria-current=if chosen { "true" } else { "false" }>
            {words}
        </a>
    }
    .into_any()
}

fn field(label: &'static str, name: &'static str, kind: &'static str, value: String) -> AnyView {
    let list = (kind == "text").then_some("zones");
    view! {
        <label>
            <span>{label}</span>
            <input type=kind name=name value=value.clone() prop:value=value list=list autocomplete="off" />
        </label>
    }
    .into_any()
}
