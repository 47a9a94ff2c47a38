//! The day's energy, quarter by quarter.

use leptos::prelude::*;

use crate::{
    model::{figures::DaySeries, time::Period},
    ui::{Clock, DayChart, DayDrawing, figure},
};

#[component]
pub fn EnergyToday() -> impl IntoView {
    let series = figure::<DaySeries>("energy_series");
    let day = figure::<Period>("day");
    let clock = Clock::expect();
    let drawing =
        Memo::new(move |_| clock.with_zone(|zone| DayDrawing::of(&series().unwrap_or_default(), day(), zone)));
    view! {
        <section class="panel">
            <header>
                <h2>"Energy today"</h2>
                <p>"kWh per quarter hour"</p>
            </header>
            <div class="body">
                <DayChart drawing />
            </div>
        </section>
    }
}
