//! A short remark on a value.

use std::borrow::Cow;

use leptos::prelude::*;

use super::status_mark::role_class;
use crate::model::status::Role;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    pub role: Role,
    pub word: Cow<'static, str>,
    /// More about it, for whoever asks.
    pub why: &'static str,
}

impl Badge {
    pub fn new(role: Role, word: impl Into<Cow<'static, str>>) -> Self {
        Self { role, word: word.into(), why: "" }
    }

    #[must_use]
    pub const fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    pub fn view(self) -> impl IntoView {
        view! {
            <span class=format!("badge {}", role_class(self.role)) title=self.why>
                {self.word}
            </span>
        }
    }
}
