//! Tells a screen reader when the connection has changed for good. A flicker, a countdown or the lag is not said.

use std::time::Duration;

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};

use super::words;
use crate::live::Live;

/// A state is said once it has lasted this long.
const SETTLED: Duration = Duration::from_secs(5);

#[component]
pub fn Announcer() -> impl IntoView {
    let state = expect_context::<Live>().connection();
    let state = Memo::new(move |_| words::announced(state.get()));
    // The first state is no change.
    let said = RwSignal::new("");
    let known = StoredValue::new("Live");
    let pending = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |_| {
        let now = state.get();
        if let Some(handle) = pending.try_update_value(Option::take).flatten() {
            handle.clear();
        }
        if now.is_empty() || now == known.get_value() {
            return;
        }
        let say = move || {
            known.try_update_value(|known| *known = now);
            said.try_set(now);
        };
        // Without a timer there is nothing to wait with; the words on the screen say the same.
        pending.set_value(set_timeout_with_handle(say, SETTLED).ok());
    });
    view! {
        <p class="unseen" role="status" aria-live="polite">
            {move || said.get()}
        </p>
    }
}
