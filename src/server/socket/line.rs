//! The way out of one connection. The task that has a frame for it writes the frame itself, with one system call.
//! What the kernel does not accept waits here, and no other frame is made until it is gone. So a client that lags
//! costs only what it was being sent, and then gets everything since as one.

use std::{
    collections::VecDeque,
    io, iter,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{following::Following, frames::Frames};
use crate::{
    guards::guarded,
    server::{
        hub::{Form, Hub},
        telemetry::metrics::metrics,
    },
};

/// A write that makes no progress for this long means that the client does not read.
const STUCK: Duration = Duration::from_secs(15);

pub struct SocketWriter {
    io: TcpStream,
    form: Form,
    out: Mutex<Out>,
    /// Notified when something begins to wait.
    stuck: Notify,
}

/// The state behind the line's lock.
pub struct Out {
    pub following: Following,
    /// What the kernel has not accepted yet; the first frame may have been accepted in part.
    unsent: VecDeque<Bytes>,
    /// When the kernel last accepted something, while something waits.
    moved: Instant,
    /// If set, nothing more is written.
    ended: bool,
}

impl SocketWriter {
    pub fn new(io: TcpStream, form: Form) -> Self {
        let out = Out { following: Following::default(), unsent: VecDeque::new(), moved: Instant::now(), ended: false };
        Self { io, form, out: Mutex::new(out), stuck: Notify::new() }
    }

    /// Reads the remaining input to its end and drops it. Closing before that would discard what was sent last.
    pub async fn discard(&self) {
        let mut unheard = vec![0; 4 << 10];
        while self.io.readable().await.is_ok() {
            match self.io.try_read(&mut unheard) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    pub const fn form(&self) -> Form {
        self.form
    }

    pub fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether frames wait because the kernel has no room for them.
    pub fn is_waiting(&self) -> bool {
        !self.lock().unsent.is_empty()
    }

    /// Leads every followed topic to the hub's head, as far as the kernel accepts frames. A hidden page paints
    /// nothing, so it gets one catch-up on its return.
    pub fn advance(&self, hub: &Hub) {
        let out = &mut *self.lock();
        while out.unsent.is_empty() && !out.ended {
            let Some(frames) = out.following.next(hub, self.form) else { return };
            frames.iter().for_each(|frame| self.write(out, frame));
        }
    }

    /// Leads every topic to the head and sends a frame that is true there. Returns false while something waits,
    /// because what the client lacks beyond that could not come before the frame.
    pub fn send_at_head(&self, hub: &Hub, frame: &Bytes) -> bool {
        let out = &mut *self.lock();
        if guarded!(PingLast: !out.unsent.is_empty(), else false) {
            return false;
        }
        // Topics that are quiet now are moved to the head; topics that change from here on are led there.
        out.following.progress(hub, self.form).iter().for_each(|frame| self.write(out, frame));
        while let Some(frames) = guarded!(PingLast: out.following.next(hub, self.form), else None) {
            frames.iter().for_each(|frame| self.write(out, frame));
        }
        self.write(out, frame);
        true
    }

    /// Sends a frame after those that wait.
    pub fn write(&self, out: &mut Out, frame: &Bytes) {
        if out.ended {
            return;
        }
        metrics().sent(frame.len());
        if !out.unsent.is_empty() {
            out.unsent.push_back(frame.clone());
            return;
        }
        let taken = match self.io.try_write(frame) {
            Ok(taken) if taken == frame.len() => return,
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The reading side finds out by itself that the peer is gone.
            Err(_) => return,
        };
        out.unsent.push_back(frame.slice(taken..));
        out.moved = Instant::now();
        self.stuck.notify_one();
    }

    /// Sends a last frame. Of the frames that wait it keeps only the first, which may be sent in part already.
    pub fn end(&self, last: &Bytes) {
        let out = &mut *self.lock();
        out.unsent.truncate(1);
        self.write(out, last);
        out.ended = true;
    }

    /// Waits until something waited and has been sent; false if the client does not read. May be dropped at any time.
    pub async fn drained(&self) -> bool {
        loop {
            let waits = {
                let out = self.lock();
                (!out.unsent.is_empty()).then_some(out.moved + STUCK)
            };
            let Some(deadline) = waits else {
                self.stuck.notified().await;
                continue;
            };
            match timeout_at(deadline, self.io.writable()).await {
                Err(_) => return false,
                // The reading side finds out by itself that the peer is gone.
                Ok(Err(_)) => std::future::pending().await,
                Ok(Ok(())) => {}
            }
            if self.resume() {
                return true;
            }
        }
    }

    /// Whether nothing waits any more.
    fn resume(&self) -> bool {
        let out = &mut *self.lock();
        while let Some(first) = out.unsent.front_mut() {
            match self.io.try_write(first) {
                Ok(taken) => {
                    out.moved = Instant::now();
                    if taken == first.len() {
                        out.unsent.pop_front();
                    } else {
                        *first = first.slice(taken..);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => out.unsent.clear(),
            }
        }
        true
    }
}

/// The line as the WebSocket library reads it. The library itself writes only answers to pings.
pub struct SocketReader {
    line: Arc<SocketWriter>,
    frames: Frames,
    /// When the frames of the last second began.
    inbound: VecDeque<Instant>,
}

/// Frames a second from a client: whole messages, parts of them, pings.
const RATE: usize = 20;

impl SocketReader {
    pub fn new(line: Arc<SocketWriter>) -> Self {
        Self { line, frames: Frames::default(), inbound: VecDeque::new() }
    }

    /// Counts the frames that begin in these bytes.
    pub fn count(&mut self, read: &[u8]) {
        let now = Instant::now();
        self.inbound.retain(|at| now - *at < Duration::from_secs(1));
        let room = (RATE + 1).saturating_sub(self.inbound.len());
        self.inbound.extend(iter::repeat_n(now, self.frames.begun_in(read).min(room)));
    }

    /// Whether the client sends more frames than it may. Then nothing more is read.
    pub fn is_too_fast(&self) -> bool {
        self.inbound.len() > RATE
    }
}

impl AsyncRead for SocketReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let ear = self.get_mut();
        loop {
            ready!(ear.line.io.poll_read_ready(cx))?;
            let unfilled = buf.initialize_unfilled();
            match ear.line.io.try_read(unfilled) {
                Ok(read) => {
                    ear.count(&unfilled[..read]);
                    if ear.is_too_fast() {
                        return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
                    }
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for SocketReader {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line.write(&mut self.line.lock(), &Bytes::copy_from_slice(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
