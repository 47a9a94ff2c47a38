//! The choices of a report: the period as on other pages, and what the rows are. It works without scripts, and keeps
//! what was typed even if it is refused.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    domain::report::{By, ReportParameters},
    web::{
        text,
        ui::{Address, Clock, REPORTS, any_views, choice, period_form, redrawn},
    },
};

pub fn choices() -> AnyView {
    let given = use_location().query;
    let network = Clock::expect().with_zone(|zone| zone.name.clone());
    let address = Memo::new(move |_| {
        given.with(|given| Address::read(REPORTS, &ReportParameters::NAMES, |name| given.get(name)))
    });
    redrawn(move || address.with(|address| form(address, &network)))
}

fn form(address: &Address, network: &str) -> AnyView {
    let by = address.get("by").and_then(|name| By::try_from(name).ok()).unwrap_or_default();
    // Other rows sort by other columns, so drop the order.
    let groups = By::ALL.map(|other| {
        let href = address.with(&[("by", Some(other.name())), ("sort", None)]);
        choice(href, text::report_by(other), other == by)
    });
    view! {
        {period_form(address, network, None)}
        <div class="options">
            <p id="groups">{text::GROUP_BY}</p>
            <nav class="tabs" aria-labelledby="groups">{any_views(groups)}</nav>
        </div>
    }
    .into_any()
}
