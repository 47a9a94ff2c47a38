//! The browser's entry.

use std::{cell::Cell, rc::Rc};

use leptos::{
    ev,
    prelude::{window, window_event_listener},
};
use wasm_bindgen::prelude::wasm_bindgen;

/// How often the server is told, at most, that someone uses the page.
const LIFE_MS: f64 = 300_000.0;

/// Makes the rendered page live.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // Leptos begins with the page, so its own tasks cannot be used yet.
    wasm_bindgen_futures::spawn_local(async {
        let path = leptos::prelude::window().location().pathname().unwrap_or_default();
        // Without its part the page stays as it was rendered.
        if crate::pages::ready(&path).await.is_ok() {
            leptos::mount::hydrate_body(crate::app::App);
            tell_of_life();
        }
    });
}

/// What a page asks for by itself keeps no session open; whoever uses it stays signed in.
fn tell_of_life() {
    // When the page came the server knew.
    let told = Rc::new(Cell::new(0.0));
    let tell = move |at: f64| {
        if at - told.get() >= LIFE_MS {
            told.set(at);
            // Refused only where too much waits to be sent; then the next key tells.
            let _ = window().navigator().send_beacon("/api/v1/session/alive");
        }
    };
    let by_key = tell.clone();
    let _for_ever = window_event_listener(ev::keydown, move |event| by_key(event.time_stamp()));
    let _for_ever = window_event_listener(ev::pointerdown, move |event| tell(event.time_stamp()));
}
