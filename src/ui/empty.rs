//! Nothing to show, said honestly, with what to do next.

use leptos::prelude::*;

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
