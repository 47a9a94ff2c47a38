//! The form that asks for the password again.

use leptos::prelude::*;

use super::form::{FieldErrors, FormField, username_hint};
use crate::{server::accounts::text::accounts, web::text};

/// `next` is where a right password leads. `email` names the account whose password is asked for. `paper` is what a
/// printed page says about itself.
pub fn confirm(paper: String, email: String, next: String, wrong: Option<&FieldErrors>) -> impl IntoView + use<> {
    view! {
        <p class="paper">{paper}</p>
        <form class="form" method="post" action="/confirm">
            <h1>{accounts::CONFIRM}</h1>
            <p>{accounts::CONFIRM_WHY}</p>
            {username_hint(email.clone())}
            <p class="who">{email}</p>
            {FormField::password(text::PASSWORD, "password", "current-password").first().view(wrong)}
            <input type="hidden" name="next" value=next />
            <button class="button primary" type="submit">{accounts::GO_ON}</button>
            <a class="button" href="/">{accounts::CANCEL}</a>
        </form>
    }
}
