//! Charts as plain data: what they show, as the option that draws them first, and as the update that follows. They stand
//! early in the road because both the server's answers and the pages need them.
//!
//! Options are typed with charming and built on the server alone; they travel as text with a page's answer. Charming in
//! the browser's program would cost 37 kB of its 250 (Brotli), and here the same functions are tested natively. The
//! browser makes only the small [`update`]s, of the same data.
//!
//! What draws them is `bundle/`: ECharts with only the parts that are used, which `end2end/charts.mjs` puts together and
//! only pages with charts load.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

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

pub use data::{Donut, Drawing, Gauge, Ghost, Heat, Kind, Part, Ranking, Series, TimeSeries, Unit};
pub use echarts::Canvas;

/// The document's `meta` that says where the bundle is. Its name holds the hash of its content, so only the server knows.
pub const BUNDLE: &str = "chargedeck-charts";

/// The bundle, in the context of a document that is rendered.
#[derive(Clone)]
pub struct Bundle {
    pub path: Arc<str>,
    /// Lets the browser ask for it before the program does.
    pub preload: fn(&str),
}

/// Calls back with a series and the index of one of its data.
pub type Pick = leptos::prelude::Callback<(String, usize)>;

/// How far the browser has come with a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Loading,
    Drawn,
    /// The bundle cannot be had.
    Failed,
}
