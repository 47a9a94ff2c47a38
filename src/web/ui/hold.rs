//! What moves by itself stands still while someone reads in it. A part of a page says so with the class `held`; there
//! is one at most on a page. What comes meanwhile waits behind a button.

use leptos::prelude::*;

use crate::web::live::{Live, hovers_nothing};

/// Matches something that is read: the pointer is over the part, or a row or what was reached by keyboard has the focus.
/// A button keeps the focus when it was pressed, so it does not count.
const READ: &str = ".held:hover, .held tr:focus, .held :focus-visible:not(button)";

/// Returns a signal that is true while someone reads in the part that is held, or has scrolled the page. With
/// `by_touch` it is always true where no pointer rests over what someone reads.
///
/// Reading is noticed when it begins, before anything can move. That it ended is noticed within a second.
pub fn reading(by_touch: bool) -> RwSignal<bool> {
    let read = RwSignal::new(false);
    let now = expect_context::<Live>().now();
    let ask = move || {
        let found = matches!(document().query_selector(READ), Ok(Some(_)));
        let is = found || window().scroll_y().is_ok_and(|y| y > 0.0) || by_touch && hovers_nothing();
        if read.try_get_untracked() == Some(!is) {
            read.set(is);
        }
    };
    Effect::new(move |_: Option<()>| {
        now.track();
        ask();
    });
    Effect::new(move |_: Option<()>| {
        let heard =
            ["mouseover", "focusin", "scroll"].map(|event| window_event_listener_untyped(event, move |_| ask()));
        on_cleanup(move || heard.into_iter().for_each(WindowListenerHandle::remove));
    });
    read
}

/// Draws the button that says what waits, and shows it. It is hidden while nothing waits.
pub fn fresh(waits: Memo<String>, show: Box<dyn Fn()>) -> AnyView {
    view! {
        <button
            class="button primary fresh"
            type="button"
            hidden=move || waits.with(String::is_empty)
            on:click=move |_| show()
        >
            {move || waits.get()}
        </button>
    }
    .into_any()
}
