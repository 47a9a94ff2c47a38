//! The own account: who I am, where I am signed in, and another password.

use leptos::prelude::*;

use super::form::{FieldErrors, FormField, username_hint};
use crate::server::accounts::text::device;
use crate::{
    server::{
        accounts::{documents::Times, text::accounts},
        auth::{CurrentAdmin, administration::timestamp, session::OpenSession, user::User},
    },
    web::{
        text,
        ui::{any_views, optional_view},
    },
};

pub(super) fn last_login(user: &User, times: &Times) -> String {
    user.last_login_at.map_or_else(|| accounts::NEVER.to_owned(), |at| times.stamp(timestamp(at)))
}

/// What the page shows.
pub struct AccountPage<'a> {
    pub admin: &'a CurrentAdmin,
    pub user: &'a User,
    pub sessions: &'a [OpenSession],
    /// What was just done.
    pub done: Option<&'static str>,
    pub wrong: Option<&'a FieldErrors>,
}

pub fn account(page: &AccountPage<'_>, times: &Times) -> impl IntoView + use<> {
    let AccountPage { admin, user, sessions, done, wrong } = page;
    let facts = [
        (text::EMAIL, user.email.clone()),
        (accounts::ROLE, accounts::role(&user.role)),
        (accounts::LAST_LOGIN, last_login(user, times)),
    ];
    let (this, others): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session.name == admin.session);
    let any_other = (!others.is_empty()).then_some(());
    view! {
        {done_note(*done)}
        <section class="panel">
            <header><h2>{accounts::WHO_YOU_ARE}</h2></header>
            {self::facts(facts)}
            <form class="body" method="post" action="/logout">
                <button class="button" type="submit">{text::SIGN_OUT}</button>
            </form>
        </section>
        <section class="panel">
            <header>
                <h2>{accounts::YOUR_SESSIONS}</h2>
                <p>{accounts::YOUR_SESSIONS_HINT}</p>
            </header>
            <table class="table accounts">
                <thead>
                    <tr>
                        {any_views([accounts::DEVICE, accounts::ADDRESS, accounts::SINCE, accounts::LAST_SEEN].map(|word| {
                            view! { <th scope="col">{word}</th> }
                        }))}
                        <th scope="col"><span class="unseen">{accounts::END}</span></th>
                    </tr>
                </thead>
                <tbody>{any_views(this.into_iter().chain(others).map(|session| row(session, admin, times)))}</tbody>
            </table>
            {optional_view(any_other, |()| view! {
                <form class="body" method="post" action="/account">
                    <button class="button" type="submit" name="end" value="others">{accounts::END_OTHERS}</button>
                </form>
            })}
        </section>
        <section class="panel">
            <header>
                <h2 id="password">{accounts::CHANGE_PASSWORD}</h2>
                <p>{accounts::CHANGE_PASSWORD_HINT}</p>
            </header>
            <form class="form body" method="post" action="/account/password">
                {username_hint(user.email.clone())}
                {FormField::password(accounts::CURRENT_PASSWORD, "current", "current-password").view(*wrong)}
                {FormField::password(accounts::NEW_PASSWORD, "password", "new-password").with_hint(accounts::PASSWORD_HINT).view(*wrong)}
                {FormField::password(accounts::SAME_AGAIN, "again", "new-password").view(*wrong)}
                <button class="button primary" type="submit">{accounts::CHANGE_PASSWORD}</button>
            </form>
        </section>
    }
}

fn row(session: &OpenSession, admin: &CurrentAdmin, times: &Times) -> impl IntoView + use<> {
    let device = device(session.user_agent.as_deref().unwrap_or_default());
    let this = session.name == admin.session;
    let address = session.address.map_or_else(|| text::MISSING.to_owned(), |address| address.to_string());
    let end = view! {
        <form method="post" action="/account">
            <input type="hidden" name="end" value=session.name.to_string() />
            <button class="button quiet" type="submit" aria-label=accounts::end_session(&device, &address)>{accounts::END}</button>
        </form>
    };
    view! {
        <tr>
            <th class="lead" scope="row">
                {device}
                {optional_view(this.then_some(()), |()| view! { <small class="badge ok">{accounts::THIS_SESSION}</small> })}
            </th>
            <td class="second">{address}</td>
            <td class="time">{times.stamp(session.created_at)}</td>
            <td class="time last">{times.age(session.seen_at)}</td>
            <td class="end">{optional_view((!this).then_some(end), |end| end)}</td>
        </tr>
    }
}

/// Names and values.
pub fn facts<const N: usize>(facts: [(&'static str, String); N]) -> impl IntoView {
    let fact = |(name, value)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    view! { <dl class="facts">{any_views(facts.map(fact))}</dl> }
}

/// What was just done. Screen readers read it as the page opens.
pub fn done_note(done: Option<&'static str>) -> impl IntoView {
    optional_view(done, |done| view! { <p class="note-line" role="status" tabindex="-1" autofocus=true>{done}</p> })
}
