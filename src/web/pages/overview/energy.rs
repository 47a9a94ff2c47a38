//! The day's energy, quarter by quarter.

use leptos::prelude::*;

use crate::{
    domain::{figures::DaySeries, time::Period},
    web::{
        text,
        ui::{Clock, DayChart, DayDrawing, figure, page_of_analytics},
    },
};

#[component]
pub fn EnergyToday() -> impl IntoView {
    let series = figure::<DaySeries>("energy_series");
    let day = figure::<Period>("day");
    let clock = Clock::expect();
    // Computes the whole chart again, but only what differs is written to the document.
    let chart = move || {
        let drawing = clock.with_zone(|zone| DayDrawing::of(&series().unwrap_or_default(), day(), zone));
        view! { <DayChart drawing /> }.into_any()
    };
    view! {
        <section class="panel">
            <header>
                <h2>{text::card::ENERGY_TODAY}</h2>
                <p>{text::PER_QUARTER}</p>
                <a href=page_of_analytics("last=1d")>{text::charts::OPEN_ANALYTICS}</a>
            </header>
            <div class="body">{move || chart()}</div>
        </section>
    }
}
