//! Who is signed in, on which network, and the button to sign out. It is the foot of the rail; on a phone it is the
//! sheet behind “More”.

use leptos::prelude::*;

use super::{
    nav::{AccountsNav, MinorNav},
    theme::ThemeControl,
};
use crate::web::text;

/// The id of the sheet, for the button that opens it.
pub const SHEET: &str = "more";

#[component]
pub fn Account(
    network: String,
    /// In which zone times are shown, in words.
    times: String,
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
            <p>{times}</p>
        </div>
    }
}
