//! Who is signed in, where, and the way out. The foot of the rail; on a phone the sheet behind “More”.

use leptos::prelude::*;

use super::{
    nav::{AccountsNav, MinorNav},
    theme::ThemeControl,
};
use crate::web::text;

/// Names the sheet, for the button that opens it.
pub const SHEET: &str = "more";

#[component]
pub fn Account(
    network: String,
    /// The name of the zone in which times are shown.
    zone: String,
    /// E-mail of the admin.
    admin: String,
) -> impl IntoView {
    view! {
        <div class="account" id=SHEET popover="auto">
            <MinorNav />
            <AccountsNav />
            <ThemeControl />
            <div class="whoami">
                <p class="who">{admin}</p>
                <form method="post" action="/logout">
                    <button class="button quiet" type="submit">{text::SIGN_OUT}</button>
                </form>
            </div>
            <p>{network}</p>
            <p>{text::all_times(&zone)}</p>
        </div>
    }
}
