//! The task that owns the connection. It keeps one protocol state per topic, and applies deltas once per animation
//! frame.
//!
//! Long, because the connection's state belongs together, and only this task may change it.

mod freshness;

use std::mem::take;

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt;
use leptos::prelude::*;

use super::{
    super::{BoardStore, ListStore, LiveState, state::names},
    browser::{is_hidden, later, now_ms, paint_after, reload_when_calm, sign_in},
    event::{WireEvent, WireEvents},
    socket::Socket,
};
use crate::{
    domain::{
        board::Board,
        collections::Collection,
        fields::Fields,
        latest::key,
        protocol::{
            follow::Follow,
            frame::{
                ClientMessage, Delta, Frame, PROTOCOL, Ping, RESTORED, Refusal, Reset, Subscribed, TOO_MANY_BOARDS,
                Unfollowed, Welcome, close,
            },
            position::{ClusterTime, Position},
            snapshot::Snapshot,
            topic::Topic,
            window::Broken,
        },
        time::UtcMs,
    },
    web::api::{AppError, PageData, PageRequest, load},
};

/// Longest pause before a reconnect.
const PAUSE_MAX_MS: f64 = 10_000.0;
/// Shortest pause between two fetches of a list whose rows or total may be wrong.
const DOUBT_MS: f64 = 2000.0;
/// Deltas that come within this time after the page came into sight happened while it was hidden.
const RETURN_MS: f64 = 1000.0;
/// What the server sends with the answer to a subscription is painted within this time.
const ANSWER_MS: f64 = 100.0;
/// Shortest pause between two paints. Nobody reads faster, and scrolling stays smooth.
const PAINTS_MS: f64 = 50.0;

/// Tells news from catching up, together with the delta's position in the log.
#[derive(Clone, Copy)]
struct Clocks {
    /// Whether the answers to all subscriptions came some time ago.
    settled: bool,
    /// Whether the page has been in sight for a while.
    seen: bool,
}

impl Clocks {
    /// Returns whether all deltas happened while the topic was followed and the page was in sight.
    fn all_news(self, follow: &Follow, deltas: &[Delta]) -> bool {
        self.seen && deltas.iter().all(|delta| follow.is_news(delta, self.settled))
    }
}

/// One followed list with its protocol state.
struct FollowedList {
    store: ListStore,
    collection: Collection,
    follow: Follow,
    /// Whether new rows are requested because the list is in doubt, and when rows last came.
    doubt: (bool, f64),
}

pub struct Task {
    live: LiveState,
    events: WireEvents,
    /// The topic of the figures.
    figures: String,
    socket: Option<Socket>,
    open: bool,
    following: Vec<FollowedList>,
    overview: Follow,
    /// Each with its topic's name, because the store forgets the name once the page is gone.
    sheets: Vec<(BoardStore, String, Follow)>,
    next_rid: u32,
    paint_due: bool,
    paint_asked: f64,
    painted_at: f64,
    /// The server is of another version.
    outdated: bool,
    /// Since when every frame could be read. Infinite without a connection, and once the reload flag is cleared.
    understood_since: f64,
    lag_ms: u32,
    checked_ms: u32,
    /// When the page last came into sight, after it had been hidden.
    seen_since: f64,
    /// When a subscription was last answered.
    subscribed_at: f64,
    /// When the last ping came.
    pinged_at: f64,
    /// How long the last paint had waited, in ms. `None` if nothing was painted since the last ping.
    paint_ms: Option<u32>,
    heard_at: f64,
    offline_since: Option<UtcMs>,
    tries: u32,
    retry_at: f64,
    clock: (UtcMs, f64),
    /// Since when the connection has been in a state of this kind.
    kind_since: f64,
}

impl Task {
    pub fn new(live: LiveState, zone: &str, ct: ClusterTime, events: WireEvents) -> Self {
        Self {
            clock: (live.now().get_untracked(), now_ms()),
            live,
            events,
            figures: Board::Overview(zone.to_owned()).to_string(),
            socket: None,
            open: false,
            following: Vec::new(),
            overview: Follow::of_board(ct),
            sheets: Vec::new(),
            next_rid: 1,
            paint_due: false,
            paint_asked: now_ms(),
            painted_at: f64::NEG_INFINITY,
            outdated: false,
            understood_since: f64::INFINITY,
            lag_ms: 0,
            checked_ms: 0,
            seen_since: f64::NEG_INFINITY,
            subscribed_at: f64::NEG_INFINITY,
            pinged_at: now_ms(),
            paint_ms: None,
            heard_at: now_ms(),
            kind_since: now_ms(),
            offline_since: None,
            tries: 0,
            retry_at: 0.0,
        }
    }

    pub async fn run(mut self, mut events: UnboundedReceiver<WireEvent>) {
        self.dial();
        while let Some(event) = events.next().await {
            self.handle(event);
        }
    }

    fn handle(&mut self, event: WireEvent) {
        match event {
            WireEvent::Opened => {
                self.open = true;
                (self.checked_ms, self.pinged_at) = (0, now_ms());
                self.heard_at = now_ms();
                if is_hidden() {
                    self.send(&ClientMessage::Visibility { hidden: true });
                }
                self.subscribe_waiting();
            }
            WireEvent::Received(text) => self.received(&text),
            WireEvent::Closed(code) => self.closed(code),
            WireEvent::Paint => self.paint(),
            WireEvent::Tick => self.tick(),
            WireEvent::Lists => self.lists_changed(),
            WireEvent::Offline => {
                if self.socket.is_some() {
                    self.paint();
                    self.hang_up();
                    self.pause();
                }
            }
            WireEvent::Retry => {
                if self.socket.is_none() {
                    self.dial();
                }
            }
            WireEvent::Visibility(hidden) => {
                self.send(&ClientMessage::Visibility { hidden });
                if !hidden {
                    self.seen_since = now_ms();
                    self.paint();
                    if self.socket.is_none() {
                        self.dial();
                    }
                }
            }
            WireEvent::Fetch(store, min_position) => self.ask(store, min_position),
            WireEvent::Fetched(store, fetched) => self.fetched(store, fetched),
        }
        self.show_state();
    }

    fn dial(&mut self) {
        self.open = false;
        self.heard_at = now_ms();
        self.socket = Socket::open(&self.events);
        if self.socket.is_none() {
            self.pause();
        }
    }

    fn show_unfollowed(&self, topics: &[Collection]) {
        let (names, shown) = (names(topics), self.live.unfollowed);
        if shown.with_untracked(|before| *before != names) {
            shown.set(names);
        }
    }

    fn received(&mut self, text: &str) {
        self.heard_at = now_ms();
        let Ok(frame) = Frame::read(text) else { return self.closed(close::PROTOCOL) };
        match frame {
            Frame::Welcome(Welcome { protocol }) if protocol != PROTOCOL => self.closed(close::PROTOCOL),
            Frame::Welcome(_) => {
                // If some collections cannot be followed, the server sends them next.
                self.show_unfollowed(&[]);
                // If the last connection ended as outdated, keep the backoff: this server's frames may again be
                // unreadable.
                if !take(&mut self.outdated) {
                    self.tries = 0;
                }
                self.understood_since = now_ms();
            }
            Frame::Subscribed(Subscribed { rid, topic, head }) => self.subscribed(rid, &topic, head),
            Frame::Delta(delta) => self.keep(&delta),
            Frame::Reset(Reset { topic, min_position, reason, retry_ms }) => {
                if reason == RESTORED {
                    self.restored();
                }
                let Topic::Collection(collection) = topic else { return };
                for i in 0..self.following.len() {
                    if self.following[i].collection == collection {
                        self.fetch(i, Some(min_position), retry_ms);
                    }
                }
            }
            Frame::Bye(_) => {}
            Frame::Ping(Ping { n, lag_ms, checked_ms }) => {
                (self.lag_ms, self.checked_ms, self.pinged_at) = (lag_ms, checked_ms, now_ms());
                let paint_ms = self.paint_ms.take();
                self.send(&ClientMessage::Pong { n, paint_ms });
            }
            Frame::Unfollowed(Unfollowed { topics }) => self.show_unfollowed(&topics),
            Frame::Error(Refusal { rid, code, .. }) if code == TOO_MANY_BOARDS => {
                self.boards_mut().for_each(|follow| follow.refuse(rid));
            }
            Frame::Error(Refusal { code, message, .. }) => {
                leptos::logging::warn!("the server refused: {code}: {message}");
            }
        }
    }

    /// Handles a restored database: from now on values may be of an earlier time than what is shown.
    fn restored(&mut self) {
        self.live.restored.set(true);
        self.boards_mut().for_each(Follow::forget_time);
        self.following.iter().for_each(|following| following.store.forget_time());
    }

    fn subscribed(&mut self, rid: u32, topic: &Topic, head: Position) {
        self.subscribed_at = now_ms();
        match topic {
            Topic::Board(_) => self.boards_mut().for_each(|follow| follow.confirm(rid, head)),
            Topic::Collection(_) => {
                self.following.iter_mut().for_each(|following| following.follow.confirm(rid, head));
            }
        }
    }

    fn boards_mut(&mut self) -> impl Iterator<Item = &mut Follow> {
        self.sheets.iter_mut().map(|(.., follow)| follow).chain([&mut self.overview])
    }

    /// Keeps a delta until the next animation frame. The browser runs no frames while the page is hidden, so a full
    /// queue is painted at once.
    fn keep(&mut self, delta: &Delta) {
        let mut full = false;
        match &delta.topic {
            Topic::Board(Board::Overview(_)) => full = self.overview.receive(delta),
            Topic::Board(board) => {
                let name = board.to_string();
                for (.., follow) in self.sheets.iter_mut().filter(|(_, topic, _)| *topic == name) {
                    full |= follow.receive(delta);
                }
            }
            Topic::Collection(collection) => {
                for list in self.following.iter_mut().filter(|f| f.collection == *collection) {
                    full |= list.follow.receive(delta);
                }
            }
        }
        if full { self.paint() } else { self.ask_for_paint() }
    }

    /// Applies the deltas that came since the last paint.
    fn paint(&mut self) {
        let mut painted = false;
        self.paint_due = false;
        self.painted_at = now_ms();
        let clocks = self.clocks();
        let overview = self.overview.take_board();
        if !overview.is_empty() {
            painted = true;
            self.live.news.set_value(clocks.all_news(&self.overview, &overview));
            overview.into_iter().for_each(|delta| self.live.figures().apply(delta.changes));
        }
        for (sheet, _, follow) in &mut self.sheets {
            let deltas = follow.take_board();
            if !deltas.is_empty() {
                painted = true;
                self.live.news.set_value(clocks.all_news(follow, &deltas));
                deltas.into_iter().for_each(|delta| sheet.apply(delta.changes, key(delta.to)));
            }
        }
        for i in 0..self.following.len() {
            for delta in self.following[i].follow.take() {
                painted = true;
                if !self.apply(i, delta) {
                    break;
                }
            }
        }
        if painted {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a moment")]
            let waited = (now_ms() - self.paint_asked) as u32;
            self.paint_ms = Some(waited);
        }
    }

    fn clocks(&self) -> Clocks {
        let now = now_ms();
        Clocks { settled: now - self.subscribed_at > ANSWER_MS, seen: now - self.seen_since > RETURN_MS }
    }

    /// Applies one delta to list `i`. Returns whether the list can take the next one.
    fn apply(&mut self, i: usize, delta: Delta) -> bool {
        let FollowedList { store, ref follow, .. } = self.following[i];
        let news = self.clocks().all_news(follow, std::slice::from_ref(&delta));
        match store.apply(delta, news) {
            Ok(false) => return true,
            Ok(true) => {
                self.settle_doubt(i);
                return true;
            }
            Err(Broken::Gap) => {
                self.following[i].follow.wait();
                self.subscribe_waiting();
            }
            Err(Broken::Stale) => self.fetch(i, None, 0),
        }
        false
    }

    /// Requests new rows for list `i`, after a random pause of at most `retry_ms`, so that not all pages ask at the
    /// same moment.
    fn fetch(&mut self, i: usize, min_position: Option<Position>, retry_ms: u32) {
        let following = &mut self.following[i];
        if !following.follow.fetch() {
            return;
        }
        following.store.set_loading(true);
        later(
            &self.events,
            f64::from(retry_ms) * js_sys::Math::random(),
            WireEvent::Fetch(following.store, min_position),
        );
    }

    /// Requests new rows for a list that may lack some. Waits first, because whoever changes one document often
    /// changes many. Meanwhile the shown rows stay and follow.
    fn settle_doubt(&mut self, i: usize) {
        let FollowedList { store, doubt: (false, came), ref follow, .. } = self.following[i] else { return };
        if !follow.is_live() {
            return;
        }
        self.following[i].doubt.0 = true;
        let pause = (came + DOUBT_MS - now_ms()).max(0.0) + DOUBT_MS * js_sys::Math::random();
        later(&self.events, pause, WireEvent::Fetch(store, store.received()));
    }

    fn ask(&self, store: ListStore, min_position: Option<Position>) {
        let Some(of) = store.collection() else { return };
        let ask = PageRequest::List { of, selection: store.selection(), min_position, min_ct: store.ct().0 };
        let events = self.events.clone();
        leptos::task::spawn_local(async move {
            events.send(WireEvent::Fetched(store, load(ask).await));
        });
    }

    fn fetched(&mut self, store: ListStore, fetched: Result<PageData, AppError>) {
        let Some(i) = self.following.iter().position(|f| f.store.is(store)) else { return };
        let snapshot = fetched.and_then(|answer| {
            let snapshot = answer.read::<Snapshot>();
            self.outdated |= snapshot.is_err();
            snapshot
        });
        match snapshot {
            // Check the time here, because a server of another version may not know `min_ct` and send older rows.
            Ok(snapshot) if snapshot.ct >= store.ct() => {
                store.replace(snapshot);
                self.following[i].follow.wait();
                self.following[i].doubt = (false, now_ms());
                self.subscribe_waiting();
            }
            Err(AppError::SignIn) => sign_in(),
            failed => {
                self.following[i].follow.wait();
                let within_ms = match failed {
                    // It takes MongoDB too long, as it would again.
                    Err(AppError::Invalid(_)) => 60_000,
                    Err(AppError::TooMuch(_)) => 10_000,
                    _ => 2000,
                };
                self.fetch(i, None, within_ms);
            }
        }
    }

    fn lists_changed(&mut self) {
        let lists = self.live.lists.try_get_value().unwrap_or_default();
        let gone: Vec<Collection> =
            self.following.iter().filter(|f| !lists.iter().any(|l| l.is(f.store))).map(|f| f.collection).collect();
        self.following.retain(|f| lists.iter().any(|l| l.is(f.store)));
        let mut topics: Vec<String> = gone
            .into_iter()
            .filter(|c| !self.following.iter().any(|f| f.collection == *c))
            .map(|c| c.name().to_owned())
            .collect();
        let sheets = self.live.sheets.try_get_value().unwrap_or_default();
        self.sheets.retain(|(sheet, topic, _)| {
            let there = sheets.iter().any(|s| s.is(*sheet));
            if !there {
                topics.push(topic.clone());
            }
            there
        });
        for sheet in sheets {
            if !self.sheets.iter().any(|(s, ..)| s.is(sheet)) {
                self.sheets.push((sheet, sheet.topic(), sheet.follow()));
            }
        }
        if !topics.is_empty() {
            self.send(&ClientMessage::Unsubscribe { topics });
        }
        for store in lists {
            if let Some(collection) = store.collection().filter(|_| !self.following.iter().any(|f| f.store.is(store))) {
                let doubt = (false, now_ms() - DOUBT_MS);
                self.following.push(FollowedList { store, collection, follow: Follow::default(), doubt });
            }
        }
        self.subscribe_waiting();
    }

    fn subscribe_waiting(&mut self) {
        if !self.open {
            return;
        }
        for i in 0..self.following.len() {
            let FollowedList { store, collection, ref follow, .. } = self.following[i];
            let Some(received) = store.received().filter(|_| follow.is_waiting()) else { continue };
            let rid = self.subscribe(collection.name().to_owned(), Some(received));
            self.following[i].follow.ask(rid);
        }
        if self.overview.is_waiting() {
            let rid = self.subscribe(self.figures.clone(), self.overview.led());
            self.overview.ask(rid);
        }
        for i in 0..self.sheets.len() {
            if self.sheets[i].2.is_waiting() {
                let (_, topic, follow) = &self.sheets[i];
                let rid = self.subscribe(topic.clone(), follow.led());
                self.sheets[i].2.ask(rid);
            }
        }
    }

    /// Subscribes to the topic, from position `from` if one is known. Returns the request's id.
    fn subscribe(&mut self, topic: String, from: Option<Position>) -> u32 {
        self.next_rid += 1;
        let rid = self.next_rid;
        // Inserted, not collected, because collecting sorts, which adds code for this one type.
        let mut positions = Fields::new();
        if let Some(from) = from {
            positions.insert(topic.clone(), from.to_string().into());
        }
        self.send(&ClientMessage::Subscribe { rid, topics: vec![topic], positions });
        rid
    }

    fn send(&self, message: &ClientMessage) {
        if let (true, Some(socket), Ok(text)) = (self.open, &self.socket, serde_json::to_string(message)) {
            socket.send(&text);
        }
    }

    fn closed(&mut self, code: u16) {
        let was_open = self.open;
        self.paint();
        self.hang_up();
        match code {
            close::SIGN_IN | close::REVOKED => return sign_in(),
            close::PROTOCOL => self.outdated = true,
            _ => {}
        }
        if !was_open {
            // A refused handshake gives no reason, so ask with a request whether the session has ended.
            leptos::task::spawn_local(async {
                if load(PageRequest::Context).await == Err(AppError::SignIn) {
                    sign_in();
                }
            });
        }
        self.pause();
    }

    fn hang_up(&mut self) {
        self.socket = None;
        self.open = false;
        self.understood_since = f64::INFINITY;
        self.offline_since.get_or_insert(self.live.now.get_untracked());
        self.overview.hang_up();
        self.sheets.iter_mut().for_each(|(.., follow)| follow.hang_up());
        self.following.iter_mut().for_each(|following| following.follow.hang_up());
    }

    /// Schedules the next try with full jitter: a random pause between zero and a ceiling that doubles with each try,
    /// so that many pages reconnect one by one.
    fn pause(&mut self) {
        let ceiling = (500.0 * f64::from(1_u32 << self.tries.min(8))).min(PAUSE_MAX_MS);
        self.tries += 1;
        self.retry_at = now_ms() + ceiling * js_sys::Math::random();
        later(&self.events, self.retry_at - now_ms(), WireEvent::Retry);
    }

    fn ask_for_paint(&mut self) {
        if !self.paint_due {
            self.paint_due = true;
            self.paint_asked = now_ms();
            paint_after(&self.events, self.painted_at + PAINTS_MS - now_ms());
        }
    }
}
