//! A client as `docs/live.md` describes it, with the browser's own window and reconnect pauses.
//!
//! Long, because a client's session, socket and lists are one life.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use chargedeck::domain::{
    board::Board,
    collections::Collection,
    fields::Fields,
    ids::DocId,
    protocol::{
        change::{Op, patch},
        follow::Follow,
        frame::{ClientMessage, Delta, Frame, Ping, Reset, Subscribed, close},
        position::{ClusterTime, Position},
        snapshot::Snapshot,
        topic::Topic,
        window::{Broken, Window},
    },
    time::UtcMs,
};
use futures_util::{FutureExt, SinkExt, StreamExt};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    cluster::{EMAIL, PASSWORD},
    http,
    referee::{Referee, Sample},
    support::documents::CANARY,
};

/// A server that is alive sends something at least this often.
const SILENCE: Duration = Duration::from_secs(12);
/// Longest pause before a reconnect.
const PAUSE_MAX_MS: f64 = 10_000.0;
/// The share of applied deltas after which the list is compared with MongoDB's past.
const SAMPLED: f64 = 0.01;

/// One admin's session, which all clients share.
pub struct Account {
    email: &'static str,
    ports: Vec<u16>,
    cookie: tokio::sync::Mutex<String>,
}

impl Account {
    pub fn new(ports: Vec<u16>) -> Self {
        Self::of(EMAIL, ports)
    }

    pub fn of(email: &'static str, ports: Vec<u16>) -> Self {
        Self { email, ports, cookie: tokio::sync::Mutex::default() }
    }

    /// Returns the session's cookie. Signs in if there is none, or if it is the `refused` one.
    ///
    /// # Errors
    /// If no instance lets us in.
    pub async fn cookie(&self, refused: Option<&str>) -> Result<String> {
        let mut cookie = self.cookie.lock().await;
        if cookie.is_empty() || refused == Some(cookie.as_str()) {
            let port = *self.ports.choose(&mut rand::rng()).context("no instance")?;
            let body = serde_json::json!({ "email": self.email, "password": PASSWORD }).to_string();
            let answer = http::post(port, "/api/v1/session", &body).await?;
            let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
            let set = set.and_then(|set| set.split(';').next()).with_context(|| answer.body.clone())?;
            set.clone_into(&mut cookie);
        }
        Ok(cookie.clone())
    }
}

/// The state of a client's screen.
#[derive(Default)]
pub struct Screen {
    pub lists: BTreeMap<Collection, List>,
    pub overview: Fields,
}

#[derive(Default)]
pub struct List {
    pub window: Option<Window>,
    /// Cluster time up to which all changes are applied.
    ct: ClusterTime,
    follow: Follow,
    /// If new rows must be requested: the position that they must not be older than, and the milliseconds within
    /// which to ask.
    due: Option<(Option<Position>, u32)>,
    /// The counters of the documents shown since the rows were last replaced.
    seen: HashMap<DocId, i64>,
}

impl List {
    fn fetch(&mut self, min_position: Option<Position>, within_ms: u32) {
        self.follow.fetch();
        self.due = Some((min_position, within_ms));
    }

    pub fn shown(&self) -> Vec<(DocId, Fields)> {
        self.window.as_ref().map(shown).unwrap_or_default()
    }
}

fn shown(window: &Window) -> Vec<(DocId, Fields)> {
    window.shown().filter_map(|id| Some((id.clone(), window.row(id)?.clone()))).collect()
}

/// A running client.
pub struct Client {
    pub screen: Arc<Mutex<Screen>>,
    _running: AbortOnDropHandle<()>,
}

impl Client {
    pub fn start(name: String, seed: u64, account: Arc<Account>, referee: Arc<Referee>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let topics: Vec<Collection> = Collection::ALL.sample(&mut rng, 2).copied().collect();
        let fetching = || {
            let mut list = List::default();
            list.fetch(None, 500);
            list
        };
        let lists = topics.into_iter().map(|topic| (topic, fetching())).collect();
        let screen = Arc::new(Mutex::new(Screen { lists, overview: Fields::new() }));
        let life = Life {
            name,
            account,
            referee,
            rng,
            screen: screen.clone(),
            rid: 0,
            tries: 0,
            refused: None,
            waited: Instant::now(),
            lay: Duration::ZERO,
        };
        Self { screen, _running: AbortOnDropHandle::new(tokio::spawn(life.run())) }
    }

    pub fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Life {
    name: String,
    account: Arc<Account>,
    referee: Arc<Referee>,
    rng: ChaCha8Rng,
    screen: Arc<Mutex<Screen>>,
    rid: u32,
    /// Attempts since the last welcome.
    tries: u32,
    /// The cookie that was refused.
    refused: Option<String>,
    /// When the client last had to wait for a message, so that none lay unread before it.
    waited: Instant,
    /// How long the last message may have lain unread, for example while rows were fetched.
    lay: Duration,
}

impl Life {
    async fn run(mut self) {
        loop {
            // The reason is ignored, because only what is shown counts.
            drop(self.connection().await);
            self.screen().lists.values_mut().for_each(|list| list.follow.hang_up());
            let ceiling = (500.0 * f64::from(1_u32 << self.tries.min(8))).min(PAUSE_MAX_MS);
            self.tries += 1;
            let pause = Duration::from_secs_f64(ceiling * self.rng.random::<f64>() / 1000.0);
            tokio::time::sleep(pause).await;
        }
    }

    async fn connection(&mut self) -> Result<()> {
        let cookie = self.account.cookie(self.refused.take().as_deref()).await?;
        let port = *self.account.ports.choose(&mut self.rng).context("no instance")?;
        self.waited = Instant::now();
        let mut socket = match timeout(SILENCE, connect_async(http::handshake(port, &cookie)?)).await? {
            Ok((socket, _)) => socket,
            Err(Error::Http(answer)) if answer.status() == 401 => {
                self.refused = Some(cookie);
                bail!("signed out");
            }
            Err(error) => return Err(error.into()),
        };
        let overview = Board::Overview("Europe/London".to_owned()).to_string();
        self.subscribe(&mut socket, overview, None).await?;
        loop {
            self.fetch(port, &cookie).await?;
            self.subscribe_waiting(&mut socket).await?;
            let message = if let Some(message) = socket.next().now_or_never() {
                self.lay = self.waited.elapsed();
                message
            } else {
                let message = timeout(SILENCE, socket.next()).await?;
                (self.waited, self.lay) = (Instant::now(), Duration::ZERO);
                message
            };
            match message.context("the socket ended")?? {
                Message::Text(text) => {
                    self.look_for_canaries(&text);
                    if let ControlFlow::Break(answer) = self.received(Frame::read(&text)?) {
                        send(&mut socket, &answer).await?;
                    }
                }
                Message::Close(frame) => {
                    let code = frame.map(|frame| u16::from(frame.code));
                    if matches!(code, Some(close::SIGN_IN | close::REVOKED)) {
                        self.refused = Some(cookie);
                    }
                    bail!("closed: {code:?}");
                }
                _ => {}
            }
        }
    }

    /// Requests new rows for the lists that need them. Meanwhile frames wait.
    async fn fetch(&mut self, port: u16, cookie: &str) -> Result<()> {
        loop {
            let due = self.screen().lists.iter().find_map(|(topic, list)| {
                let (min_position, within_ms) = list.due?;
                Some((*topic, min_position, within_ms))
            });
            let Some((topic, min_position, within_ms)) = due else { return Ok(()) };
            tokio::time::sleep(Duration::from_millis(u64::from(self.rng.random_range(0..=within_ms)))).await;
            let query = min_position.map(|at| format!("?min_position={at}")).unwrap_or_default();
            let answer = http::get(port, &format!("/api/v1/snapshot/{topic}{query}"), cookie).await?;
            if answer.status == 401 {
                self.refused = Some(cookie.to_owned());
                bail!("signed out");
            }
            // The epoch that the reset named has ended by now, so ask without a position.
            if answer.status == 409 {
                if let Some(list) = self.screen().lists.get_mut(&topic) {
                    list.due = Some((None, within_ms));
                }
                continue;
            }
            if answer.status != 200 {
                bail!("no rows: {}", answer.status);
            }
            self.look_for_canaries(&answer.body);
            let snapshot: Snapshot = serde_json::from_str(&answer.body)?;
            let seen = snapshot.rows.iter().filter_map(|row| Some((row.id.clone(), counter(&row.fields)?))).collect();
            let ct = snapshot.ct;
            let list = List { window: Some(snapshot.into()), ct, seen, ..List::default() };
            self.screen().lists.insert(topic, list);
        }
    }

    async fn subscribe_waiting(&mut self, socket: &mut Socket) -> Result<()> {
        let waiting: Vec<(Collection, Position)> = {
            let screen = self.screen();
            let waiting = screen.lists.iter().filter(|(_, list)| list.follow.is_waiting());
            waiting.filter_map(|(topic, list)| Some((*topic, list.window.as_ref()?.received()))).collect()
        };
        for (topic, received) in waiting {
            let rid = self.subscribe(socket, topic.name().to_owned(), Some(received)).await?;
            if let Some(list) = self.screen().lists.get_mut(&topic) {
                list.follow.ask(rid);
            }
        }
        Ok(())
    }

    async fn subscribe(&mut self, socket: &mut Socket, topic: String, from: Option<Position>) -> Result<u32> {
        self.rid += 1;
        let positions = from.map(|at| (topic.clone(), at.to_string().into())).into_iter().collect();
        send(socket, &ClientMessage::Subscribe { rid: self.rid, topics: vec![topic], positions }).await?;
        Ok(self.rid)
    }

    /// Reports a violation if the text holds a canary, that is, a field that must not be sent.
    fn look_for_canaries(&self, text: &str) {
        if text.contains(CANARY) {
            self.referee.broken(format!("{} was told what nobody reads", self.name));
        }
    }

    /// Handles a frame. Breaks with the message that must be sent as an answer.
    fn received(&mut self, frame: Frame) -> ControlFlow<ClientMessage> {
        match frame {
            Frame::Welcome(_) => self.tries = 0,
            Frame::Subscribed(Subscribed { rid, topic: Topic::Collection(topic), head }) => {
                if let Some(list) = self.screen().lists.get_mut(&topic) {
                    list.follow.confirm(rid, head);
                }
            }
            Frame::Delta(delta) => match &delta.topic {
                Topic::Collection(topic) => self.apply(*topic, &delta),
                Topic::Board(_) => {
                    let mut screen = self.screen();
                    for change in delta.changes {
                        match change.op {
                            Op::Put(all) => screen.overview = all,
                            Op::Patch(set, unset) => patch(&mut screen.overview, set, &unset),
                            Op::Delete => {}
                        }
                    }
                }
            },
            Frame::Reset(Reset { topic: Topic::Collection(topic), min_position, reason, retry_ms }) => {
                self.referee.resync(&format!("reset: {reason}"));
                if let Some(list) = self.screen().lists.get_mut(&topic) {
                    list.fetch(Some(min_position), retry_ms);
                }
            }
            Frame::Ping(Ping { n, lag_ms, checked_ms }) => {
                for (topic, list) in &self.screen().lists {
                    if list.follow.is_live() {
                        let who = format!("{} ({topic})", self.name);
                        self.referee.says_fresh(&who, list.ct, (lag_ms, checked_ms), self.lay);
                    }
                }
                return ControlFlow::Break(ClientMessage::Pong { n, paint_ms: None });
            }
            Frame::Error(refusal) => self.referee.broken(format!("{}: {refusal:?}", self.name)),
            Frame::Subscribed(_) | Frame::Reset(_) | Frame::Unfollowed(_) | Frame::Bye(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn apply(&mut self, topic: Collection, delta: &Delta) {
        let sampled = self.rng.random_bool(SAMPLED);
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(list) = screen.lists.get_mut(&topic) else { return };
        let Some(window) = &mut list.window else { return };
        list.follow.receive(delta);
        for delta in list.follow.take() {
            let (to, ct) = (delta.to, delta.ct);
            match window.apply(delta) {
                Ok(applied) => {
                    for id in applied.changed {
                        let Some(now) = window.row(&id).and_then(counter) else { continue };
                        let before = list.seen.insert(id.clone(), now);
                        if before.is_some_and(|before| now < before) {
                            self.referee
                                .broken(format!("{}: {topic} {id} went back: {before:?}, {now} at {to}", self.name));
                        }
                    }
                    list.ct = list.ct.max(ct);
                    if sampled {
                        let shown = shown(window);
                        self.referee.sample(|| Sample { collection: topic, position: to, ct: list.ct, shown });
                    }
                }
                Err(Broken::Gap) => {
                    self.referee.resync("gap");
                    list.follow.wait();
                    break;
                }
                Err(Broken::Stale) => {
                    self.referee.resync("few rows left");
                    list.fetch(None, 0);
                    break;
                }
            }
        }
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # Errors
/// If the socket has ended, or accepts nothing in time.
pub async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    message: &ClientMessage,
) -> Result<()> {
    Ok(timeout(SILENCE, socket.send(Message::text(serde_json::to_string(message)?))).await??)
}

/// The counter that writers keep in each document.
fn counter(row: &Fields) -> Option<i64> {
    row.get("last_updated")?.as_str().and_then(UtcMs::parse).map(|at| at.0)
}
