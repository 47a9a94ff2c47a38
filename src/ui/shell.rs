//! What stands around every page of a signed-in admin. It stays while pages change.

use leptos::{html, prelude::*};
use leptos_router::hooks::use_location;

use super::{
    account::{Account, SHEET},
    announcer::Announcer,
    connection::Connection,
    icon::{Icon, Mark},
    nav::{Nav, heading},
    stale::StaleBanner,
    words,
};
use crate::api::ShellInfo;

#[component]
pub fn Shell(info: ShellInfo, children: Children) -> impl IntoView {
    let path = use_location().pathname;
    let heading = Memo::new(move |_| heading(&path.read()));
    let main = NodeRef::<html::Main>::new();
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        if before.is_some_and(|before| before != path) {
            arrive(main);
        }
        path
    });
    view! {
        <a class="skip" href="#main" rel="external">{words::SKIP}</a>
        <div class="shell">
            <aside class="rail" aria-label=words::PLACES>
                <a class="brand" href="/"><Mark /></a>
                <Nav />
                <button class="more" type="button" popovertarget=SHEET>
                    {Icon::More.view()}
                    <span>{words::MORE}</span>
                </button>
                <Account info />
            </aside>
            <header class="top">
                <h1>{move || heading.get()}</h1>
                <Connection />
            </header>
            <main class="main" id="main" tabindex="-1" node_ref=main>
                {children()}
            </main>
        </div>
        <StaleBanner />
        <Announcer />
    }
}

/// After a change of page the keyboard and the screen reader start at its content, and the phone's sheet is closed.
fn arrive(main: NodeRef<html::Main>) {
    if let Some(main) = main.get_untracked() {
        // Refused only where the element cannot be focused; reading goes on where it was.
        let _ = main.focus();
    }
    // A popover closes when it stops being one.
    if let Some(sheet) = document().get_element_by_id(SHEET) {
        let _ = sheet.remove_attribute("popover").and_then(|()| sheet.set_attribute("popover", "auto"));
    }
}
