//! Reading a figure by its public name. Kept as JSON and read when drawn: one kind of signal serves all figures,
//! which the size of the browser's program shows.

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Clock, optional_view};
use crate::{
    domain::{time::UtcMs, value::read},
    web::{live::Live, text},
};

/// Reads the figure and follows it; `None` while it is not known.
pub fn figure<T: DeserializeOwned + 'static>(
    name: &'static str,
) -> impl Fn() -> Option<T> + Copy + Send + Sync + 'static {
    let value = followed(name);
    move || value.with(read)
}

fn followed(name: &str) -> RwSignal<Value> {
    expect_context::<Live>().figures().get(name).into()
}

/// Says of when the figures are, while they lack what changed since.
pub fn note_of_count() -> AnyView {
    let clock = Clock::expect();
    let at = figure::<UtcMs>("counted_at");
    let words = move || at().map(|at| clock.with_zone(|zone| text::counted_at(zone, at)));
    view! { {move || optional_view(words(), |text| view! { <p class="note-line">{text}</p> })} }.into_any()
}
