//! All lines of this instance, and the rounds that lead them to the hub's head.
//!
//! During a round the hub stands still, so that the same frames lead all lines to the same position. What arrives
//! meanwhile belongs to the next round. So frames grow by themselves under load, and a lone event goes out at once.

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
        pace::Turns,
        telemetry::metrics::metrics,
    },
};

/// Lines that are led in one go, before other tasks get their turn on this processor.
const TURN: usize = 64;
/// A longer round is followed by a pause of the same length, so that tasks that write and read get the processor.
const SHORT: Duration = Duration::from_millis(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Half the processors write, because the kernel delivers on the other half. With all of them writing, a round to 1,000
/// sockets took longer, and a seventh more processor time. Computed once, because the number of processors is read from
/// files.
static SENDERS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2));

/// The open sockets; clones share them.
#[derive(Clone, Default)]
pub struct Sockets {
    limiter: Limiter<UserId>,
    /// Most sockets of one user.
    permits_each: usize,
    pub(super) boards: LookedAt,
    /// The accounts' turns at being led to the head because a client asks for it. Apart from those at lists and reports,
    /// so that a page goes live while one is read.
    pub(super) turns: Turns<UserId>,
    /// Tasks of connections; the server's own shutdown does not wait for them.
    tasks: TaskTracker,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    next: u64,
    open: HashMap<u64, Arc<SocketWriter>>,
}

/// Removes the line from the rounds when dropped, at the end of its connection.
pub struct Joined {
    sockets: Sockets,
    key: u64,
}

impl Sockets {
    /// No sockets yet; each user may have `each` of them.
    pub fn new(each: usize) -> Self {
        Self { permits_each: each, ..Self::default() }
    }

    /// A permit for one more socket, unless the user has all already.
    pub fn permit(&self, user: UserId) -> Option<Permit<UserId>> {
        self.limiter.take(&user, usize::MAX, self.permits_each)
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

    /// Waits until the last connection has ended. No more may be added.
    pub fn ended(&self) -> TaskTrackerWaitFuture<'_> {
        self.tasks.close();
        self.tasks.wait()
    }

    /// Makes the boards that sockets look at and that no round renews, each in the turn of an account that looks at it.
    /// These turns are for boards alone. So changes that others make use up nothing that an open page needs otherwise.
    pub async fn serve_boards(self, hub: Hub) {
        self.boards.serve(hub, Turns::default()).await;
    }

    /// Leads all lines to the hub's head whenever it moves.
    pub async fn rounds(self, hub: Hub) {
        let (mut moves, mut known) = (hub.changes(), metrics().changes.get());
        while moves.changed().await.is_ok() {
            let began = Instant::now();
            {
                let _round = hub.round();
                moves.mark_unchanged();
                hub.renew_overviews(&self.boards.prompt()).await;
                let lines: Vec<_> = self.lock().open.values().cloned().collect();
                let (changes, newest) = (metrics().changes.get(), metrics().newest());
                let has_changed = !lines.is_empty() && std::mem::replace(&mut known, changes) != changes;
                lead(lines, &hub).await;
                if has_changed {
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

/// Leads lines on several processors, if there are enough lines.
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
