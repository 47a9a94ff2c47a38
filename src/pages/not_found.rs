//! An address that leads nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::{Mark, words};

#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <Title text=words::NOT_FOUND.0 />
        <main class="gate">
            <div class="gate-box">
                <a class="brand" href="/"><Mark /></a>
                <h1>{words::NOT_FOUND.0}</h1>
                <p>{words::NOT_FOUND.1}</p>
                <a class="button" href="/">{words::TO_OVERVIEW}</a>
            </div>
        </main>
    }
}
