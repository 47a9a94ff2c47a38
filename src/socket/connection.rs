//! One connection: a cursor per topic, no queue. A socket that is free gets what is there at once; what arrives while it
//! is busy is its next frame by itself.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use crate::{
    auth::CurrentAdmin,
    http::app::App,
    hub::{Filled, Form, Since},
    model::{
        board::Board,
        frame::{Bye, ClientMessage, Delta, Frame, PROTOCOL, Ping, Refusal, Reset, Subscribed, Welcome, close},
        ids::{Collection, Topic},
        position::Position,
    },
    telemetry::metrics::{Hop, metrics},
};

/// How often a client is told how fresh its screen is.
const PING: Duration = Duration::from_secs(5);
/// How often rights are looked at again, whatever a revocation's message does.
const RIGHTS: Duration = Duration::from_secs(10);
/// A client from which nothing came for so long is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// A write that takes longer means that the client does not read.
const WRITE: Duration = Duration::from_secs(15);
/// Messages a second from a client.
const RATE: usize = 20;
const TOPICS_MAX: usize = 64;
/// Pages that must fetch new rows spread over so long.
const SPREAD_MS: u32 = 500;

pub struct Connection {
    app: App,
    admin: CurrentAdmin,
    form: Form,
    cursors: HashMap<Collection, Position>,
    boards: BTreeMap<Board, Option<Arc<Filled>>>,
    hidden: bool,
    heard: Instant,
    inbound: VecDeque<Instant>,
    pings: u32,
    /// How many changes the hub had taken when this socket was last flushed.
    changes: u64,
    /// When the last of them went.
    pinged: std::time::Instant,
}

/// Why a connection ends.
enum End {
    /// The client went.
    Gone,
    /// We close it with this code.
    Close(u16),
}

type Step = Result<(), End>;

impl Connection {
    pub fn new(app: App, admin: CurrentAdmin, form: Form) -> Self {
        Self {
            app,
            admin,
            form,
            cursors: HashMap::new(),
            boards: BTreeMap::new(),
            hidden: false,
            heard: Instant::now(),
            inbound: VecDeque::new(),
            pings: 0,
            changes: 0,
            pinged: std::time::Instant::now(),
        }
    }

    /// Serves the socket to its end.
    pub async fn run(mut self, mut socket: WebSocket) {
        if let Err(End::Close(code)) = self.serve(&mut socket).await {
            metrics().slow.inc_by(u64::from(code == close::SLOW));
            let reason = Utf8Bytes::default();
            let closing = socket.send(Message::Close(Some(CloseFrame { code, reason })));
            // A client that does not read cannot be told either.
            drop(timeout(Duration::from_secs(1), closing).await);
        }
    }

    async fn serve(&mut self, socket: &mut WebSocket) -> Step {
        let watch = self.app.doors.revocations.watch(self.admin.session.clone(), self.admin.user);
        // From here on a revocation is heard; one between the handshake and here is seen by asking again.
        self.check_rights().await?;
        let mut changes = self.app.hub.changes();
        let (mut ping, mut rights) = (every(PING), every(RIGHTS));
        self.send(socket, self.form.encode(&Frame::Welcome(Welcome { protocol: PROTOCOL }))).await?;
        loop {
            tokio::select! {
                biased;
                () = watch.revoked() => return Err(End::Close(close::REVOKED)),
                () = self.app.closing.cancelled() => return self.farewell(socket).await,
                _ = rights.tick() => self.check_rights().await?,
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.received(socket, message).await?,
                    Some(Err(_)) | None => return Err(End::Gone),
                },
                _ = ping.tick() => self.ping(socket).await?,
                changed = changes.changed() => {
                    if changed.is_err() {
                        return Err(End::Close(close::DEPLOY));
                    }
                    // A hidden page paints nothing; on return one catch-up is due.
                    if !self.hidden {
                        self.flush(socket, true).await?;
                    }
                }
            }
        }
    }

    async fn check_rights(&self) -> Step {
        match self.app.doors.still_valid(&self.admin).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(End::Close(close::REVOKED)),
            Err(error) => {
                tracing::warn!(%error, "a socket is closed because its rights cannot be checked");
                Err(End::Close(close::DEPLOY))
            }
        }
    }

    async fn farewell(&self, socket: &mut WebSocket) -> Step {
        let retry_ms = rand::random_range(0..5000);
        self.send(socket, self.form.encode(&Frame::Bye(Bye { code: close::DEPLOY, retry_ms }))).await?;
        Err(End::Close(close::DEPLOY))
    }

    async fn received(&mut self, socket: &mut WebSocket, message: Message) -> Step {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => return Err(End::Close(close::POLICY)),
        };
        self.inbound.retain(|at| at.elapsed() < Duration::from_secs(1));
        self.inbound.push_back(self.heard);
        if self.inbound.len() > RATE {
            return Err(End::Close(close::POLICY));
        }
        let Ok(message) = serde_json::from_str::<ClientMessage>(&text) else {
            return self.refuse(socket, 0, "bad_message", "This is no message of the protocol.").await;
        };
        match message {
            ClientMessage::Subscribe { rid, topics, positions } => {
                self.subscribe(socket, rid, topics, &positions).await
            }
            ClientMessage::Unsubscribe { topics } => {
                for topic in topics.iter().filter_map(|name| name.parse().ok()) {
                    match topic {
                        Topic::Collection(collection) => drop(self.cursors.remove(&collection)),
                        Topic::Board(board) => drop(self.boards.remove(&board)),
                    }
                }
                Ok(())
            }
            ClientMessage::Visibility { hidden } => {
                self.hidden = hidden;
                if hidden { Ok(()) } else { self.flush(socket, false).await }
            }
            ClientMessage::Pong { n, paint_ms } => {
                if let Some(paint_ms) = paint_ms.filter(|_| n == self.pings) {
                    metrics().painted(self.pinged, paint_ms);
                }
                Ok(())
            }
        }
    }

    async fn subscribe(
        &mut self,
        socket: &mut WebSocket,
        rid: u32,
        topics: Vec<String>,
        positions: &BTreeMap<String, String>,
    ) -> Step {
        let head = self.app.hub.head().unwrap_or_default();
        for name in topics {
            if self.cursors.len() + self.boards.len() >= TOPICS_MAX {
                return self.refuse(socket, rid, "too_many_topics", "Unsubscribe from a topic first.").await;
            }
            let Ok(topic) = name.parse::<Topic>() else {
                self.refuse(socket, rid, "unknown_topic", &format!("No topic is called “{name}”.")).await?;
                continue;
            };
            match &topic {
                Topic::Collection(collection) => {
                    let cursor = match positions.get(&name).map(|text| text.parse()) {
                        None => head,
                        Some(Ok(position)) => position,
                        Some(Err(_)) => {
                            self.refuse(socket, rid, "bad_position", "Give a position back as it was given.").await?;
                            continue;
                        }
                    };
                    self.cursors.insert(*collection, cursor);
                }
                Topic::Board(Board::Overview(zone)) if jiff::tz::TimeZone::get(zone).is_err() => {
                    self.refuse(socket, rid, "unknown_topic", "No such time zone.").await?;
                    continue;
                }
                Topic::Board(board) => drop(self.boards.insert(board.clone(), None)),
            }
            self.send(socket, self.form.encode(&Frame::Subscribed(Subscribed { rid, topic, head }))).await?;
        }
        self.flush(socket, false).await
    }

    async fn refuse(&self, socket: &mut WebSocket, rid: u32, code: &str, message: &str) -> Step {
        let frame = Frame::Error(Refusal { rid, code: code.to_owned(), message: message.to_owned() });
        self.send(socket, self.form.encode(&frame)).await
    }

    /// Leads every topic to the head; `live`: because something happened, not because the client asked.
    async fn flush(&mut self, socket: &mut WebSocket, live: bool) -> Step {
        let (changes, newest, mut sent) = (metrics().changes.get(), metrics().newest(), false);
        let measured = live && changes != std::mem::replace(&mut self.changes, changes);
        for collection in Collection::ALL {
            let Some(cursor) = self.cursors.get(&collection).copied() else { continue };
            match self.app.hub.since(collection, cursor) {
                Since::Current => {}
                Since::Frames(shared) => {
                    for frame in shared.encoded(self.form) {
                        self.send(socket, frame.clone()).await?;
                    }
                    sent = true;
                    self.cursors.insert(collection, shared.to);
                }
                Since::Reset { min_position, reason } => {
                    metrics().resync(collection, reason);
                    self.cursors.remove(&collection);
                    let topic = Topic::Collection(collection);
                    let reset =
                        Frame::Reset(Reset { topic, min_position, reason: reason.to_owned(), retry_ms: SPREAD_MS });
                    self.send(socket, self.form.encode(&reset)).await?;
                }
            }
        }
        let looked_at: Vec<Board> = self.boards.keys().cloned().collect();
        for board in looked_at {
            let Some(filled) = self.app.hub.board(&board) else { continue };
            let before = self.boards.get(&board).and_then(Option::as_ref);
            if before.is_some_and(|before| Arc::ptr_eq(before, &filled)) {
                continue;
            }
            let frame = filled.frame(before, self.form);
            self.send(socket, frame).await?;
            sent = true;
            self.boards.insert(board, Some(filled));
        }
        if measured && sent {
            metrics().reached(Hop::Socket, newest);
        }
        Ok(())
    }

    async fn ping(&mut self, socket: &mut WebSocket) -> Step {
        if self.heard.elapsed() > SILENCE {
            return Err(End::Close(close::SLOW));
        }
        self.progress(socket).await?;
        let freshness = self.app.hub.freshness();
        let ms = |d: Duration| u32::try_from(d.as_millis()).unwrap_or(u32::MAX);
        self.pings += 1;
        self.pinged = std::time::Instant::now();
        let ping = Frame::Ping(Ping {
            n: self.pings,
            lag_ms: ms(freshness.lag),
            checked_ms: freshness.checked.map_or(u32::MAX, ms),
        });
        self.send(socket, self.form.encode(&ping)).await
    }

    /// Moves the cursors of quiet topics, so that they do not fall behind what the log still holds.
    async fn progress(&mut self, socket: &mut WebSocket) -> Step {
        let Some(head) = self.app.hub.head().filter(|_| !self.hidden) else { return Ok(()) };
        for collection in Collection::ALL {
            let Some(cursor) = self.cursors.get(&collection).copied() else { continue };
            if cursor.epoch != head.epoch
                || cursor >= head
                || !matches!(self.app.hub.since(collection, cursor), Since::Current)
            {
                continue;
            }
            let (topic, ct) = (Topic::Collection(collection), self.app.hub.head_ct());
            let delta = Delta { topic, from: cursor, to: head, ct, changes: Vec::new(), more: false };
            self.send(socket, self.form.encode(&Frame::Delta(delta))).await?;
            self.cursors.insert(collection, head);
        }
        Ok(())
    }

    async fn send(&self, socket: &mut WebSocket, text: Utf8Bytes) -> Step {
        metrics().sent(text.len());
        match timeout(WRITE, socket.send(Message::Text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Close(close::SLOW)),
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
