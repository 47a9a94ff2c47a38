//! The document around the app, the routes, and what is shared by all pages of a signed-in admin.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    api::{AppError, ShellInfo, load_overview, load_shell},
    live::Live,
    model::fields::Fields,
    pages::{Clients, Eco, Login, NotFound, Overview, Payments, Sessions, Stations},
    ui::{Clock, Failure, Loading, Shell, words},
};

/// The HTML document. Its scripts hydrate at once, not when the browser is idle: live figures are what people come for.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <script src="/theme.js"></script>
                <link rel="preload" href="/fonts/inter.woff2" r#as="font" type="font/woff2" crossorigin="anonymous" />
                <HashedStylesheet options=options.clone() id="leptos" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { words::PRODUCT.to_owned() } else { format!("{title} · {}", words::PRODUCT) }
        } />
        <Router>
            <Routes fallback=|| view! { <NotFound /> }>
                <Route path=path!("/login") view=Login ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=Deck ssr=SsrMode::Async>
                    <Route path=path!("/") view=Overview ssr=SsrMode::Async />
                    <Route path=path!("/clients") view=Clients ssr=SsrMode::Async />
                    <Route path=path!("/stations") view=Stations ssr=SsrMode::Async />
                    <Route path=path!("/sessions") view=Sessions ssr=SsrMode::Async />
                    <Route path=path!("/payments") view=Payments ssr=SsrMode::Async />
                    <Route path=path!("/eco") view=Eco ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Loads what every page needs, and keeps socket, clock and figures alive while pages change.
#[component]
fn Deck() -> impl IntoView {
    let loaded = Resource::new(
        || (),
        |()| async {
            let info = load_shell().await?;
            let figures = load_overview().await?;
            Ok::<(ShellInfo, Fields), AppError>((info, figures))
        },
    );
    view! {
        <Suspense fallback=|| view! { <Loading what=words::PRODUCT /> }>
            {move || Suspend::new(async move {
                match loaded.await {
                    Ok((info, figures)) => view! { <Desk info figures /> }.into_any(),
                    Err(error) => {
                        view! { <main class="gate"><Failure error retry=move |()| loaded.refetch() /></main> }.into_any()
                    }
                }
            })}
        </Suspense>
    }
}

#[component]
fn Desk(info: ShellInfo, figures: Fields) -> impl IntoView {
    let live = Live::provide(info.clone());
    provide_context(live.figures(figures));
    Clock::provide(live);
    view! {
        <Shell info>
            <Outlet />
        </Shell>
    }
}
