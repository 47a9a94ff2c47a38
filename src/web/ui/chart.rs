//! A chart in its panel: title and context, the drawing with its states, and the same data as a table.
//!
//! The canvas is for the eye only. The sentence, the table and the CSV file give everyone else the same data, and
//! work without JavaScript.

use leptos::{html::Div, prelude::*};

use super::{any_views, icon::Icon, optional_view};
use crate::web::{
    charts::{Canvas, Pick, Progress},
    text,
};

/// How much room the frame reserves, so that nothing jumps when the drawing comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartShape {
    /// Wide.
    #[default]
    TimeSeries,
    /// Donuts and gauges.
    Round,
    Heat,
    /// As high as its rows.
    Ranking,
}

impl ChartShape {
    const fn class(self) -> &'static str {
        match self {
            Self::TimeSeries => "chart-frame time-series",
            Self::Round => "chart-frame round",
            Self::Heat => "chart-frame heat",
            Self::Ranking => "chart-frame ranking",
        }
    }
}

#[component]
pub fn Chart(
    /// The chart's public name.
    name: &'static str,
    #[prop(into)] title: String,
    /// What the figure is compared with, or how it is counted.
    #[prop(into)]
    note: Signal<String>,
    /// What it shows, in words.
    #[prop(into)]
    sentence: Signal<String>,
    #[prop(optional)] shape: ChartShape,
    /// Role and name of each series, where there is more than one.
    #[prop(optional)]
    key: Vec<(&'static str, String)>,
    /// The option that draws the chart first, from the server.
    option: String,
    /// The update that brings the drawing up to date.
    #[prop(into)]
    update: Signal<String>,
    /// Whether there is nothing to draw.
    #[prop(into)]
    empty: Signal<bool>,
    /// Acts when a datum is clicked. The table's rows link to the same places.
    #[prop(optional)]
    pick: Option<Pick>,
    /// The address of the same data as a CSV file.
    #[prop(into)]
    csv: Signal<String>,
    /// The file name of the saved picture: the chart's name and the period.
    #[prop(into)]
    file: Signal<String>,
    /// Whether some of the drawn money was derived from a tariff. A saved picture then carries that remark.
    #[prop(into)]
    derived: Signal<bool>,
    /// The names of the parts of a whole, below the drawing.
    #[prop(optional)]
    parts: Option<AnyView>,
    /// The same data as a table.
    table: AnyView,
) -> impl IntoView {
    let element = NodeRef::<Div>::new();
    let canvas = Canvas::draw(element, option, update, pick);
    let state = Memo::new(move |_| ChartState::of(canvas.progress(), empty.get()));
    let save = move |_| {
        let remark = if derived.get_untracked() { text::derived_picture() } else { String::new() };
        file.with_untracked(|file| canvas.save(file, &remark));
    };
    let key = (!key.is_empty()).then_some(key);
    view! {
        <section class="panel" data-chart=name>
            <header class="chart-head">
                <h2>{title}</h2>
                <p>{note}</p>
                <div class="chart-tools">
                    <button class="button quiet needs-js" type="button" aria-label=text::SAVE_PNG on:click=save>
                        {Icon::Picture.view()}
                        "PNG"
                    </button>
                    <a class="button quiet" href=csv download="" rel="external" aria-label=text::SAVE_CSV>
                        {Icon::Table.view()}
                        "CSV"
                    </a>
                </div>
            </header>
            <div class="body">
                <p class="sentence">{sentence}</p>
                {optional_view(key, legend)}
                <div class=shape.class() data-state=move || state.get().name()>
                    <div class="chart-canvas" role="img" aria-label=sentence node_ref=element></div>
                    <p class="chart-state">{move || state.get().words().to_owned()}</p>
                </div>
                {parts}
                <details class="twin">
                    <summary>{text::AS_TABLE}</summary>
                    {table}
                </details>
            </div>
        </section>
    }
}

fn legend(key: Vec<(&'static str, String)>) -> impl IntoView {
    let key = key.into_iter().map(|(role, name)| view! { <span class=format!("key-{role}")>{name}</span> });
    view! { <div class="legend">{any_views(key)}</div> }
}

/// What the frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChartState {
    Loading,
    Drawn,
    Empty,
    Failed,
}

impl ChartState {
    const fn of(progress: Progress, empty: bool) -> Self {
        match progress {
            _ if empty => Self::Empty,
            Progress::Loading => Self::Loading,
            Progress::Drawn => Self::Drawn,
            Progress::Failed => Self::Failed,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Drawn => "drawn",
            Self::Empty => "empty",
            Self::Failed => "failed",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Loading => text::CHART_COMES,
            Self::Drawn => "",
            Self::Empty => text::NO_DATA,
            Self::Failed => text::NO_CHART,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::web::charts::Bundle;

    static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

    fn html(empty: bool) -> String {
        Owner::new().with(|| {
            let preload = |path: &str| ASKED.lock().unwrap().push(path.to_owned());
            provide_context(Bundle { path: Arc::from("/vendor/charts.ABCDEFGH.js"), preload });
            let chart = view! {
                <Chart
                    name="energy"
                    title="Energy"
                    note="as of 12:00"
                    sentence="Energy today: 12.0 kWh."
                    key=vec![("series-1", "Today".to_owned()), ("ghost", "Before".to_owned())]
                    option="{}".to_owned()
                    update=""
                    empty=Signal::stored(empty)
                    csv="/export/energy.csv"
                    file="energy-last-7d"
                    derived=false
                    table=view! { <table id="twin"></table> }.into_any()
                />
            };
            chart.into_any().to_html()
        })
    }

    #[test]
    fn without_a_canvas_it_says_the_same() {
        let html = html(false);
        for part in [
            r#"role="img" aria-label="Energy today: 12.0 kWh.""#,
            r#"<p class="sentence">Energy today: 12.0 kWh."#,
            r#"href="/export/energy.csv""#,
            r#"<table id="twin">"#,
            r#"class="key-ghost""#,
            r#"data-state="loading""#,
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(ASKED.lock().unwrap().iter().any(|path| path == "/vendor/charts.ABCDEFGH.js"));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let html = html(true);
        assert!(html.contains(r#"data-state="empty""#) && html.contains(text::NO_DATA), "{html}");
    }
}
