//! The error state: what could not be loaded, why, and how to go on.

use leptos::{ev::MouseEvent, prelude::*};

use crate::web::{api::AppError, text};

/// `retry` loads again without leaving the page; without JavaScript its link loads the page again.
#[component]
pub fn Failure(error: AppError, #[prop(into)] retry: Callback<()>) -> impl IntoView {
    let signed_out = matches!(error, AppError::SignIn);
    let (what, next) = text::error(error);
    let again = move |event: MouseEvent| {
        event.prevent_default();
        retry.run(());
    };
    let action = if signed_out {
        view! { <a class="button primary" href="/login" rel="external">{text::SIGN_IN}</a> }.into_any()
    } else {
        view! { <a class="button" href="" rel="external" on:click=again>{text::TRY_AGAIN}</a> }.into_any()
    };
    view! {
        <div class="empty" role="alert">
            <p class="lead">{what}</p>
            <p>{next}</p>
            {action}
        </div>
    }
}
