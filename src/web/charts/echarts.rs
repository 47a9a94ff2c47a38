//! The browser's side of a chart: loads the bundle with the first chart, draws, applies updates, and cleans up.

use std::cell::RefCell;

use js_sys::{Function, Promise};
use leptos::{html::Div, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlElement;

use super::{BUNDLE, Pick, Progress};

#[wasm_bindgen]
extern "C" {
    type EChart;
    #[wasm_bindgen(js_namespace = chargedeckCharts, catch)]
    fn draw(canvas: &HtmlElement, option: &str, pick: Option<&Function>) -> Result<EChart, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn update(this: &EChart, change: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn png(this: &EChart, name: &str, remark: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn dispose(this: &EChart) -> Result<(), JsValue>;
}

thread_local! {
    /// One loading script for all charts.
    static SCRIPT: RefCell<Option<Promise>> = const { RefCell::new(None) };
}

/// A drawn chart. It is disposed with the component that made it.
#[derive(Clone, Copy)]
pub struct Canvas {
    shown: StoredValue<Option<ShownChart>, LocalStorage>,
    progress: RwSignal<Progress>,
}

impl Canvas {
    /// Draws the option into the element once both the element and the bundle are there. Then merges every update.
    pub fn draw(element: NodeRef<Div>, option: String, update: Signal<String>, pick: Option<Pick>) -> Self {
        let canvas = Self { shown: StoredValue::new_local(None), progress: RwSignal::new(Progress::Loading) };
        Effect::new(move |_: Option<()>| {
            let Some(element) = element.get() else { return };
            let option = option.clone();
            spawn_local(async move {
                let loaded = bundle().await;
                // The page may be gone.
                let Some(update) = update.try_get_untracked() else { return };
                let drawn = loaded.and_then(|()| ShownChart::draw(&element, &option, pick));
                _ = canvas.progress.try_set(if drawn.is_ok() { Progress::Drawn } else { Progress::Failed });
                if let Ok(shown) = drawn {
                    shown.follow(&update);
                    drop(canvas.shown.try_set_value(Some(shown)));
                }
            });
        });
        Effect::new(move |_: Option<()>| {
            let update = update.get();
            canvas.with(|shown| shown.follow(&update));
        });
        canvas
    }

    pub fn progress(self) -> Progress {
        self.progress.get()
    }

    /// Downloads the picture as a file of that name, with the remark written into it.
    pub fn save(self, name: &str, remark: &str) {
        self.with(|shown| drop(shown.drawing.png(name, remark)));
    }

    fn with(self, act: impl FnOnce(&ShownChart)) {
        _ = self.shown.try_with_value(|shown| shown.as_ref().map(act));
    }
}

/// What is on the canvas. Dropping it disposes the chart and its listeners.
struct ShownChart {
    drawing: EChart,
    _pick: Option<Closure<dyn FnMut(String, usize)>>,
}

impl ShownChart {
    fn draw(element: &HtmlElement, option: &str, pick: Option<Pick>) -> Result<Self, JsValue> {
        let pick = pick.map(|pick| Closure::new(move |series: String, index: usize| pick.run((series, index))));
        let drawing = draw(element, option, pick.as_ref().map(|pick| pick.as_ref().unchecked_ref()))?;
        Ok(Self { drawing, _pick: pick })
    }

    fn follow(&self, update: &str) {
        if !update.is_empty() {
            drop(self.drawing.update(update));
        }
    }
}

impl Drop for ShownChart {
    fn drop(&mut self) {
        drop(self.drawing.dispose());
    }
}

/// Loads the bundle once for all charts. If that fails, the next chart tries again.
async fn bundle() -> Result<(), JsValue> {
    let script = SCRIPT.with_borrow_mut(|script| script.get_or_insert_with(request).clone());
    let loaded = JsFuture::from(script).await;
    if loaded.is_err() {
        SCRIPT.set(None);
    }
    loaded.map(drop)
}

fn request() -> Promise {
    Promise::new(&mut |loaded, failed| match append() {
        Some(script) => {
            script.set_onload(Some(&loaded));
            script.set_onerror(Some(&failed));
        }
        None => drop(failed.call0(&JsValue::NULL)),
    })
}

fn append() -> Option<HtmlElement> {
    let meta = document().query_selector(&format!("meta[name={BUNDLE}]")).ok()??;
    let script: HtmlElement = document().create_element("script").ok()?.unchecked_into();
    script.set_attribute("src", &meta.get_attribute("content")?).ok()?;
    document().body()?.append_child(&script).ok()?;
    Some(script)
}
