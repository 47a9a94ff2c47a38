//! The navigation to every page: a rail beside the page, or on a phone a bar below it, whose last button opens the
//! rest.

use leptos::prelude::*;

use super::{
    account::{Account, SHEET},
    icon::{Icon, Mark},
    nav::Nav,
};
use crate::web::text;

#[component]
pub fn Rail(
    network: String,
    /// In which zone times are shown, in words.
    times: String,
    /// E-mail of the admin.
    admin: String,
) -> impl IntoView {
    view! {
        <aside class="rail" aria-label=text::PLACES>
            <a class="brand" href="/"><Mark /></a>
            <Nav />
            <button class="more" type="button" popovertarget=SHEET>
                {Icon::More.view()}
                <span>{text::MORE}</span>
            </button>
            <Account network times admin />
        </aside>
    }
}
