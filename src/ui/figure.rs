//! Reading a figure by its public name. Kept as JSON and read when drawn: one kind of signal serves all figures,
//! which the size of the browser's program shows.

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{live::Live, model::value::read};

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
