//! The browser's socket: connects, follows what pages subscribe to, says how fresh the screen is, and comes back by itself.
//!
//! One task owns everything; callbacks of the browser only hand it [`Signal`]s. Deltas are applied once per animation frame.

use std::collections::VecDeque;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::{ConnectionState, ListStore, Live};
use crate::{
    api::{AppError, load_list, load_shell},
    model::{
        frame::{COMPACT, ClientMessage, Delta, Frame, PROTOCOL, Ping, Refusal, Reset, Subscribed, Welcome, close},
        ids::{Collection, Topic},
        position::Position,
        snapshot::Snapshot,
        time::UtcMs,
        window::Broken,
    },
};

/// A server that is alive sends something at least this often.
const SILENCE_MS: f64 = 12_000.0;
/// A relay that was not heard for longer leaves the screen in doubt.
const STALE_MS: u32 = 6_000;
/// Longest pause between two tries.
const PAUSE_MAX_MS: f64 = 10_000.0;
/// Remembers that this page reloaded for a newer server, so that it does so once.
const RELOADED: &str = "chargedeck-reloaded";

/// What the browser tells the task.
enum Signal {
    Opened,
    Received(Vec<u8>),
    Closed(u16),
    /// An animation frame is due.
    Paint,
    /// A second has passed.
    Tick,
    /// Lists came or went.
    Lists,
    /// Someone asked to try at once.
    Retry,
    Visibility(bool),
    /// A snapshot arrived for a list.
    Fetched(ListStore, Result<Snapshot, AppError>),
}

/// Opens the socket once the page is hydrated.
pub fn connect(live: Live) {
    Effect::new(move |started: Option<()>| {
        if started.is_none() {
            let (sender, receiver) = unbounded();
            watch_browser(&sender, live);
            leptos::task::spawn_local(Wire::new(live, sender).run(receiver));
        }
    });
}

/// Hands on seconds, visibility, retries and the coming and going of lists.
fn watch_browser(sender: &UnboundedSender<Signal>, live: Live) {
    let tick = sender.clone();
    if let Ok(handle) = set_interval_with_handle(move || send(&tick, Signal::Tick), std::time::Duration::from_secs(1)) {
        on_cleanup(move || handle.clear());
    }
    let seen = sender.clone();
    let handle = window_event_listener_untyped("visibilitychange", move |_| {
        send(&seen, Signal::Visibility(document().hidden()))
    });
    on_cleanup(move || handle.remove());
    let online = sender.clone();
    let handle = window_event_listener_untyped("online", move |_| send(&online, Signal::Retry));
    on_cleanup(move || handle.remove());
    let lists = sender.clone();
    Effect::new(move |_| {
        live.lists.track();
        live.figures.track();
        send(&lists, Signal::Lists);
    });
    let retry = sender.clone();
    Effect::new(move |before: Option<u32>| {
        let now = live.retry.get();
        if before.is_some() {
            send(&retry, Signal::Retry);
        }
        now
    });
}

fn send(sender: &UnboundedSender<Signal>, signal: Signal) {
    // The task ends only with the page.
    drop(sender.unbounded_send(signal));
}

/// One list's place in the protocol.
struct Following {
    store: ListStore,
    collection: Collection,
    state: Follow,
}

#[derive(Clone, Copy, PartialEq)]
enum Follow {
    /// To be subscribed when there is a connection.
    Waiting,
    /// Deltas are ignored until this subscription is confirmed.
    Asked(u32),
    Live,
    /// New rows are on their way.
    Fetching,
}

struct Wire {
    live: Live,
    sender: UnboundedSender<Signal>,
    socket: Option<Socket>,
    open: bool,
    following: Vec<Following>,
    overview: Follow,
    next_rid: u32,
    deltas: VecDeque<Delta>,
    paint_due: bool,
    lag_ms: u32,
    checked_ms: u32,
    heard_at: f64,
    offline_since: Option<UtcMs>,
    tries: u32,
    retry_at: f64,
    clock: (UtcMs, f64),
}

impl Wire {
    fn new(live: Live, sender: UnboundedSender<Signal>) -> Self {
        Self {
            clock: (live.info().now, now_ms()),
            live,
            sender,
            socket: None,
            open: false,
            following: Vec::new(),
            overview: Follow::Waiting,
            next_rid: 1,
            deltas: VecDeque::new(),
            paint_due: false,
            lag_ms: 0,
            checked_ms: 0,
            heard_at: now_ms(),
            offline_since: None,
            tries: 0,
            retry_at: 0.0,
        }
    }

    async fn run(mut self, mut signals: UnboundedReceiver<Signal>) {
        self.dial();
        while let Some(signal) = signals.next().await {
            self.handle(signal);
        }
    }

    fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::Opened => {
                self.open = true;
                self.heard_at = now_ms();
                self.subscribe_waiting();
            }
            Signal::Received(bytes) => self.received(&bytes),
            Signal::Closed(code) => self.closed(code),
            Signal::Paint => self.paint(),
            Signal::Tick => self.tick(),
            Signal::Lists => self.lists_changed(),
            Signal::Retry => {
                if self.socket.is_none() {
                    self.dial();
                }
            }
            Signal::Visibility(hidden) => {
                self.say(&ClientMessage::Visibility { hidden });
                if !hidden {
                    self.paint();
                    if self.socket.is_none() {
                        self.dial();
                    }
                }
            }
            Signal::Fetched(store, fetched) => self.fetched(store, fetched),
        }
        self.show_state();
    }

    fn dial(&mut self) {
        self.open = false;
        self.heard_at = now_ms();
        self.socket = Socket::open(&self.sender);
        if self.socket.is_none() {
            self.pause();
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        self.heard_at = now_ms();
        let Ok(frame) = Frame::read(bytes) else { return self.reload_once() };
        match frame {
            Frame::Welcome(Welcome { protocol }) if protocol != PROTOCOL => self.reload_once(),
            Frame::Welcome(_) => {
                self.tries = 0;
                forget_reload();
            }
            Frame::Subscribed(Subscribed { rid, topic, .. }) => self.subscribed(rid, &topic),
            Frame::Delta(delta) => {
                self.deltas.push_back(delta);
                self.ask_for_paint();
            }
            Frame::Reset(Reset { topic: Topic::Collection(collection), min_position, retry_ms, .. }) => {
                for i in 0..self.following.len() {
                    if self.following[i].collection == collection {
                        self.fetch(i, Some(min_position), retry_ms);
                    }
                }
            }
            Frame::Reset(_) | Frame::Bye(_) => {}
            Frame::Ping(Ping { n, lag_ms, checked_ms }) => {
                (self.lag_ms, self.checked_ms) = (lag_ms, checked_ms);
                self.say(&ClientMessage::Pong { n });
            }
            Frame::Error(Refusal { code, message, .. }) => {
                leptos::logging::warn!("the server refused: {code}: {message}")
            }
        }
    }

    fn subscribed(&mut self, rid: u32, topic: &Topic) {
        match topic {
            Topic::Overview(_) if self.overview == Follow::Asked(rid) => self.overview = Follow::Live,
            Topic::Overview(_) => {}
            Topic::Collection(_) => {
                if let Some(following) = self.following.iter_mut().find(|f| f.state == Follow::Asked(rid)) {
                    following.state = Follow::Live;
                }
            }
        }
    }

    /// Applies what came since the last frame was painted.
    fn paint(&mut self) {
        self.paint_due = false;
        while let Some(delta) = self.deltas.pop_front() {
            match &delta.topic {
                Topic::Overview(_) => {
                    if let (Follow::Live, Some(figures)) = (self.overview, self.live.figures.get_untracked()) {
                        figures.apply(delta.changes);
                    }
                }
                Topic::Collection(collection) => self.apply(*collection, &delta),
            }
        }
    }

    fn apply(&mut self, collection: Collection, delta: &Delta) {
        for i in 0..self.following.len() {
            if self.following[i].collection != collection || self.following[i].state != Follow::Live {
                continue;
            }
            match self.following[i].store.apply(delta.clone()) {
                Ok(()) => {}
                Err(Broken::Gap) => {
                    self.following[i].state = Follow::Waiting;
                    self.subscribe_waiting();
                }
                Err(Broken::Stale) => self.fetch(i, None, 0),
            }
        }
    }

    /// Takes new rows for a list, after a pause so that not all pages ask at the same moment.
    fn fetch(&mut self, i: usize, min_position: Option<Position>, retry_ms: u32) {
        let following = &mut self.following[i];
        if following.state == Follow::Fetching {
            return;
        }
        following.state = Follow::Fetching;
        following.store.set_loading(true);
        let (store, collection, sender) = (following.store, following.collection, self.sender.clone());
        leptos::task::spawn_local(async move {
            sleep(f64::from(retry_ms) * js_sys::Math::random()).await;
            let fetched = load_list(collection, min_position).await;
            send(&sender, Signal::Fetched(store, fetched));
        });
    }

    fn fetched(&mut self, store: ListStore, fetched: Result<Snapshot, AppError>) {
        let Some(i) = self.following.iter().position(|f| f.store.is(store)) else { return };
        match fetched {
            Ok(snapshot) => {
                store.replace(snapshot);
                self.following[i].state = Follow::Waiting;
                self.subscribe_waiting();
            }
            Err(AppError::SignIn) => sign_in(),
            Err(_) => {
                self.following[i].state = Follow::Waiting;
                self.fetch(i, None, 2000);
            }
        }
    }

    fn lists_changed(&mut self) {
        let lists = self.live.lists.try_get_untracked().unwrap_or_default();
        let gone: Vec<Collection> =
            self.following.iter().filter(|f| !lists.iter().any(|l| l.is(f.store))).map(|f| f.collection).collect();
        self.following.retain(|f| lists.iter().any(|l| l.is(f.store)));
        let topics: Vec<String> = gone
            .into_iter()
            .filter(|c| !self.following.iter().any(|f| f.collection == *c))
            .map(|c| c.name().to_owned())
            .collect();
        if !topics.is_empty() {
            self.say(&ClientMessage::Unsubscribe { topics });
        }
        for store in lists {
            if let Some(collection) = store.collection().filter(|_| !self.following.iter().any(|f| f.store.is(store))) {
                self.following.push(Following { store, collection, state: Follow::Waiting });
            }
        }
        self.subscribe_waiting();
    }

    fn subscribe_waiting(&mut self) {
        if !self.open {
            return;
        }
        for i in 0..self.following.len() {
            let Following { store, collection, state: Follow::Waiting } = self.following[i] else { continue };
            let Some(received) = store.received() else { continue };
            let rid = self.rid();
            self.following[i].state = Follow::Asked(rid);
            let name = collection.name().to_owned();
            let positions = [(name.clone(), received.to_string())].into();
            self.say(&ClientMessage::Subscribe { rid, topics: vec![name], positions });
        }
        if self.overview == Follow::Waiting && self.live.figures.get_untracked().is_some() {
            let rid = self.rid();
            self.overview = Follow::Asked(rid);
            let topic = Topic::Overview(self.live.info().zone.name).to_string();
            self.say(&ClientMessage::Subscribe { rid, topics: vec![topic], positions: Default::default() });
        }
    }

    fn rid(&mut self) -> u32 {
        self.next_rid += 1;
        self.next_rid
    }

    fn say(&self, message: &ClientMessage) {
        if let (true, Some(socket), Ok(text)) = (self.open, &self.socket, serde_json::to_string(message)) {
            // A socket that closes tells so by itself.
            drop(socket.socket.send_with_str(&text));
        }
    }

    fn closed(&mut self, code: u16) {
        let was_open = self.open;
        self.paint();
        self.hang_up();
        match code {
            close::SIGN_IN | close::REVOKED => return sign_in(),
            close::PROTOCOL => return self.reload_once(),
            _ => {}
        }
        if !was_open {
            // A refused handshake tells no reason; a request does.
            leptos::task::spawn_local(async {
                if load_shell().await == Err(AppError::SignIn) {
                    sign_in();
                }
            });
        }
        self.pause();
    }

    fn hang_up(&mut self) {
        self.socket = None;
        self.open = false;
        self.offline_since.get_or_insert(self.live.now.get_untracked());
        self.overview = Follow::Waiting;
        for following in &mut self.following {
            if following.state != Follow::Fetching {
                following.state = Follow::Waiting;
            }
        }
    }

    /// Full jitter: anywhere from nothing to a ceiling that doubles, so that many pages come back one by one.
    fn pause(&mut self) {
        let ceiling = (500.0 * f64::from(1_u32 << self.tries.min(8))).min(PAUSE_MAX_MS);
        self.tries += 1;
        self.retry_at = now_ms() + ceiling * js_sys::Math::random();
        let (sender, wait) = (self.sender.clone(), self.retry_at - now_ms());
        leptos::task::spawn_local(async move {
            sleep(wait).await;
            send(&sender, Signal::Retry);
        });
    }

    fn tick(&mut self) {
        let (start, since) = self.clock;
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a page's life")]
        let now = UtcMs(start.0 + (now_ms() - since) as i64);
        let _disposed = self.live.now.try_set(now);
        if self.socket.is_some() && now_ms() - self.heard_at > SILENCE_MS {
            self.hang_up();
            self.pause();
        }
    }

    fn show_state(&mut self) {
        let state = if !self.open {
            match self.offline_since {
                None => ConnectionState::Connecting,
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
                Some(since) => {
                    let retry_in_s = ((self.retry_at - now_ms()) / 1000.0).ceil().max(0.0) as u32;
                    ConnectionState::Offline { since, retry_in_s }
                }
            }
        } else if self.checked_ms > STALE_MS {
            ConnectionState::Stale { since: UtcMs(self.live.now.get_untracked().0 - i64::from(self.checked_ms)) }
        } else if self.overview != Follow::Live || self.following.iter().any(|f| f.state != Follow::Live) {
            ConnectionState::CatchingUp
        } else {
            self.offline_since = None;
            ConnectionState::Live { lag_ms: self.lag_ms }
        };
        if self.live.connection.try_get_untracked().is_some_and(|old| old != state) {
            self.live.connection.set(state);
        }
    }

    fn ask_for_paint(&mut self) {
        if !self.paint_due {
            self.paint_due = true;
            let sender = self.sender.clone();
            request_animation_frame(move || send(&sender, Signal::Paint));
        }
    }

    /// The server speaks another protocol: this page is older or newer than it.
    fn reload_once(&mut self) {
        if let Ok(Some(storage)) = window().session_storage()
            && storage.get_item(RELOADED).ok().flatten().is_none()
            && storage.set_item(RELOADED, "1").is_ok()
        {
            drop(window().location().reload());
        }
    }
}

fn forget_reload() {
    if let Ok(Some(storage)) = window().session_storage() {
        drop(storage.remove_item(RELOADED));
    }
}

/// Leaves for the login page, which leads back here. Nothing of the page stays.
fn sign_in() {
    let location = window().location();
    let here = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    let next = js_sys::encode_uri_component(&here);
    drop(location.replace(&format!("/login?next={next}")));
}

fn now_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

async fn sleep(ms: f64) {
    let (sender, receiver) = futures_channel::oneshot::channel();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    set_timeout(move || _ = sender.send(()), std::time::Duration::from_millis(ms.max(0.0) as u64));
    _ = receiver.await;
}

/// A WebSocket with its callbacks; dropped, it is closed and says nothing more.
struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    fn open(sender: &UnboundedSender<Signal>) -> Option<Self> {
        let location = window().location();
        let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
        let socket = WebSocket::new_with_str(&format!("{scheme}://{}/live", location.host().ok()?), COMPACT).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (opened, received, closed) = (sender.clone(), sender.clone(), sender.clone());
        let on_open = Closure::new(move || send(&opened, Signal::Opened));
        let on_message = Closure::new(move |event: MessageEvent| {
            if let Ok(buffer) = event.data().dyn_into::<js_sys::ArrayBuffer>() {
                send(&received, Signal::Received(js_sys::Uint8Array::new(&buffer).to_vec()));
            }
        });
        let on_close = Closure::new(move |event: CloseEvent| send(&closed, Signal::Closed(event.code())));
        socket.set_onopen(Some(JsCast::unchecked_ref(Closure::as_ref(&on_open))));
        socket.set_onmessage(Some(JsCast::unchecked_ref(Closure::as_ref(&on_message))));
        socket.set_onclose(Some(JsCast::unchecked_ref(Closure::as_ref(&on_close))));
        Some(Self { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        drop(self.socket.close());
    }
}
