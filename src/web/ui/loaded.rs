//! Content from the server in its states: loading, failed, loaded.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Failure, Loading};
use crate::web::{
    api::{AppError, PageData, PageRequest, PageResult, load},
    live::{ConnectionState, Live},
};

type PageAnswer = Result<PageData, AppError>;
type DrawPage = Arc<dyn Fn(PageAnswer) -> Result<AnyView, AppError> + Send + Sync>;

/// Sends the request and draws the answer. `what` names the content while it loads.
pub fn loaded(
    ask: PageRequest,
    what: &'static str,
    draw: impl Fn(PageData) -> Result<AnyView, AppError> + Send + Sync + 'static,
) -> AnyView {
    answered(ask, what, move |answer| draw(answer?))
}

/// As [`loaded`], for content that draws some errors itself.
pub fn answered(
    ask: PageRequest,
    what: &'static str,
    draw: impl Fn(PageAnswer) -> Result<AnyView, AppError> + Send + Sync + 'static,
) -> AnyView {
    suspended(ask, what, Arc::new(draw))
}

/// Not generic, so that the program holds it once and not once per caller.
fn suspended(ask: PageRequest, what: &'static str, draw: DrawPage) -> AnyView {
    let answer = Resource::new_str(
        || (),
        move |()| {
            let ask = ask.clone();
            async { PageResult(load(ask).await) }
        },
    );
    let view = move || {
        let draw = draw.clone();
        Suspend::new(async move {
            draw(answer.await.0).unwrap_or_else(|error| {
                if error == AppError::Unavailable {
                    once_back(move || answer.refetch());
                }
                view! { <Failure error retry=move |()| answer.refetch() /> }.into_any()
            })
        })
    };
    view! { <Suspense fallback=move || view! { <Loading what /> }>{view}</Suspense> }.into_any()
}

/// Calls `act` when the connection is live again.
fn once_back(act: impl Fn() + 'static) {
    let Some(live) = use_context::<Live>() else { return };
    Effect::new(move |was_live: Option<bool>| {
        let is_live = matches!(live.connection().get(), ConnectionState::Live { .. });
        if was_live == Some(false) && is_live {
            act();
        }
        is_live
    });
}
