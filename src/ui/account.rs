//! Who is signed in, where, and the way out. The foot of the rail; on a phone the sheet behind “More”.

use leptos::prelude::*;

use super::{nav::MinorNav, theme::ThemeControl, words};
use crate::api::Desk;

/// Names the sheet, for the button that opens it.
pub const SHEET: &str = "more";

#[component]
pub fn Account(desk: Desk) -> impl IntoView {
    let zone = words::all_times(&desk.zone);
    view! {
        <div class="account" id=SHEET popover="auto">
            <MinorNav />
            <ThemeControl />
            <div class="whoami">
                <p class="who" title=desk.admin.clone()>{desk.admin.clone()}</p>
                <form method="post" action="/logout">
                    <button class="button quiet" type="submit">{words::SIGN_OUT}</button>
                </form>
            </div>
            <p>{desk.network}</p>
            <p>{zone}</p>
        </div>
    }
}
