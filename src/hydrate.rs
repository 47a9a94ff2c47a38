//! The browser's entry.

use wasm_bindgen::prelude::wasm_bindgen;

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
        }
    });
}
