//! The list of accounts, the page of one account, and the links to choose a password.

use leptos::prelude::*;

use super::{
    account::{done_note, facts},
    form::{FieldErrors, FormField},
};
use crate::{
    domain::status::Role as Shade,
    server::{
        accounts::{documents::Times, pages::account::last_login, text::accounts},
        auth::{
            CurrentAdmin,
            user::{User, UserRole, UserState},
        },
    },
    web::{
        text,
        ui::{Look, StatusMark, USERS, any_views, optional_view},
    },
};

/// An account with its current number of sessions.
pub struct UserRow {
    pub user: User,
    pub sessions: usize,
}

pub fn users(rows: &[UserRow], admin: &CurrentAdmin, times: &Times) -> impl IntoView + use<> {
    let alone = rows.iter().filter(|row| row.user.is_active_admin()).count() == 1;
    let heads = [text::EMAIL, accounts::ROLE, accounts::STATE, accounts::LAST_LOGIN];
    view! {
        {optional_view(alone.then_some(accounts::ONLY_YOU), |alone| view! { <p class="note-line warn">{alone}</p> })}
        <section class="panel">
            <header class="with-action">
                <h2>{accounts::users(rows.len())}</h2>
                <a class="button primary" href="/users/invite">{accounts::INVITE}</a>
            </header>
            <table class="table accounts">
                <thead>
                    <tr>
                        {any_views(heads.map(|word| view! { <th scope="col">{word}</th> }))}
                        <th scope="col" class="number">{accounts::SESSIONS}</th>
                    </tr>
                </thead>
                <tbody>{any_views(rows.iter().map(|row| self::row(row, admin, times)))}</tbody>
            </table>
        </section>
    }
}

fn row(UserRow { user, sessions }: &UserRow, admin: &CurrentAdmin, times: &Times) -> impl IntoView + use<> {
    let you = (user.id == admin.user).then_some(accounts::YOU);
    view! {
        <tr>
            <th class="lead" scope="row">
                <a href=format!("{USERS}/{}", user.id)>{user.email.clone()}</a>
                {optional_view(you, |you| view! { <small class="badge ok">{you}</small> })}
            </th>
            <td class="second">{accounts::role(&user.role)}</td>
            <td class="end">{state(user)}</td>
            <td class="time last">{last_login(user, times)}</td>
            <td class="number spare-on-phone">{sessions.to_string()}</td>
        </tr>
    }
}

fn state(user: &User) -> impl IntoView + use<> {
    let state = user.state();
    let shade = match state {
        UserState::Active => Shade::Ok,
        UserState::Invited => Shade::Wait,
        UserState::Disabled => Shade::Off,
    };
    let look = Look::new(shade, accounts::state(state));
    view! { <StatusMark look /> }
}

/// One account, with what can be done to it.
pub fn user(
    UserRow { user, sessions }: &UserRow,
    done: Option<&'static str>,
    refused: Option<&'static str>,
    times: &Times,
) -> impl IntoView + use<> {
    use accounts::acts;
    let path = format!("{USERS}/{}", user.id);
    let act = |name: &'static str, words: (&'static str, &'static str)| {
        view! {
            <form class="act" method="post" action=path.clone()>
                <p>{words.1}</p>
                <button class="button" type="submit" name="act" value=name>{words.0}</button>
            </form>
        }
        .into_any()
    };
    let invited = user.password_hash.is_none();
    let link = (!user.disabled).then(|| act("link", if invited { acts::NEW_INVITATION } else { acts::RESET }));
    let sessions_end = (*sessions > 0).then(|| act("end_sessions", acts::END_SESSIONS));
    let switch = if user.disabled { act("enable", acts::ENABLE) } else { act("disable", acts::DISABLE) };
    let facts = facts([
        (accounts::ROLE, accounts::role(&user.role)),
        (accounts::STATE, accounts::state(user.state()).to_owned()),
        (accounts::LAST_LOGIN, last_login(user, times)),
        (accounts::SESSIONS, sessions.to_string()),
    ]);
    view! {
        {done_note(done)}
        {optional_view(refused, |why| view! { <p class="alert" role="alert">{why}</p> })}
        <section class="panel">
            <header><h2>{user.email.clone()}</h2></header>
            {facts}
        </section>
        <section class="panel acts">
            {link}
            {sessions_end}
            {role_form(user, path.clone())}
            {switch}
        </section>
        <p><a class="back" href=USERS>{accounts::ALL_USERS}</a></p>
    }
}

fn role_form(user: &User, path: String) -> impl IntoView + use<> {
    let words = accounts::acts::ROLE;
    let choice = |role: UserRole| {
        let chosen = user.role == role;
        view! { <option value=String::from(role.clone()) selected=chosen>{accounts::role(&role)}</option> }
    };
    // A role that only the document knows is shown, and no longer offered once it was changed.
    let mut roles = vec![UserRole::Admin, UserRole::no_access()];
    if !roles.contains(&user.role) {
        roles.push(user.role.clone());
    }
    view! {
        <form class="act" method="post" action=path>
            <p>{words.1}</p>
            <label>
                <span class="unseen">{accounts::ROLE}</span>
                <select name="role">{any_views(roles.into_iter().map(choice))}</select>
            </label>
            <button class="button" type="submit" name="act" value="role">{words.0}</button>
        </form>
    }
}

/// `email` is what was entered before.
pub fn invite(done: Option<&'static str>, email: Option<String>, wrong: Option<&FieldErrors>) -> impl IntoView + use<> {
    let mut field = FormField::email(text::EMAIL, "email", email);
    // The address is another person's, so the browser must not fill in the user's own.
    field.autocomplete = "off";
    view! {
        {done_note(done)}
        <section class="panel">
            <form class="form body" method="post" action="/users/invite">
                <p>{accounts::INVITE_WHY}</p>
                {field.view(wrong)}
                <p class="actions">
                    <button class="button primary" type="submit">{accounts::MAKE_LINK}</button>
                    <a class="button" href=USERS>{accounts::CANCEL}</a>
                </p>
            </form>
        </section>
    }
}

/// A link that was just made.
pub fn new_link(email: &str, link: String, until: &str) -> impl IntoView + use<> {
    view! {
        <section class="panel prose">
            <h2>{accounts::link_for(email)}</h2>
            <p>{accounts::LINK_ONCE} " " {accounts::link_until(until)}</p>
            <p class="secret" tabindex="0" aria-label=accounts::LINK_FOR role="group">{link}</p>
            <p><a class="button primary" href=USERS>{accounts::DONE}</a></p>
        </section>
    }
}
