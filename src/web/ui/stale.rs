//! Banners that warn when the screen is old or not what was asked for, with a button to retry at once. They float
//! over the page, so that nothing moves.

use leptos::prelude::*;

use super::{clock::Clock, optional_view, redrawn};
use crate::web::{live::Live, text};

#[component]
pub fn StaleBanner() -> impl IntoView {
    let live = expect_context::<Live>();
    let state = live.connection();
    let clock = Clock::expect();
    let text = move || clock.with_zone(|zone| text::stale(state.get(), zone)).unwrap_or_default();
    view! {
        <aside class="banner" aria-label=text::CONNECTION hidden=move || text().is_empty()>
            <p>{move || text()}</p>
            <button class="button" type="button" on:click=move |_| live.retry_now()>
                {text::RETRY_NOW}
            </button>
        </aside>
    }
}

/// Warns that the next page could not be loaded, or that the database was restored. It takes the place of the other
/// banner.
#[component]
pub fn Unreached() -> impl IntoView {
    let live = expect_context::<Live>();
    let text = move || {
        let why = live.unreached().get();
        let restored = why.is_empty() && live.restored().get();
        let why = if restored { text::RESTORED.to_owned() } else { why };
        (!why.is_empty()).then_some(why)
    };
    let banner = |text: String| view! { <aside class="banner" role="alert"><p>{text}</p></aside> };
    redrawn(move || optional_view(text(), banner))
}
