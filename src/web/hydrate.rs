//! The entry point of the browser's program.

use std::{cell::Cell, rc::Rc};

use leptos::{
    ev,
    prelude::{document, window, window_event_listener},
};
use wasm_bindgen::prelude::wasm_bindgen;

/// Shortest pause between two signals to the server that someone uses the page.
const LIFE_MS: f64 = 300_000.0;

/// Padding in the data segment. No part of the program uses it, so the splitter puts it into none. The splitter
/// starts each part's constants at an aligned offset, and gives up if the alignment makes the whole grow. All pages'
/// constants, a tenth of the program, would then be in what every page loads.
#[used]
static ROOM_TO_SPLIT: [u8; 2048] = [1; 2048];

/// Makes the rendered page live.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // Leptos starts with the page, so its own tasks cannot be used yet.
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

/// Tells the server when someone uses the page, because only that extends the session. Requests that a page sends by
/// itself do not.
fn tell_of_life() {
    // The page's own request counted as use.
    let last = Rc::new(Cell::new(0.0));
    let tell = move |at: f64| {
        if at - last.get() >= LIFE_MS {
            last.set(at);
            // Fails only if too many beacons wait to be sent. The next key press after the pause tells the server
            // then.
            let _ = window().navigator().send_beacon("/api/v1/session/alive");
        }
    };
    let by_key = tell.clone();
    let _for_ever = window_event_listener(ev::keydown, move |event| by_key(event.time_stamp()));
    let _for_ever = window_event_listener(ev::pointerdown, move |event| tell(event.time_stamp()));
}
