//! A state, shown by shape, word and colour.

use std::borrow::Cow;

use leptos::prelude::*;

use crate::domain::status::Role;

/// How a state is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub role: Role,
    pub word: Cow<'static, str>,
}

impl Look {
    pub fn new(role: Role, word: impl Into<Cow<'static, str>>) -> Self {
        Self { role, word: word.into() }
    }
}

/// The class that gives a role its colour and, in [`StatusMark`], its stroke.
pub const fn role_class(role: Role) -> &'static str {
    match role {
        Role::Ok => "ok",
        Role::Busy => "busy",
        Role::Wait => "wait",
        Role::Bad => "bad",
        Role::Off => "off",
    }
}

const fn shape(role: Role) -> &'static str {
    match role {
        Role::Ok => "M6 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 1 1 0-9z",
        Role::Busy => "M7 0 2 7h3l-1 5 6-7H6z",
        Role::Wait => "M6 1 11 6 6 11 1 6z",
        Role::Bad => "M6 .8 11.6 11H.4z",
        Role::Off => "M6 1.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 1 1 0-8.4z",
    }
}

/// The shape alone, for places where the word stands beside it.
#[component]
pub fn Shape(role: Role) -> impl IntoView {
    view! {
        <svg class="shape" viewBox="0 0 12 12" aria-hidden="true">
            <path d=shape(role) />
        </svg>
    }
}

#[component]
pub fn StatusMark(look: Look) -> impl IntoView {
    view! {
        <span class=format!("status {}", role_class(look.role))>
            <Shape role=look.role />
            <span>{look.word}</span>
        </span>
    }
}
