//! Fields of forms, and what is wrong with what was entered.

use leptos::prelude::*;

use crate::web::ui::optional_view;

/// What is wrong with one field, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    /// The field's name.
    pub field: &'static str,
    pub why: String,
}

impl FieldErrors {
    pub fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

/// Gives a password manager the account's address. It is neither shown nor sent.
pub fn username_hint(email: String) -> impl IntoView {
    view! { <input type="text" value=email autocomplete="username" hidden=true /> }
}

/// A field with its label; `hint` and the error are read out with it.
pub struct FormField {
    pub label: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub autocomplete: &'static str,
    /// What was entered before; never a password.
    pub value: Option<String>,
    pub hint: Option<&'static str>,
    /// Whether the field gets the focus, if nothing is wrong elsewhere.
    pub first: bool,
}

impl FormField {
    pub const fn password(label: &'static str, name: &'static str, autocomplete: &'static str) -> Self {
        Self { label, name, kind: "password", autocomplete, value: None, hint: None, first: false }
    }

    pub const fn email(label: &'static str, name: &'static str, value: Option<String>) -> Self {
        Self { label, name, kind: "email", autocomplete: "username", value, hint: None, first: true }
    }

    /// A line of text that no browser completes.
    pub const fn text(label: &'static str, name: &'static str) -> Self {
        Self { label, name, kind: "text", autocomplete: "off", value: None, hint: None, first: false }
    }

    #[must_use]
    pub const fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    #[must_use]
    pub const fn first(mut self) -> Self {
        self.first = true;
        self
    }

    pub fn view(self, wrong: Option<&FieldErrors>) -> impl IntoView + use<> {
        let Self { label, name, kind, autocomplete, value, hint, first } = self;
        let error = wrong.filter(|wrong| wrong.field == name).map(|wrong| wrong.why.clone());
        let focus = error.is_some() || first && wrong.is_none();
        let (hint_id, error_id) = (format!("{name}-hint"), format!("{name}-error"));
        let described = [hint.map(|_| hint_id.as_str()), error.as_ref().map(|_| error_id.as_str())];
        let described = described.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let described = (!described.is_empty()).then_some(described);
        let invalid = error.is_some().then_some("true");
        view! {
            <div class="field">
                <label>
                    <span>{label}</span>
                    <input
                        type=kind
                        name=name
                        value=value
                        autocomplete=autocomplete
                        required
                        autofocus=focus
                        aria-invalid=invalid
                        aria-describedby=described
                    />
                </label>
                {optional_view(hint, |hint| view! { <p class="hint" id=hint_id>{hint}</p> })}
                {optional_view(error, |why| view! { <p class="error" id=error_id>{why}</p> })}
            </div>
        }
    }
}
