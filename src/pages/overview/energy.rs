//! The day's energy, quarter by quarter.

use leptos::prelude::*;

use crate::{
    live::FigureStore,
    model::{figures::DaySeries, time::Period},
    ui::DayChart,
};

#[component]
pub fn EnergyToday() -> impl IntoView {
    let figures = expect_context::<FigureStore>();
    let series = figures.get::<DaySeries>("energy_series");
    let day = figures.get::<Period>("day");
    view! {
        <section class="panel">
            <header>
                <h2>"Energy today"</h2>
                <p>"kWh per quarter hour"</p>
            </header>
            <div class="body">
                <DayChart series day />
            </div>
        </section>
    }
}
