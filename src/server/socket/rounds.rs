//! All lines of this instance, and the rounds in which they are led to the hub's head.
//!
//! While a round goes on the hub stands still, so that all lines are led to the same place by the same frames; what
//! arrives meanwhile is the next round. So frames grow by themselves when there is more to do than time, and one that comes
//! alone goes out at once.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerWaitFuture};

use super::{line::SocketWriter, looked_at::LookedAt};
use crate::{
    domain::system::Stage,
    server::{
        auth::user::UserId,
        http::limiter::{Limiter, Permit},
        hub::Hub,
        telemetry::metrics::metrics,
    },
};

/// Lines that are led in one go, before others get their turn on this processor.
const TURN: usize = 64;
/// A round that takes longer is followed by a pause as long, so that who writes and reads gets the processor too.
const SHORT: Duration = Duration::from_millis(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Half the processors write. The kernel delivers on the other half: with all of them writing, a round to 1,000 sockets
/// took longer, and a seventh more processor time. Asked once: the answer stands in files.
static SENDERS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2));

/// The open sockets; clones share them.
#[derive(Clone, Default)]
pub struct Sockets {
    seats: Limiter<UserId>,
    /// Of one user.
    seats_each: usize,
    pub(super) boards: LookedAt,
    /// Which the server's own shutdown does not wait for.
    tasks: TaskTracker,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    next: u64,
    open: HashMap<u64, Arc<SocketWriter>>,
}

/// Takes the line out of the rounds when its connection ends.
pub struct Joined {
    sockets: Sockets,
    key: u64,
}

impl Sockets {
    /// None yet; each user may have so many.
    pub fn new(each: usize) -> Self {
        Self { seats_each: each, ..Self::default() }
    }

    /// The right to one more socket, unless the user has all already.
    pub fn seat(&self, user: UserId) -> Option<Permit<UserId>> {
        self.seats.take(&user, usize::MAX, self.seats_each)
    }

    /// Runs a connection from its handshake to its end.
    pub fn track(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(connection);
    }

    /// Takes a line into the rounds.
    pub fn join(&self, line: Arc<SocketWriter>) -> Joined {
        let mut lines = self.lock();
        lines.next += 1;
        let key = lines.next;
        lines.open.insert(key, line);
        Joined { sockets: self.clone(), key }
    }

    /// Connections that have not ended.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until the last connection has ended; no more may come.
    pub fn ended(&self) -> TaskTrackerWaitFuture<'_> {
        self.tasks.close();
        self.tasks.wait()
    }

    /// Leads all lines to the hub's head whenever it moves.
    pub async fn rounds(self, hub: Hub) {
        let (mut moves, mut known) = (hub.changes(), metrics().changes.get());
        while moves.changed().await.is_ok() {
            let began = Instant::now();
            {
                let _round = hub.round();
                moves.mark_unchanged();
                let lines: Vec<_> = self.lock().open.values().cloned().collect();
                let (changes, newest) = (metrics().changes.get(), metrics().newest());
                let told = !lines.is_empty() && std::mem::replace(&mut known, changes) != changes;
                lead(lines, &hub).await;
                if told {
                    metrics().reached(Stage::Socket, newest);
                }
            }
            let took = began.elapsed();
            if took > SHORT {
                tokio::time::sleep(took.min(PAUSE_MAX)).await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.sockets.lock().open.remove(&self.key);
    }
}

/// Leads lines on several processors, where there are enough of them.
async fn lead(mut lines: Vec<Arc<SocketWriter>>, hub: &Hub) {
    let share = lines.len().div_ceil(*SENDERS).max(TURN);
    let mut others = JoinSet::new();
    while lines.len() > share {
        let (part, hub) = (lines.split_off(lines.len() - share), hub.clone());
        others.spawn(async move { lead_all(&part, &hub).await });
    }
    lead_all(&lines, hub).await;
    others.join_all().await;
}

async fn lead_all(lines: &[Arc<SocketWriter>], hub: &Hub) {
    for turn in lines.chunks(TURN) {
        turn.iter().for_each(|line| line.advance(hub));
        tokio::task::yield_now().await;
    }
}
