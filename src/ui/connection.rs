//! Whether what is on the screen is what is true now.

use leptos::prelude::*;

use super::{clock::Clock, words};
use crate::live::{ConnectionState, Live};

/// The state's name in the document.
const fn name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Live { .. } => "live",
        ConnectionState::CatchingUp => "catching_up",
        ConnectionState::Stale { .. } => "stale",
        ConnectionState::Offline { .. } => "offline",
    }
}

#[component]
pub fn Connection() -> impl IntoView {
    let state = expect_context::<Live>().connection();
    let clock = Clock::expect();
    let word = Memo::new(move |_| clock.with_zone(|zone| words::connection_state(state.get(), zone)));
    let lag = Memo::new(move |_| match state.get() {
        ConnectionState::Live { lag_ms } => Some(words::lag(lag_ms)),
        _ => None,
    });
    view! {
        <p class="connection needs-js" data-connection=move || name(state.get())>
            <span>{move || word.get()}</span>
            <b>{move || lag.get()}</b>
        </p>
        <p class="connection no-js">{words::NOT_LIVE}</p>
    }
}
