//! The indicator of the connection: whether the screen shows the current state.

use leptos::prelude::*;

use super::clock::Clock;
use crate::web::{
    live::{ConnectionState, Live},
    text,
};

/// The state's name in the `data-connection` attribute.
const fn name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Live { .. } => "live",
        ConnectionState::CatchingUp => "catching_up",
        ConnectionState::Stale { .. } => "stale",
        ConnectionState::Refused => "refused",
        ConnectionState::Unfollowed(_) => "unfollowed",
        ConnectionState::Outdated => "outdated",
        ConnectionState::Offline { .. } => "offline",
    }
}

fn lag(state: ConnectionState) -> String {
    match state {
        ConnectionState::Live { lag_ms } => text::lag(lag_ms),
        _ => String::new(),
    }
}

#[component]
pub fn Connection() -> impl IntoView {
    let state = expect_context::<Live>().connection();
    let clock = Clock::expect();
    view! {
        <p class="connection needs-js" data-connection=move || name(state.get()).to_owned()>
            <span>{move || clock.with_zone(|zone| text::connection_state(state.get(), zone))}</span>
            <b>{move || lag(state.get())}</b>
        </p>
        <p class="connection no-js">{text::NOT_LIVE}</p>
    }
}
