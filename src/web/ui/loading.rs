//! The placeholder of a loading page: its shape, without pretending to know its content.

use leptos::prelude::*;

use super::any_views;
use crate::web::text;

#[component]
pub fn Loading(
    /// What is loading.
    what: &'static str,
) -> impl IntoView {
    view! {
        <section class="panel loading" aria-busy="true">
            <p class="unseen" role="status">{text::loading(what)}</p>
            <div class="progress on"></div>
            {any_views((0..12).map(|_| view! { <div class="bone"></div> }))}
        </section>
    }
}
