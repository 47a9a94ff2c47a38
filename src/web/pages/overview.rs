//! The network at a glance: figures, the day's energy, the EVSEs' states, and what changed last.

mod cards;
mod energy;
mod evses;
mod latest;
mod notes;

use leptos::prelude::*;

use self::{cards::Cards, energy::EnergyToday, evses::Evses, latest::LatestChanges, notes::Notes};
use crate::web::ui::without_choices;

pub fn overview() -> AnyView {
    without_choices("/", view)
}

fn view() -> AnyView {
    view! {
        <Notes />
        <Cards />
        <div class="two">
            <div class="stack">
                <EnergyToday />
                <Evses />
            </div>
            <LatestChanges />
        </div>
    }
    .into_any()
}
