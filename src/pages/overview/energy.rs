//! The day's energy, quarter by quarter.

use leptos::prelude::*;

use crate::{
    model::{figures::DaySeries, time::Period},
    ui::{Clock, DayChart, DayDrawing, figure, page_of_analytics, words},
};

#[component]
pub fn EnergyToday() -> impl IntoView {
    let series = figure::<DaySeries>("energy_series");
    let day = figure::<Period>("day");
    let clock = Clock::expect();
    // Drawn again as a whole, of which only what differs reaches the document.
    let chart = move || {
        let drawing = clock.with_zone(|zone| DayDrawing::of(&series().unwrap_or_default(), day(), zone));
        view! { <DayChart drawing /> }.into_any()
    };
    view! {
        <section class="panel">
            <header>
                <h2>{words::card("energy_today")}</h2>
                <p>{words::PER_QUARTER}</p>
                <a href=page_of_analytics("last=1d")>{words::charts::OPEN_ANALYTICS}</a>
            </header>
            <div class="body">{move || chart()}</div>
        </section>
    }
}
