//! Says that what is on the screen is old, and lets one try again at once. Stands over the page: nothing moves for it.

use leptos::prelude::*;

use super::{clock::Clock, words};
use crate::live::Live;

#[component]
pub fn StaleBanner() -> impl IntoView {
    let live = expect_context::<Live>();
    let state = live.connection();
    let clock = Clock::expect();
    let text = Memo::new(move |_| clock.with_zone(|zone| words::stale(state.get(), zone)));
    view! {
        <Show when=move || text.with(Option::is_some)>
            <aside class="banner" aria-label=words::CONNECTION>
                <p>{move || text.get()}</p>
                <button class="button" type="button" on:click=move |_| live.retry_now()>
                    {words::RETRY_NOW}
                </button>
            </aside>
        </Show>
    }
}
