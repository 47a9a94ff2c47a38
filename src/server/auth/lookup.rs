//! Looks accounts up in batches. When thousands of sockets reconnect at once, they ask for the same few accounts.

use std::{iter, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    Unavailable,
    unavailable::TIMEOUT,
    user::{User, UserId},
    users::Users,
};

/// The shortest time between two queries. A lone question does not wait. The time is short, because every request asks,
/// and an account that asks without end makes the others wait this long.
const PACE: Duration = Duration::from_millis(5);
/// Questions that may queue while one is being answered. Further callers wait before they can queue.
const WAITING: usize = 1024;

struct Question {
    id: UserId,
    answer: oneshot::Sender<Result<Option<User>, Unavailable>>,
}

/// Asks MongoDB one question at a time, for all callers that came meanwhile. No answer is older than its question.
#[derive(Clone)]
pub struct AccountLookup(mpsc::Sender<Question>);

impl AccountLookup {
    /// Call it inside the runtime.
    pub fn new(users: Users) -> Self {
        let (sender, questions) = mpsc::channel(WAITING);
        tokio::spawn(answer(users, questions));
        Self(sender)
    }

    /// # Errors
    /// MongoDB is away.
    pub async fn by_id(&self, id: UserId) -> Result<Option<User>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let question = Question { id, answer };
        self.0.send(question).await.map_err(|_| Unavailable::Stopping)?;
        answered.await.map_err(|_| Unavailable::Stopping)?
    }
}

async fn answer(users: Users, mut questions: mpsc::Receiver<Question>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(first) = questions.recv().await {
        pace.tick().await;
        let mut asked = vec![first];
        asked.extend(iter::from_fn(|| questions.try_recv().ok()));
        let mut ids: Vec<UserId> = asked.iter().map(|question| question.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = timeout(TIMEOUT, users.by_ids(&ids)).await;
        for Question { id, answer } in asked {
            let answered = match &found {
                Err(_) => Err(Unavailable::MongoTimeout),
                Ok(Err(error)) => Err(error.clone().into()),
                Ok(Ok(found)) => found.get(&id).cloned().transpose().map_err(|e| mongodb::error::Error::from(e).into()),
            };
            // The caller may be gone.
            drop(answer.send(answered));
        }
    }
}
