//! A short remark on a value, shown by shape, word and colour.

use std::borrow::Cow;

use leptos::prelude::*;

use super::status_mark::{Shape, role_class};
use crate::{domain::status::Role, web::text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    pub role: Role,
    pub word: Cow<'static, str>,
    /// The explanation, shown as a tooltip.
    pub why: &'static str,
}

impl Badge {
    pub fn new(role: Role, word: impl Into<Cow<'static, str>>) -> Self {
        Self { role, word: text::displayable(word.into()), why: "" }
    }

    #[must_use]
    pub const fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    pub fn view(self) -> impl IntoView {
        view! {
            <span class=format!("badge {}", role_class(self.role)) title=self.why>
                <Shape role=self.role />
                {self.word}
            </span>
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_of_a_document_can_be_shown() {
        let remark = Badge::new(Role::Wait, "\0");
        assert_eq!((Badge::new(Role::Wait, "A\0B").word, remark.word), ("A\u{fffd}B".into(), "".into()));
    }

    #[test]
    fn it_is_told_by_its_shape_and_word_too() {
        let html = |role| Owner::new().with(|| Badge::new(role, "over 250 kWh").view().to_html());
        let drawn = [Role::Ok, Role::Busy, Role::Wait, Role::Bad].map(|role| {
            let html = html(role);
            assert!(html.contains("over 250 kWh"), "{html}");
            html.split_once("<path d=").unwrap().1.to_owned()
        });
        assert!(drawn.iter().enumerate().all(|(i, shape)| !drawn[..i].contains(shape)), "{drawn:?}");
    }
}
