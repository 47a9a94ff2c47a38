//! Views of many kinds as one kind. Each type of view is drawn by code of its own, so a page that returns few types
//! makes for a small program.

use leptos::prelude::*;

pub fn each<V: IntoView + 'static>(views: impl IntoIterator<Item = V>) -> Vec<AnyView> {
    views.into_iter().map(IntoAny::into_any).collect()
}

/// Nothing where there is no value.
pub fn some<T, V: IntoView + 'static>(value: Option<T>, view: impl FnOnce(T) -> V) -> AnyView {
    value.map_or_else(|| ().into_any(), |value| view(value).into_any())
}
