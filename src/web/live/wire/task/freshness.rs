//! How fresh the screen is, and whether the server is still there.

use std::mem::discriminant;

use leptos::prelude::*;

use super::{super::browser::forget_reload, Task, now_ms, reload_when_calm};
use crate::{
    domain::{
        protocol::{
            follow::Follow,
            frame::{STALE_MS, UNHEARD_MS},
        },
        time::UtcMs,
    },
    web::live::ConnectionState,
};

/// A server that is alive sends something at least this often.
const SILENCE_MS: f64 = 12_000.0;
/// Once frames could be read for so long, the server is of our version, and the page may reload again for the next.
const UNDERSTOOD_MS: f64 = 60_000.0;
/// Like [`STALE_MS`], but for the time counted on since the last ping. Higher, because pings come only every five
/// seconds.
const UNTOLD_MS: f64 = 9_000.0;
/// A screen that lags by more than this is not live.
const BEHIND_MS: u32 = 3_000;
/// A state that has lasted this long is announced; a shorter one is a flicker.
const SETTLED_MS: f64 = 5_000.0;

impl Task {
    /// Does what is due each second.
    pub(super) fn tick(&mut self) {
        let (start, since) = self.clock;
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a page's life")]
        let now = UtcMs(start.0 + (now_ms() - since) as i64);
        let _disposed = self.live.now.try_set(now);
        if self.outdated {
            reload_when_calm();
        }
        if now_ms() - self.understood_since > UNDERSTOOD_MS {
            self.understood_since = f64::INFINITY;
            forget_reload();
        }
        for i in 0..self.following.len() {
            if self.following[i].store.tick(now) {
                self.settle_doubt(i);
            }
        }
        // Asks again for a board that the server refused, or whose values were older than what is shown.
        self.subscribe_waiting();
        if self.socket.is_some() && now_ms() - self.heard_at > SILENCE_MS {
            self.hang_up();
            self.pause();
        }
    }

    /// Shows the state of the connection.
    pub(super) fn show_state(&mut self) {
        let unheard_ms = f64::from(self.checked_ms) + now_ms() - self.pinged_at;
        let state = if self.outdated {
            ConnectionState::Outdated
        } else if !self.open {
            match self.offline_since {
                None => ConnectionState::Connecting,
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
                Some(since) => {
                    let retry_in_s = ((self.retry_at - now_ms()) / 1000.0).ceil().max(0.0) as u32;
                    ConnectionState::Offline { since, retry_in_s }
                }
            }
        } else if let Some(topic) = untrack(|| self.live.unfollowed()).first().copied() {
            ConnectionState::Unfollowed(topic)
        } else if self.checked_ms > STALE_MS || unheard_ms > UNTOLD_MS {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a page's life")]
            let since = UtcMs(self.live.now.get_untracked().0 - unheard_ms as i64);
            ConnectionState::Stale { since: (self.checked_ms != UNHEARD_MS).then_some(since) }
        } else if self.boards().any(Follow::is_refused) {
            ConnectionState::Refused
        } else if self.lag_ms > BEHIND_MS || self.is_behind() {
            ConnectionState::CatchingUp
        } else {
            self.offline_since = None;
            ConnectionState::Live { lag_ms: self.lag_ms }
        };
        let Some(before) = self.live.connection.try_get_untracked() else { return };
        if discriminant(&before) != discriminant(&state) {
            self.kind_since = now_ms();
        }
        if before != state {
            self.live.connection.set(state);
        }
        let settled = self.live.settled.get_untracked();
        let first = matches!((settled, state), (ConnectionState::Connecting, ConnectionState::Live { .. }));
        if now_ms() - self.kind_since >= SETTLED_MS && !first && discriminant(&settled) != discriminant(&state) {
            self.live.settled.set(state);
        }
    }

    fn boards(&self) -> impl Iterator<Item = &Follow> {
        self.sheets.iter().map(|(.., follow)| follow).chain([&self.overview])
    }

    /// Whether a topic is not followed yet.
    fn is_behind(&self) -> bool {
        self.boards().chain(self.following.iter().map(|f| &f.follow)).any(|follow| !follow.is_live())
    }
}
