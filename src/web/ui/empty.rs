//! An empty state: what is missing, and what to do next.

use leptos::prelude::*;

use crate::web::text;

#[component]
pub fn Empty(
    /// What is missing, and what to do.
    words: (&'static str, &'static str),
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="lead">{words.0}</p>
            <p>{words.1}</p>
        </div>
    }
}

/// The empty state of a selection: why nothing matches, and a link to the whole list.
pub fn nothing(what: &'static str, why: String, all: &'static str) -> AnyView {
    view! {
        <div class="empty">
            <p class="lead">{what}</p>
            <p>{why}</p>
            <a class="button" href=all>{text::SHOW_ALL}</a>
        </div>
    }
    .into_any()
}
