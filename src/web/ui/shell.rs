//! The frame around every page of a signed-in admin. It stays while pages change.

use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys::HtmlElement};
use leptos_router::hooks::use_location;

use super::{
    account::SHEET,
    announcer::Announcer,
    clock::Clock,
    connection::Connection,
    nav::{OpenPage, heading},
    rail::Rail,
    stale::{StaleBanner, Unreached},
};
use crate::web::{api::PageContext, text};

/// The id of the element that holds a page's content.
pub const MAIN: &str = "main";

#[component]
pub fn Shell(context: PageContext, children: Children) -> impl IntoView {
    let path = use_location().pathname;
    let OpenPage(open) = expect_context();
    let heading = move || heading(&open.read());
    let next = move || if open.get() == path.get() { "progress" } else { "progress on" }.to_owned();
    Effect::new(move |here: Option<()>| {
        open.track();
        if here.is_some() {
            arrive();
        }
    });
    let clock = Clock::expect();
    let network = context.network.clone();
    let paper = Memo::new(move |_| clock.with_zone(|zone| text::paper(&network, zone, clock.now())));
    view! {
        <a class="skip" href=format!("#{MAIN}") rel="external">{text::SKIP}</a>
        <div class="shell">
            <Rail network=context.network times=text::all_times(&context.zone.name) admin=context.admin />
            <header class="top">
                <h1 hidden=move || heading().is_empty()>{move || heading().to_owned()}</h1>
                <Connection />
                <div class=next></div>
            </header>
            <main class="main" id=MAIN tabindex="-1">
                <p class="paper">{paper}</p>
                {children()}
            </main>
        </div>
        <StaleBanner />
        <Unreached />
        <Announcer />
    }
}

/// After a change of page, moves the focus to its content for keyboard and screen reader, and closes the phone's
/// sheet.
fn arrive() {
    if let Some(main) = document().get_element_by_id(MAIN) {
        // Fails only if the element cannot be focused; reading then goes on where it was.
        let _ = main.unchecked_into::<HtmlElement>().focus();
    }
    // A popover closes when its attribute is removed.
    if let Some(sheet) = document().get_element_by_id(SHEET) {
        let _ = sheet.remove_attribute("popover").and_then(|()| sheet.set_attribute("popover", "auto"));
    }
}
