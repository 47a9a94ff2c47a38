//! Announces to screen readers when the connection has changed for good. Flickers, countdowns and the lag are not
//! announced.

use leptos::prelude::*;

use crate::web::{live::Live, text};

#[component]
pub fn Announcer() -> impl IntoView {
    let settled = expect_context::<Live>().settled();
    view! {
        <p class="unseen" role="status" aria-live="polite">
            {move || text::announced(settled.get()).to_owned()}
        </p>
    }
}
