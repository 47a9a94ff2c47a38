//! The frame around documents that the server draws alone: plain forms and tables, which need no script. The
//! browser's program is not loaded for them, so its pages link to them as `external`. Documents within the frame stay
//! readable while the server is away.

use leptos::prelude::*;
use leptos_router::{components::Router, location::RequestUrl};

use crate::web::{
    app::{Head, StaysReadable},
    text,
    ui::{MAIN, Mark, Rail},
};

/// What the frame shows around the content of a page.
pub struct PageFrame {
    pub options: LeptosOptions,
    pub network: String,
    /// The name of the zone in which times are shown.
    pub zone: String,
    /// E-mail of the admin.
    pub admin: String,
    /// The page's own address.
    pub path: String,
    /// What a printed page says about itself.
    pub paper: String,
    pub title: &'static str,
}

/// A page in the frame of the live pages. Call it within an owner.
pub fn framed(frame: PageFrame, content: AnyView) -> impl IntoView {
    let PageFrame { options, network, zone, admin, path, paper, title } = frame;
    provide_context(RequestUrl::new(&path));
    let body = move || {
        view! {
            <a class="skip" href=format!("#{MAIN}")>{text::SKIP}</a>
            <div class="shell">
                <Rail network times=text::all_times(&zone) admin />
                <header class="top">
                    <h1>{title}</h1>
                </header>
                <main class="main" id=MAIN tabindex="-1">
                    <p class="paper">{paper}</p>
                    {content}
                </main>
            </div>
        }
    };
    let scripts = view! { <StaysReadable /> }.into_any();
    document(options, title, scripts, view! { <Router>{body()}</Router> }.into_any())
}

/// A small box on an empty page, for visitors who are not signed in.
pub fn gate(options: LeptosOptions, title: &'static str, content: AnyView) -> impl IntoView {
    document(
        options,
        title,
        ().into_any(),
        view! {
            <main class="gate">
                <div class="gate-box">
                    <p class="brand"><Mark /></p>
                    {content}
                </div>
            </main>
        }
        .into_any(),
    )
}

fn document(options: LeptosOptions, title: &'static str, scripts: AnyView, body: AnyView) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head options />
                <title>{title} " · " {text::PRODUCT}</title>
                {scripts}
            </head>
            <body>{body}</body>
        </html>
    }
}
