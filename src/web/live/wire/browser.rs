//! What the task needs from the browser: events, timers, and leaving the page.

use std::{cell::Cell, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use super::event::{WireEvent, WireEvents};

/// Remembers in the session storage that this page reloaded for a newer server, so that it does so once.
const RELOADED: &str = "chargedeck-reloaded";

/// Matches an element that shows someone at work: a focused field or an open dialog.
const AT_WORK: &str = ":is(input, textarea, select, [contenteditable]):focus, dialog[open]";
/// After so long without a key press nobody is typing.
const TYPING_MS: f64 = 5000.0;

thread_local! {
    /// When a key was last pressed, in ms since the page began.
    static TYPED: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
}

#[wasm_bindgen]
extern "C" {
    type Marked;
    #[wasm_bindgen(js_name = getSelection)]
    fn marked() -> Option<Marked>;
    #[wasm_bindgen(method, getter, js_name = isCollapsed)]
    fn is_collapsed(this: &Marked) -> bool;
    type MediaQuery;
    #[wasm_bindgen(js_name = matchMedia)]
    fn match_media(query: &str) -> MediaQuery;
    #[wasm_bindgen(method, getter)]
    fn matches(this: &MediaQuery) -> bool;
}

/// Sends the task an event each second, and when visibility or the network changes.
pub fn watch(events: &WireEvents) {
    let tick = events.clone();
    if let Ok(handle) = set_interval_with_handle(move || tick.send(WireEvent::Tick), Duration::from_secs(1)) {
        on_cleanup(move || handle.clear());
    }
    let seen = events.clone();
    let handle = window_event_listener_untyped("visibilitychange", move |_| {
        seen.send(WireEvent::Visibility(document().hidden()));
    });
    on_cleanup(move || handle.remove());
    let handle = window_event_listener_untyped("keydown", |_| TYPED.set(now_ms()));
    on_cleanup(move || handle.remove());
    let (online, offline) = (events.clone(), events.clone());
    let handle = window_event_listener_untyped("online", move |_| online.send(WireEvent::Retry));
    on_cleanup(move || handle.remove());
    let handle = window_event_listener_untyped("offline", move |_| offline.send(WireEvent::Offline));
    on_cleanup(move || handle.remove());
}

/// Sends the event after `ms`.
pub fn later(events: &WireEvents, ms: f64, event: WireEvent) {
    let events = events.clone();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    set_timeout(move || events.send(event), Duration::from_millis(ms.max(0.0) as u64));
}

/// Sends [`WireEvent::Paint`] with the first animation frame after `ms`; with the next frame if `ms` is not positive.
pub fn paint_after(events: &WireEvents, ms: f64) {
    let events = events.clone();
    let paint = move || request_animation_frame(move || events.send(WireEvent::Paint));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a moment, and not negative")]
    if ms > 0.0 { set_timeout(paint, Duration::from_millis(ms.ceil() as u64)) } else { paint() }
}

/// Milliseconds since the page began.
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

/// Whether the browser is used by touch, where no pointer rests over what someone reads.
pub fn hovers_nothing() -> bool {
    match_media("(hover: none)").matches()
}

pub fn is_hidden() -> bool {
    document().hidden()
}

/// Returns whether a reload would disturb nobody: the page is hidden, or nobody is typing, selecting text or in a
/// dialog.
fn is_calm() -> bool {
    let idle = || {
        now_ms() - TYPED.get() > TYPING_MS
            && matches!(document().query_selector(AT_WORK), Ok(None))
            && marked().is_none_or(|marked| marked.is_collapsed())
    };
    is_hidden() || idle()
}

/// Reloads when the page is calm, but only once, because a second reload would change nothing.
pub fn reload_when_calm() {
    if is_calm()
        && let Ok(Some(storage)) = window().session_storage()
        && storage.get_item(RELOADED).ok().flatten().is_none()
        && storage.set_item(RELOADED, "1").is_ok()
    {
        drop(window().location().reload());
    }
}

pub fn forget_reload() {
    if let Ok(Some(storage)) = window().session_storage() {
        drop(storage.remove_item(RELOADED));
    }
}

/// Goes to the login page, which leads back here. The page is replaced in the history.
pub fn sign_in() {
    let location = window().location();
    let here = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    let next = js_sys::encode_uri_component(&here);
    drop(location.replace(&format!("/login?next={next}")));
}
