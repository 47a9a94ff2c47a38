//! Reads a figure by its public name. Figures are kept as JSON and parsed when drawn, so that one type of signal
//! serves all of them; that keeps the browser's program small.

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Clock, optional_view};
use crate::{
    domain::{time::UtcMs, value::read},
    web::{live::Live, text},
};

/// Returns a function that reads the figure and follows it; `None` while it is not known.
pub fn figure<T: DeserializeOwned + 'static>(
    name: &'static str,
) -> impl Fn() -> Option<T> + Copy + Send + Sync + 'static {
    let value = followed(name);
    move || value.with(read)
}

fn followed(name: &str) -> RwSignal<Value> {
    expect_context::<Live>().figures().get(name).into()
}

/// Shows when the figures were counted, while they lack later changes.
pub fn note_of_count() -> AnyView {
    let clock = Clock::expect();
    let at = figure::<UtcMs>("counted_at");
    let words = move || at().map(|at| clock.with_zone(|zone| text::counted_at(zone, at)));
    view! { {move || optional_view(words(), |text| view! { <p class="note-line">{text}</p> })} }.into_any()
}
