//! The document around the app, the routing to pages, and what all pages of a signed-in admin share.

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::{
    components::Router,
    hooks::use_location,
    location::{BrowserUrl, LocationProvider},
};

use crate::web::{
    api::{AppError, PageContext, PageData, PageRequest, PageResult, load},
    charts::{self, Bundle},
    live::Live,
    pages, text,
    ui::{Clock, Failure, OpenPage, Shell, document_title, loaded, optional_view, redrawn},
};

/// The HTML document. Its scripts hydrate at once and not when the browser is idle, because people come for live
/// figures.
pub fn shell(options: LeptosOptions, path: &str) -> impl IntoView + use<> {
    provide_meta_context();
    let bundle = use_context::<Bundle>();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head options=options.clone() />
                <title>{document_title(path)}</title>
                {optional_view(bundle, |bundle| view! { <meta name=charts::BUNDLE content=bundle.path.to_string() /> })}
                <StaysReadable />
                <script src="/assets/program.js" defer data-text=text::STOPPED data-action=text::LOAD_AGAIN></script>
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

/// The part of the head that every document has.
#[component]
pub fn Head(options: LeptosOptions) -> impl IntoView {
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <script src="/theme.js"></script>
        <link rel="preload" href="/fonts/inter.woff2" r#as="font" type="font/woff2" crossorigin="anonymous" />
        <HashedStylesheet options id="leptos" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    }
}

/// Scripts that keep a page readable while the server is away. Each page's content security policy allows what they
/// need.
#[component]
pub fn StaysReadable() -> impl IntoView {
    view! {
        <script src="/assets/banner.js" defer></script>
        <script src="/assets/away.js" defer data-text=text::NOT_LOADED data-action=text::STAY></script>
    }
}

#[component]
pub fn App() -> impl IntoView {
    view! { <Router>{places()}</Router> }
}

/// Draws the page at the address. The table of pages is all the routing there is, so the router's own routes, a tenth
/// of the browser's program, stay out of it.
fn places() -> AnyView {
    let path = use_location().pathname;
    // The router changes the address only once it hears that the page has changed.
    let location = use_context::<BrowserUrl>();
    Effect::new(move |_: Option<()>| {
        path.track();
        if let Some(location) = &location {
            location.ready_to_complete();
        }
    });
    deck(path)
}

/// Keeps socket, clock and figures alive while pages change. Reads what every page needs before any page is drawn:
/// inside a part that waits everything is drawn several times, and its data would be in the document as often.
fn deck(path: Memo<String>) -> AnyView {
    let given = SharedValue::new_str(|| use_context().unwrap_or(PageResult(Err(AppError::Unavailable))));
    match given.into_inner().0.and_then(PageData::read::<PageContext>) {
        Ok(context) => at(context, path),
        Err(error) => {
            let again = RwSignal::new(false);
            let view = move || {
                if again.get() {
                    loaded(PageRequest::Context, text::PRODUCT, move |answer| Ok(at(answer.read()?, path)))
                } else {
                    view! { <Failure error=error.clone() retry=move |()| again.set(true) /> }.into_any()
                }
            };
            redrawn(view)
        }
    }
}

fn at(context: PageContext, path: Memo<String>) -> AnyView {
    let live = Live::provide(&context);
    Clock::provide(live, &context);
    let shown = shown(live, path, context.version.clone());
    provide_context(OpenPage(shown));
    let why = Memo::new(move |_| {
        let topic = pages::unfollowed(&shown.read(), &live.unfollowed());
        topic.map(text::unfollowed).unwrap_or_default()
    });
    let page = move || match why.get() {
        why if why.is_empty() => pages::at(&shown.get()),
        // The page is drawn again by itself once the server reports that the collection can be followed.
        why => view! { <Failure error=AppError::Unfollowed(why) retry=move |()| live.retry_now() /> }.into_any(),
    };
    view! { <Shell context>{redrawn(page)}</Shell> }.into_any()
}

/// Pause before a page that could not be loaded is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Returns the path of the shown page. The previous page stays, with its heading and title, until the next one's part
/// of the program is loaded. `version` is that of the program in this page.
fn shown(live: Live, path: Memo<String>, version: String) -> RwSignal<String> {
    let shown = RwSignal::new(path.get_untracked());
    let tries = RwSignal::new(0_usize);
    Effect::new(move |_: Option<()>| {
        let next = path.get();
        let version = version.clone();
        tries.track();
        leptos::task::spawn_local(async move {
            let loaded = part(&next, &version).await;
            if path.try_get_untracked().is_none_or(|path| path != next) {
                // The person went on to another page meanwhile.
                return;
            }
            let why = loaded.as_ref().map_or_else(PartMissing::why, |()| "");
            live.unreached().set(why.to_owned());
            match loaded {
                Ok(()) => {
                    document().set_title(&document_title(&next));
                    // Don't draw the server's page a second time, because what was typed into it would be lost.
                    if shown.with_untracked(|shown| *shown != next) {
                        shown.set(next);
                    }
                }
                Err(PartMissing::Away | PartMissing::Failed) => {
                    set_timeout(move || _ = tries.try_update(|n| *n = n.wrapping_add(1)), TRY_AGAIN);
                }
                // Only a document from the server leads to the page now.
                Err(PartMissing::Replaced) => _ = window().location().reload(),
            }
        });
    });
    shown
}

/// Why a page's part of the program could not be loaded.
enum PartMissing {
    /// The server does not answer, or its databases do not answer it. The part may come later.
    Away,
    /// The server answers, but could not send the part. It may come later.
    Failed,
    /// The server has another version of the program, and no longer has this one's parts. Or the session has ended.
    Replaced,
}

impl PartMissing {
    const fn why(&self) -> &'static str {
        match self {
            Self::Away => text::NOT_LOADED,
            Self::Failed => text::PART_NOT_LOADED,
            Self::Replaced => "",
        }
    }
}

/// Loads a page's part of a program of this version.
async fn part(path: &str, version: &str) -> Result<(), PartMissing> {
    if pages::ready(path).await.is_ok() {
        return Ok(());
    }
    let same = match load(PageRequest::Context).await {
        // What this program cannot read comes from another version.
        Ok(answer) => answer.read().is_ok_and(|context: PageContext| context.version == version),
        // The server then sends the login page, which leads to the page that was asked for.
        Err(AppError::SignIn) => false,
        Err(AppError::Unavailable) => return Err(PartMissing::Away),
        Err(_) => true,
    };
    Err(if same { PartMissing::Failed } else { PartMissing::Replaced })
}
