//! One connection: reads the client's messages, checks its rights, and resumes writing when the kernel has room.
//!
//! Long, because one task owns the connection: whatever reads, writes or ends it is a step of its loop.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use tokio::{
    net::TcpStream,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame},
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    following::{Following, TOPICS_MAX},
    line::{SocketReader, SocketWriter},
    rounds::Sockets,
};
use crate::{
    domain::{
        board::Board,
        fields::Fields,
        protocol::{
            frame::{
                Bye, ClientMessage, Frame, PROTOCOL, Ping, Refusal, Subscribed, TOO_MANY_BOARDS, UNHEARD_MS,
                Unfollowed, Welcome, close,
            },
            position::Position,
            topic::Topic,
        },
    },
    server::{
        auth::{AuthService, CurrentAdmin, revocation::Ended},
        hub::{Form, Hub, wire},
        pace::Turn,
        telemetry::metrics::metrics,
    },
};

/// How often a client receives how fresh its screen is.
const PING: Duration = Duration::from_secs(5);
/// How often rights are checked again, whatever becomes of a revocation's message.
const RIGHTS: Duration = Duration::from_secs(10);
/// A client that has sent nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a client may take to receive the reason why the connection ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Longest message that a client may send.
const INBOUND_MAX: usize = 16 << 10;
/// The code of a refusal because of too many topics. Only the client can change that, by leaving some.
const TOO_MANY: &str = "too_many_topics";
/// The library's read buffer for each socket; its default of 128 KiB is made for large messages.
const READ_BUFFER: usize = 1 << 10;

/// What all sockets of this instance share.
pub struct Context {
    pub auth: AuthService,
    pub hub: Hub,
    pub sockets: Sockets,
    /// Cancelled when the process begins to stop.
    pub closing: CancellationToken,
}

pub struct Connection {
    context: Arc<Context>,
    admin: CurrentAdmin,
    line: Arc<SocketWriter>,
    heard: Instant,
    pings: u32,
    /// When the last ping was sent.
    pinged: std::time::Instant,
    /// A ping is due as soon as nothing waits before it.
    ping_due: bool,
}

/// Why a connection ends.
enum End {
    /// The client left.
    Gone,
    /// We close it with this code.
    Close(u16),
}

type SocketStep = Result<(), End>;

/// What a client asks that leads it to the head from wherever it was. An old position takes two megabytes of rows, and a
/// board all its values. So it is done in the account's turn, and a flood waits for itself.
struct WaitingLead {
    asked: ClientMessage,
    turn: BoxFuture<'static, Turn>,
}

impl Connection {
    /// Serves the socket to its end; `read` is what arrived with the handshake.
    pub async fn serve(context: Arc<Context>, admin: CurrentAdmin, form: Form, io: TcpStream, read: Bytes) {
        let line = Arc::new(SocketWriter::new(io, form));
        let config = WebSocketConfig::default()
            .max_message_size(Some(INBOUND_MAX))
            .max_frame_size(Some(INBOUND_MAX))
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0);
        let mut reader = SocketReader::new(line.clone());
        let early = read.to_vec();
        reader.count(&early);
        // The buffer behind `read` is larger than all that a socket needs.
        drop(read);
        let mut reader = WebSocketStream::from_partially_read(reader, early, Role::Server, Some(config)).await;
        let mut connection = Self {
            context,
            admin,
            line,
            heard: Instant::now(),
            pings: 0,
            pinged: std::time::Instant::now(),
            ping_due: false,
        };
        if let Err(End::Close(code)) = connection.listen(&mut reader).await {
            metrics().slow.inc_by(u64::from(code == close::SLOW));
            connection.line.end(&closing(code));
            let heard = async { while connection.line.drained().await {} };
            let answered = async {
                while let Some(Ok(_)) = reader.next().await {}
                connection.line.discard().await;
            };
            // A client that does not read cannot receive the reason either.
            drop(
                timeout(FAREWELL, async {
                    tokio::select! { () = heard => {} () = answered => {} }
                })
                .await,
            );
        }
    }

    async fn listen(&mut self, reader: &mut WebSocketStream<SocketReader>) -> SocketStep {
        let watch = self.context.auth.revocations.watch(self.admin.session.clone(), self.admin.user);
        // From here on a revocation is received. One between the handshake and here is found by asking again.
        self.check_rights().await?;
        self.send(&Frame::Welcome(Welcome { protocol: PROTOCOL }));
        let mut unfollowed = self.context.hub.unfollowed_changes();
        if !unfollowed.borrow_and_update().0.is_empty() {
            self.tell_unfollowed();
        }
        let _joined = self.context.sockets.join(self.line.clone());
        let (mut ping, mut rights) = (every(PING), every(RIGHTS));
        // They were checked a moment ago.
        rights.reset();
        let line = self.line.clone();
        let mut waiting: Option<WaitingLead> = None;
        loop {
            tokio::select! {
                biased;
                ended = watch.revoked() => return Err(End::Close(match ended {
                    Ended::Revoked => close::REVOKED,
                    Ended::Renewed => close::RENEWED,
                })),
                () = self.context.closing.cancelled() => return Err(self.farewell()),
                _ = rights.tick() => self.check_rights().await?,
                Some((asked, turn)) = turn_for(&mut waiting), if waiting.is_some() => {
                    self.lead(asked);
                    drop(turn);
                }
                // A client that does not read is not read from either, so at most the answers to one message wait. The
                // next message waits for what was asked before.
                message = reader.next(), if !line.is_waiting() && waiting.is_none() => match message {
                    Some(Ok(message)) => waiting = self.received(message)?,
                    Some(Err(Error::Capacity(_))) => return Err(End::Close(close::POLICY)),
                    Some(Err(_)) if reader.get_ref().is_too_fast() => return Err(End::Close(close::POLICY)),
                    Some(Err(_)) | None => return Err(End::Gone),
                },
                Ok(()) = unfollowed.changed() => self.tell_unfollowed(),
                _ = ping.tick() => {
                    // A client that accepts what it is sent is there, however slow; see `SocketWriter::drained`.
                    if self.heard.elapsed() > SILENCE && !line.is_waiting() {
                        return Err(End::Close(close::SLOW));
                    }
                    self.ping();
                }
                drained = line.drained() => {
                    if !drained {
                        return Err(End::Close(close::SLOW));
                    }
                    if self.ping_due {
                        self.ping();
                    }
                    line.advance(&self.context.hub);
                }
            }
        }
    }

    async fn check_rights(&self) -> SocketStep {
        match self.context.auth.still_valid(&self.admin).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(End::Close(close::REVOKED)),
            Err(error) => {
                tracing::warn!(%error, "a socket is closed because its rights cannot be checked");
                Err(End::Close(close::DEPLOY))
            }
        }
    }

    fn farewell(&self) -> End {
        let retry_ms = rand::random_range(0..5000);
        self.send(&Frame::Bye(Bye { code: close::DEPLOY, retry_ms }));
        End::Close(close::DEPLOY)
    }

    /// Takes a client's message. Returns what waits for the account's turn.
    fn received(&mut self, message: Message) -> Result<Option<WaitingLead>, End> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Binary(_) | Message::Frame(_) => return Err(End::Close(close::POLICY)),
        };
        let Ok(message) = serde_json::from_str::<ClientMessage>(&text) else {
            self.refuse(0, "bad_message", "This is no message of the protocol.");
            return Ok(None);
        };
        match message {
            asked @ (ClientMessage::Subscribe { .. } | ClientMessage::Visibility { hidden: false }) => {
                let (turns, user) = (self.context.sockets.turns.clone(), self.admin.user);
                return Ok(Some(WaitingLead { asked, turn: async move { turns.of(user).await }.boxed() }));
            }
            ClientMessage::Unsubscribe { topics } => {
                let out = &mut *self.line.lock();
                topics.iter().filter_map(|name| name.parse().ok()).for_each(|topic| out.following.leave(&topic));
            }
            ClientMessage::Visibility { hidden } => self.line.lock().following.hide(hidden),
            ClientMessage::Pong { n, paint_ms } => {
                if let Some(paint_ms) = paint_ms.filter(|_| n == self.pings) {
                    metrics().painted(self.pinged, paint_ms);
                }
            }
        }
        Ok(None)
    }

    /// Does what waited for the account's turn, and leads the client to the head.
    fn lead(&self, asked: ClientMessage) {
        match asked {
            ClientMessage::Subscribe { rid, topics, positions } => self.subscribe(rid, topics, &positions),
            ClientMessage::Visibility { hidden } => self.line.lock().following.hide(hidden),
            ClientMessage::Unsubscribe { .. } | ClientMessage::Pong { .. } => {}
        }
        self.line.advance(&self.context.hub);
    }

    fn subscribe(&self, rid: u32, topics: Vec<String>, positions: &Fields) {
        if topics.len() > TOPICS_MAX {
            return self.refuse(rid, TOO_MANY, "Name fewer topics at a time.");
        }
        let head = self.context.hub.head().unwrap_or_default();
        {
            let out = &mut *self.line.lock();
            let mut answers = Vec::new();
            for name in topics {
                let followed = self.follow(&mut out.following, &name, positions, head);
                let is_last = matches!(&followed, Err((TOO_MANY, _)));
                let answer = match followed {
                    Ok(topic) => Frame::Subscribed(Subscribed { rid, topic, head }),
                    Err((code, message)) => Frame::Error(Refusal { rid, code: code.to_owned(), message }),
                };
                answers.extend_from_slice(&self.encode(&answer));
                if is_last {
                    break;
                }
            }
            // Sent before the topics' frames, which the client ignores until then. One write for all, because each is a
            // system call, and a client that is refused may ask again and again.
            self.line.write(out, &answers.into());
        }
    }

    /// Follows a topic. Returns why that is refused as a code and a sentence. It costs nothing of the account's budget,
    /// because it is done in the account's turn and [`LookedAt`](super::looked_at::LookedAt) bounds boards.
    fn follow(
        &self,
        following: &mut Following,
        name: &str,
        positions: &Fields,
        head: Position,
    ) -> Result<Topic, (&'static str, String)> {
        if following.is_full() {
            return Err((TOO_MANY, "Unsubscribe from a topic first.".to_owned()));
        }
        let topic: Topic = name.parse().map_err(|_| ("unknown_topic", format!("No topic is called “{name}”.")))?;
        let seen = positions.get(name).map(|text| text.as_str().unwrap_or_default().parse::<Position>());
        let seen =
            seen.transpose().map_err(|_| ("bad_position", "Give a position back as it was given.".to_owned()))?;
        match &topic {
            Topic::Board(Board::Overview(zone)) if jiff::tz::TimeZone::get(zone).is_err() => {
                return Err(("unknown_topic", "No such time zone.".to_owned()));
            }
            Topic::Board(board) => {
                const WHY: &str = "This account looks at too many boards. Close a page first.";
                let look = self.context.sockets.boards.look(self.admin.user, board);
                following.look_at(look.ok_or_else(|| (TOO_MANY_BOARDS, WHY.to_owned()))?, seen);
            }
            Topic::Collection(collection) => following.follow(*collection, seen.unwrap_or(head)),
        }
        Ok(topic)
    }

    fn refuse(&self, rid: u32, code: &str, message: &str) {
        self.send(&Frame::Error(Refusal { rid, code: code.to_owned(), message: message.to_owned() }));
    }

    /// Informs the client at once that a screen is no longer live, or can be live again.
    fn tell_unfollowed(&mut self) {
        self.send(&Frame::Unfollowed(Unfollowed { topics: self.context.hub.unfollowed() }));
        self.ping();
    }

    /// Sends how fresh the screen is. The freshness is read before the screen is led to the head, so that the screen
    /// is never less fresh than stated.
    fn ping(&mut self) {
        let freshness = self.context.hub.freshness();
        let ms = |d: Duration| u32::try_from(d.as_millis()).unwrap_or(u32::MAX);
        let n = self.pings.wrapping_add(1);
        let behind = self.line.lock().following.is_behind(&self.context.hub);
        let checked_ms = freshness.checked.map_or(UNHEARD_MS, |checked| ms(checked.max(behind)));
        let ping = self.encode(&Frame::Ping(Ping { n, lag_ms: ms(freshness.lag), checked_ms }));
        self.ping_due = !self.line.send_at_head(&self.context.hub, &ping);
        if !self.ping_due {
            self.pings = n;
            self.pinged = std::time::Instant::now();
        }
    }

    fn send(&self, frame: &Frame) {
        self.line.write(&mut self.line.lock(), &self.encode(frame));
    }

    fn encode(&self, frame: &Frame) -> Bytes {
        self.line.form().encode(frame)
    }
}

/// Waits for the turn at what a client asked. May be dropped at any time.
async fn turn_for(waiting: &mut Option<WaitingLead>) -> Option<(ClientMessage, Turn)> {
    let turn = waiting.as_mut()?.turn.as_mut().await;
    waiting.take().map(|waited| (waited.asked, turn))
}

/// The close frame with this code.
pub fn closing(code: u16) -> Bytes {
    wire(frame::Frame::close(Some(CloseFrame { code: code.into(), reason: "".into() })))
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;
    use crate::server::{
        auth::{session::SessionLimits, user::UserRole},
        config::Settings,
        redis::{connection::Redis, sessions::SessionHash},
    };

    /// A connection of an account of an installation whose databases are away, and its client.
    async fn connection() -> (Connection, TcpStream) {
        const AWAY: &str = "127.0.0.1:1";
        let env = [("CHARGEDECK_TIME_ZONE", "UTC"), ("CHARGEDECK_CURRENCY", "EUR")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let settings = Settings::from_sources("", &env).unwrap();
        let database = mongodb::Client::with_uri_str(format!("mongodb://{AWAY}")).await.unwrap().database("away");
        let redis = Redis::connect(&format!("redis://{AWAY}").into(), &settings.mongo.own_db).unwrap();
        let context = Context {
            auth: AuthService::new(&database, &redis, &settings, SessionLimits::default()),
            hub: Hub::of_new_clients(1),
            sockets: Sockets::new(1),
            closing: CancellationToken::new(),
        };
        let admin = CurrentAdmin {
            user: "a".repeat(24).parse().unwrap(),
            email: String::new(),
            role: UserRole::Admin,
            session: SessionHash::of(&tower_sessions::session::Id::default()),
            version: 0,
            confirmed: false,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let line = SocketWriter::new(listener.accept().await.unwrap().0, Form::Json);
        let connection = Connection {
            context: Arc::new(context),
            admin,
            line: Arc::new(line),
            heard: Instant::now(),
            pings: 0,
            pinged: std::time::Instant::now(),
            ping_due: false,
        };
        (connection, client)
    }

    #[tokio::test]
    async fn what_leads_a_client_from_anywhere_waits_for_its_accounts_turn() {
        let (mut connection, client) = connection().await;
        let user = connection.admin.user;
        let turns = connection.context.sockets.turns.clone();
        for asked in
            [r#"{"type":"subscribe","topics":["activity?of=problems"]}"#, r#"{"type":"visibility","hidden":false}"#]
        {
            let turn = turns.of(user).await;
            let Ok(mut waiting) = connection.received(Message::text(asked)) else { panic!("the connection ends") };
            assert!(waiting.is_some() && poll!(pin!(turn_for(&mut waiting))).is_pending(), "{asked}");
            drop(turn);
            let (asked, turn) = turn_for(&mut waiting).await.expect("its turn comes");
            assert!(waiting.is_none());
            connection.lead(asked);
            drop(turn);
        }
        let Ok(None) = connection.received(Message::text(r#"{"type":"visibility","hidden":true}"#)) else {
            panic!("who leaves waits for nothing")
        };
        drop(connection);
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let Some(Ok(Message::Text(first))) = client.next().await else { panic!("no answer") };
        assert!(first.contains("subscribed"), "{first}");
    }

    /// Bytes that a future keeps between two steps, for an async function of five arguments.
    fn kept<A, B, C, D, E, F>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_socket_that_waits_keeps_little() {
        let kept = kept(Connection::serve);
        assert!(kept <= 2 << 10, "{kept} bytes");
    }
}
