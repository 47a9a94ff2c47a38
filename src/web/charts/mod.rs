//! Charts as plain data: what they show, the option that draws them first, and the updates that follow. They stand
//! early in the order of modules because both the server's answers and the pages need them.
//!
//! Options are typed with charming and built on the server only; they travel as text with a page's answer. Charming
//! would cost the browser's program 37 kB of its 250 (Brotli), and on the server the same functions are tested
//! natively. The browser makes only the small [`update`]s from the same data.
//!
//! The drawing code is `bundle/`: ECharts with only the parts that are used. `end2end/charts.mjs` builds it, and only
//! pages with charts load it.

mod data;
#[cfg(feature = "hydrate")]
mod echarts;
#[cfg(not(feature = "hydrate"))]
#[path = "no_echarts.rs"]
mod echarts;
#[cfg(feature = "ssr")]
mod options;
mod update;

use std::sync::Arc;

pub use data::{ChartUnit, Donut, DonutPart, Drawing, Gauge, Ghost, Heat, Ranking, Series, SeriesKind, TimeSeries};
pub use echarts::Canvas;

/// The name of the document's `meta` that holds the bundle's address. The address holds a hash of the content, so
/// only the server knows it.
pub const BUNDLE: &str = "chargedeck-charts";

/// The bundle's address, in the context of a rendered document.
#[derive(Clone)]
pub struct Bundle {
    pub path: Arc<str>,
    /// Adds a preload link, so that the browser requests it before the program does.
    pub preload: fn(&str),
}

/// Called with the id of a series and the index of the picked datum.
pub type Pick = leptos::prelude::Callback<(String, usize)>;

/// How far the browser has come with a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Loading,
    Drawn,
    /// The bundle could not be loaded, or the chart could not be drawn.
    Failed,
}
