//! A WebSocket that sends its events to the task.

use leptos::prelude::window;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use super::event::{WireEvent, WireEvents};
use crate::domain::protocol::frame::COMPACT;

/// Dropping it closes the socket and removes its callbacks.
pub struct Socket {
    inner: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Opens the socket. `None` if the browser refuses.
    pub fn open(events: &WireEvents) -> Option<Self> {
        let location = window().location();
        let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
        let socket = WebSocket::new_with_str(&format!("{scheme}://{}/live", location.host().ok()?), COMPACT).ok()?;
        let (opened, received, closed) = (events.clone(), events.clone(), events.clone());
        let on_open = Closure::new(move || opened.send(WireEvent::Opened));
        let on_message = Closure::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                received.send(WireEvent::Received(text));
            }
        });
        let on_close = Closure::new(move |event: CloseEvent| closed.send(WireEvent::Closed(event.code())));
        socket.set_onopen(Some(JsCast::unchecked_ref(Closure::as_ref(&on_open))));
        socket.set_onmessage(Some(JsCast::unchecked_ref(Closure::as_ref(&on_message))));
        socket.set_onclose(Some(JsCast::unchecked_ref(Closure::as_ref(&on_close))));
        Some(Self { inner: socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    /// Sends a text. An error is ignored, because the socket then reports its close by itself.
    pub fn send(&self, text: &str) {
        drop(self.inner.send_with_str(text));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onopen(None);
        self.inner.set_onmessage(None);
        self.inner.set_onclose(None);
        drop(self.inner.close());
    }
}
