//! What a user with a link sees: a form to choose a password, or to create the first admin.

use leptos::prelude::*;

use super::form::{FieldErrors, FormField, username_hint};
use crate::{
    server::accounts::text::accounts,
    web::{text, ui::optional_view},
};

/// The link below a note: its URL and its words.
pub type Way = (&'static str, &'static str);

/// A new password, twice.
pub struct Chosen;

impl Chosen {
    pub const PASSWORD: &str = "password";
    pub const AGAIN: &str = "again";

    fn fields(wrong: Option<&FieldErrors>, first: bool) -> impl IntoView + use<> {
        let password = FormField::password(accounts::NEW_PASSWORD, Self::PASSWORD, "new-password")
            .with_hint(accounts::PASSWORD_HINT);
        let password = if first { password.first() } else { password };
        let again = FormField::password(accounts::SAME_AGAIN, Self::AGAIN, "new-password");
        view! {
            {password.view(wrong)}
            {again.view(wrong)}
        }
    }
}

pub fn choose_password(email: String, token: String, wrong: Option<&FieldErrors>) -> impl IntoView + use<> {
    view! {
        <form class="form" method="post" action="/invitation">
            <h1>{accounts::CHOOSE_PASSWORD}</h1>
            <p>{accounts::for_account(&email)}</p>
            {username_hint(email)}
            {Chosen::fields(wrong, true)}
            <input type="hidden" name="token" value=token />
            <button class="button primary" type="submit">{accounts::SET_PASSWORD}</button>
        </form>
    }
}

/// `email` is what was entered before.
pub fn set_up(token: String, email: Option<String>, wrong: Option<&FieldErrors>) -> impl IntoView + use<> {
    view! {
        <form class="form" method="post" action="/setup">
            <h1>{accounts::SET_UP}</h1>
            <p>{accounts::SET_UP_WHY}</p>
            {FormField::email(text::EMAIL, "email", email).view(wrong)}
            {Chosen::fields(wrong, false)}
            <input type="hidden" name="token" value=token />
            <button class="button primary" type="submit">{accounts::CREATE}</button>
        </form>
    }
}

/// A note about the current state, with a link to go on.
pub fn note(message: (&'static str, &'static str), way: Option<Way>) -> impl IntoView {
    view! {
        <h1>{message.0}</h1>
        <p>{message.1}</p>
        {optional_view(way, |(to, words)| view! { <a class="button primary" href=to>{words}</a> })}
    }
}
