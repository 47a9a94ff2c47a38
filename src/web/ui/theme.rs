//! The choice of a theme. `public/theme.js` stores, applies and marks it before the first paint, without waiting for
//! the program. This component only draws the choice.

use leptos::prelude::*;

use super::any_views;
use crate::web::text;

/// Value and icon path of each theme, in the order of their words.
const THEMES: [(&str, &str); 3] = [
    ("system", "M2 3h12v8H2zm4 11h4m-2-3v3"),
    ("light", "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5m0 11V15M1 8h1.5m11 0H15M3 3l1 1m8 8 1 1m0-10-1 1m-8 8-1 1"),
    ("dark", "M13 9.5A5.5 5.5 0 1 1 6.5 3 4.5 4.5 0 0 0 13 9.5z"),
];

#[component]
pub fn ThemeControl() -> impl IntoView {
    let options = THEMES.into_iter().zip(text::THEMES).map(|((theme, path), word)| {
        view! {
            <label>
                <input type="radio" name="theme" value=theme />
                <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                    <path d=path />
                </svg>
                <span>{word}</span>
            </label>
        }
    });
    view! {
        <fieldset class="theme needs-js">
            <legend class="unseen">{text::THEME}</legend>
            {any_views(options)}
        </fieldset>
    }
}
