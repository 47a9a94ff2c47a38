//! The browser's entry.

use std::{cell::Cell, rc::Rc};

use leptos::{
    ev,
    prelude::{document, window, window_event_listener},
};
use wasm_bindgen::prelude::wasm_bindgen;

/// How often the server is told, at most, that someone uses the page.
const LIFE_MS: f64 = 300_000.0;

/// Room in the constants' segment that no part of the program uses, so that it is in none. The splitter gives each part its
/// constants, begins each at an aligned place, and gives up where the whole grows by that: all pages' constants, a tenth of
/// the program, would then be in what every page loads.
#[used]
static ROOM_TO_SPLIT: [u8; 2048] = [1; 2048];

/// Makes the rendered page live.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // Leptos begins with the page, so its own tasks cannot be used yet.
    wasm_bindgen_futures::spawn_local(async {
        let path = window().location().pathname().unwrap_or_default();
        if crate::web::pages::ready(&path).await.is_err() {
            wasm_bindgen::throw_str("the page's part of the program cannot be had");
        }
        leptos::mount::hydrate_body(crate::web::app::App);
        // `program.js` waits for this.
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-program", "runs");
        }
        tell_of_life();
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
