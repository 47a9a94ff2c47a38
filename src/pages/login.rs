//! The way in: a plain form in a document of its own, drawn by the server alone. It needs no script, and the browser's
//! program need not be there for it.

use leptos::prelude::*;

use crate::{
    app::Head,
    ui::{Mark, words},
};

/// `error`: why the form is shown again. `next`: where signing in leads.
pub fn login(options: LeptosOptions, error: Option<String>, next: String) -> impl IntoView {
    let (invalid, why) = (error.is_some().then_some("true"), error.is_some().then_some("why"));
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head options />
                <title>{words::SIGN_IN} " · " {words::PRODUCT}</title>
            </head>
            <body>
                <main class="gate">
                    <form class="gate-box" method="post" action="/login">
                        <h1 class="brand"><Mark /></h1>
                        {error.map(|text| view! { <p class="alert" role="alert" id="why">{text}</p> })}
                        <label>
                            <span>{words::EMAIL}</span>
                            <input type="email" name="email" autocomplete="username" required autofocus aria-invalid=invalid aria-describedby=why />
                        </label>
                        <label>
                            <span>{words::PASSWORD}</span>
                            <input
                                type="password"
                                name="password"
                                autocomplete="current-password"
                                required
                                aria-invalid=invalid
                                aria-describedby=why
                            />
                        </label>
                        <input type="hidden" name="next" value=next />
                        <button class="button primary" type="submit">{words::SIGN_IN}</button>
                        <p>{words::ADMINS_ONLY}</p>
                    </form>
                </main>
            </body>
        </html>
    }
}
