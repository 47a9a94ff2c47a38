//! The content of a table's cell.

use leptos::prelude::*;

use super::{
    any_views,
    badge::Badge,
    optional_view,
    status_mark::{Look, StatusMark},
};
use crate::{
    domain::{actions::DocumentAction, collections::Collection, time::UtcMs},
    web::text::{self, Quantity},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCell {
    main: Main,
    small: Option<String>,
    badges: Vec<Badge>,
    /// An action on the document: the server's address for it, and its word.
    action: Option<(String, &'static str)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Main {
    Missing,
    Nothing,
    Text(String),
    /// An id. Its middle is cut where room is short.
    Id(String),
    Amount(Quantity),
    State(Look),
    /// An instant and how it reads.
    Instant(UtcMs, String),
}

impl TableCell {
    const fn of(main: Main) -> Self {
        Self { main, small: None, badges: Vec::new(), action: None }
    }

    fn known<T>(value: Option<T>, main: impl FnOnce(T) -> Main) -> Self {
        Self::of(value.map_or(Main::Missing, main))
    }

    /// An empty cell, for a value that does not apply and so is not missing.
    pub const fn nothing() -> Self {
        Self::of(Main::Nothing)
    }

    pub fn text(text: Option<impl Into<String>>) -> Self {
        Self::known(text, |text| Main::Text(shown(text.into())))
    }

    pub fn id(id: Option<impl Into<String>>) -> Self {
        Self::known(id, |id| Main::Id(shown(id.into())))
    }

    pub fn amount(quantity: Option<Quantity>) -> Self {
        Self::known(quantity, Main::Amount)
    }

    pub fn state(look: Option<Look>) -> Self {
        Self::known(look, Main::State)
    }

    pub fn instant(at: Option<UtcMs>, read: impl FnOnce(UtcMs) -> String) -> Self {
        Self::known(at, |at| Main::Instant(at, read(at)))
    }

    /// Adds a second, quieter text.
    #[must_use]
    pub fn small(mut self, text: Option<impl Into<String>>) -> Self {
        self.small = text.map(|text| shown(text.into()));
        self
    }

    #[must_use]
    pub fn badges(mut self, badges: impl IntoIterator<Item = Badge>) -> Self {
        self.badges.extend(badges);
        self
    }

    /// Adds a link to the page of the action that is offered for the document with this status and public id.
    #[must_use]
    pub fn action(mut self, of: Collection, status: Option<&str>, id: Option<&str>) -> Self {
        let action = DocumentAction::offered(of, status).zip(id);
        self.action = action.map(|(action, id)| (action.address(id), action.link));
        self
    }

    /// Adds a remark that the column itself does not make.
    pub fn badge(&mut self, badge: Badge) {
        self.badges.push(badge);
    }

    /// Appends a quiet text that the column itself does not make.
    pub fn aside(&mut self, text: String) {
        let text = shown(text);
        self.small = Some(match self.small.take() {
            Some(first) => format!("{first} · {text}"),
            None => text,
        });
    }

    pub fn view(self) -> AnyView {
        let main = match self.main {
            Main::Missing => missing().into_any(),
            Main::Nothing => ().into_any(),
            Main::Text(text) => text.into_any(),
            Main::Id(id) => shortened(id),
            Main::Amount(quantity) => amount(quantity).into_any(),
            Main::State(look) => view! { <StatusMark look /> }.into_any(),
            Main::Instant(at, text) => view! { <time datetime=at.to_string()>{text}</time> }.into_any(),
        };
        let mut parts = vec![main];
        parts.extend(any_views(self.badges.into_iter().map(Badge::view)));
        parts.push(optional_view(self.small, |text| view! { <small>{text}</small> }));
        parts.push(optional_view(
            self.action,
            |(to, word)| view! { " " <a class="button quiet" href=to rel="external">{word}</a> },
        ));
        // CSS cuts a text that is longer than its column, and shows it whole on hover or when the row has the focus.
        view! { <span class="text">{parts}</span> }.into_any()
    }
}

fn shown(text: String) -> String {
    text::displayable(text.into()).into_owned()
}

/// How many characters of an id's end always stay visible.
const END: usize = 4;

/// Draws an id whose middle is cut where room is short. The text in the document stays whole for copying and screen
/// readers.
fn shortened(id: String) -> AnyView {
    let split = id.char_indices().rev().nth(END - 1).map_or(0, |(at, _)| at);
    let (begin, end) = id.split_at(split);
    if begin.len() <= END {
        return id.into_any();
    }
    view! { <span class="cut"><span>{begin.to_owned()}</span>{end.to_owned()}</span> }.into_any()
}

/// A value that is not known: a quiet dash, which screen readers read as words.
pub fn missing() -> impl IntoView {
    view! {
        <span class="missing">
            <span aria-hidden="true">{text::MISSING}</span>
            <span class="unseen">{text::NOT_KNOWN}</span>
        </span>
    }
}

/// A number followed by its unit in smaller type.
pub fn amount(Quantity { value, unit }: Quantity) -> impl IntoView {
    let unit = (!unit.is_empty()).then_some(unit);
    vec![value.into_any(), optional_view(unit, |unit| view! { " " <small class="unit">{unit}</small> })]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HTML has no U+0000. Hydration would find no text node for a text of nothing else.
    #[test]
    fn padding_and_control_characters_reach_no_page() {
        let html = |cell: TableCell| Owner::new().with(|| cell.view().to_html());
        let mut noted = TableCell::text(None::<String>);
        noted.aside("note: \0x\u{202e}".to_owned());
        let all = [
            TableCell::text(Some("\0\0")),
            TableCell::id(Some("AB-12345\0")),
            TableCell::nothing().small(Some("\0")),
            TableCell::text(Some(text::method("\0"))),
            TableCell::state(Some(Look::new(
                crate::domain::status::Role::Off,
                text::evse_status(&"A\0".to_owned().into()),
            ))),
            noted,
        ];
        for html in all.map(html) {
            assert!(!html.contains(['\0', '\u{202e}']), "{html:?}");
        }
    }

    #[test]
    fn an_id_loses_its_middle_to_the_eye_alone() {
        let html = |id: &str| Owner::new().with(|| TableCell::id(Some(id)).view().to_html());
        let long = html("0b87a3c4-5b0e-4b43-9ad1-f3b1c2d4e5f6");
        assert!(long.contains("<span>0b87a3c4-5b0e-4b43-9ad1-f3b1c2d4</span>"), "{long}");
        assert!(long.contains("e5f6"), "{long}");
        assert!(!html("C-0001").contains("cut"));
        assert!(html("ÄÖÜ€ÄÖÜ€ÄÖÜ€").contains("<span>ÄÖÜ€ÄÖÜ€</span>"), "characters, not bytes");
        assert!(html("").contains("text"));
    }
}
