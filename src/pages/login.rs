//! The way in: a plain form, so that it works before and without any script.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::ui::{Mark, words};

#[component]
pub fn Login() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let error = query.get("error").map(|code| words::sign_in_error(&code));
    // Only a place of our own; the server decides again.
    let next = query.get("next").filter(|next| next.starts_with('/') && !next.starts_with("//"));
    view! {
        <Title text=words::SIGN_IN />
        <main class="gate">
            <form class="gate-box" method="post" action="/login">
                <h1 class="brand"><Mark /></h1>
                {error.map(|text| view! { <p class="alert" role="alert">{text}</p> })}
                <label>
                    <span>{words::EMAIL}</span>
                    <input
                        type="email"
                        name="email"
                        autocomplete="username"
                        required
                        autofocus
                        aria-invalid=error.is_some().then_some("true")
                    />
                </label>
                <label>
                    <span>{words::PASSWORD}</span>
                    <input
                        type="password"
                        name="password"
                        autocomplete="current-password"
                        required
                        aria-invalid=error.is_some().then_some("true")
                    />
                </label>
                {next.map(|next| view! { <input type="hidden" name="next" value=next /> })}
                <button class="button primary" type="submit">{words::SIGN_IN}</button>
                <p>{words::ADMINS_ONLY}</p>
            </form>
        </main>
    }
}
