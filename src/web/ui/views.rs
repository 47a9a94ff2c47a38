//! Erases the types of views. Each type of view is drawn by code of its own, so a page that returns few types makes
//! for a small program.

use std::sync::{Arc, Mutex};

use leptos::prelude::*;

pub fn any_views<V: IntoView + 'static>(views: impl IntoIterator<Item = V>) -> Vec<AnyView> {
    views.into_iter().map(IntoAny::into_any).collect()
}

/// Draws the value, or nothing if there is none.
pub fn optional_view<T, V: IntoView + 'static>(value: Option<T>, view: impl FnOnce(T) -> V) -> AnyView {
    value.map_or_else(|| ().into_any(), |value| view(value).into_any())
}

/// A part that is drawn again when something it reads changes. All such parts are of one type.
pub fn redrawn(draw: impl FnMut() -> AnyView + Send + 'static) -> AnyView {
    let draw: Arc<Mutex<dyn FnMut() -> AnyView + Send>> = Arc::new(Mutex::new(draw));
    draw.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers all ways in which the server renders.
    #[test]
    fn what_panics_costs_its_section_alone() {
        use futures_util::{FutureExt, StreamExt};
        let page = |fails: bool| {
            let odd = move || if fails { panic!("an odd document") } else { "drawn" };
            view! { <div><section class="a">"before"</section><section class="b"><p>{odd}</p></section><section>"after"</section></div> }
        };
        let all = |fails| {
            Owner::new().with(|| {
                let mut dry = page(fails);
                dry.dry_resolve();
                let streamed = page(fails).to_html_stream_in_order().collect::<String>();
                [
                    page(fails).to_html(),
                    dry.to_html(),
                    page(fails).resolve().now_or_never().unwrap().to_html(),
                    streamed.now_or_never().unwrap(),
                ]
            })
        };
        for html in all(true) {
            let (before, after) = html.split_once("could not be drawn").expect(&html);
            assert!(before.contains("before") && before.contains("data-failed") && after.contains("after"), "{html}");
            assert!(!html.contains("class=\"b\"") && html.matches("section").count() == 6, "{html}");
        }
        for html in all(false) {
            assert!(html.contains("<p>drawn</p>") && !html.contains("failed"), "{html}");
        }
    }

    #[test]
    fn elements_are_written_as_browsers_read_them() {
        let (yes, no) = (|| true, || None::<String>);
        let html = view! {
            <a href="/?a=1&b=\"2\"" class="" title=no aria-current=move || Some("page")>{"<b>"}</a>
            <input type="date" name="from" required=yes disabled=false />
            <svg class="x" viewBox="0 0 1 1"><path d="M0 0" /></svg>
            <p class=move || "late".to_owned() id="p"></p>
        }
        .to_html();
        for part in [
            r#"<a href="/?a=1&amp;b=&quot;2&quot;" aria-current="page">&lt;b&gt;</a>"#,
            r#"<input type="date" name="from" required="">"#,
            r#"viewBox="0 0 1 1""#,
            r#"<path d="M0 0"></path></svg>"#,
            r#"<p class="late" id="p"></p>"#,
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("</input>") && !html.contains("disabled"), "{html}");
    }
}
