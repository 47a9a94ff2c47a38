//! The server renders without a canvas. A document with charts only announces the bundle that it will load.

use leptos::{html::Div, prelude::*};

use super::{Bundle, Pick, Progress};

#[derive(Clone, Copy)]
pub struct Canvas;

impl Canvas {
    pub fn draw(_: NodeRef<Div>, _: String, _: Signal<String>, _: Option<Pick>) -> Self {
        if let Some(bundle) = use_context::<Bundle>() {
            (bundle.preload)(&bundle.path);
        }
        Self
    }

    pub const fn progress(self) -> Progress {
        Progress::Loading
    }

    pub const fn save(self, _: &str, _: &str) {}
}
