//! The login page: a plain form in a document of its own, drawn by the server alone. It needs no script, and works
//! without the browser's program.

use leptos::prelude::*;

use crate::web::{app::Head, text, ui::Mark};

/// `email` is what was entered before, `next` is where signing in leads. `wrong` is why the form is shown again; it
/// does not reveal which field is wrong.
pub fn login(options: LeptosOptions, email: String, next: String, wrong: Option<String>) -> impl IntoView {
    let why = wrong.is_some().then_some("why");
    let entered = !email.is_empty();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <Head options />
                <title>{text::SIGN_IN} " · " {text::PRODUCT}</title>
            </head>
            <body>
                <main class="gate">
                    <form class="gate-box" method="post" action="/login">
                        <h1 class="brand"><Mark /></h1>
                        {wrong.map(|text| view! { <p class="alert" role="alert" id="why">{text}</p> })}
                        <label>
                            <span>{text::EMAIL}</span>
                            <input
                                type="email"
                                name="email"
                                value=email
                                autocomplete="username"
                                required
                                autofocus=!entered
                                aria-describedby=why
                            />
                        </label>
                        <label>
                            <span>{text::PASSWORD}</span>
                            <input
                                type="password"
                                name="password"
                                autocomplete="current-password"
                                required
                                autofocus=entered
                                aria-describedby=why
                            />
                        </label>
                        <input type="hidden" name="next" value=next />
                        <button class="button primary" type="submit">{text::SIGN_IN}</button>
                        <p>{text::ADMINS_ONLY}</p>
                    </form>
                </main>
            </body>
        </html>
    }
}
