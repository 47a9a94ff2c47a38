//! Messages of channels, of which a bounded number waits for whoever reads them.
//!
//! The client's own queue has no bound. A task empties it at once and drops what there is no room for. Readers must
//! find such a loss as they find the loss of a message that Redis never sent.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use redis::Msg;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::coop::unconstrained,
};
use tokio_util::task::AbortOnDropHandle;

/// Maximum bytes of the messages that wait. A larger message finds room where no other waits.
const ROOM: usize = 16 << 20;
/// Bytes of a message beside its payload.
const MESSAGE: usize = 512;

/// A message with the room that it takes.
type WaitingMessage = (Msg, OwnedSemaphorePermit);

/// The messages of some channels, from the moment at which it was made.
pub struct Subscription {
    waiting: mpsc::UnboundedReceiver<WaitingMessage>,
    _pump: AbortOnDropHandle<()>,
}

impl Subscription {
    pub fn new(messages: impl Stream<Item = Msg> + Send + Unpin + 'static) -> Self {
        let (sender, waiting) = mpsc::unbounded_channel();
        // It must not be told to rest while more comes, because what comes meanwhile would wait without a bound.
        let pump = tokio::spawn(unconstrained(pump(messages, sender)));
        Self { waiting, _pump: AbortOnDropHandle::new(pump) }
    }

    /// The next message; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<Msg> {
        self.waiting.recv().await.map(|(message, _room)| message)
    }
}

async fn pump(mut messages: impl Stream<Item = Msg> + Unpin, waiting: mpsc::UnboundedSender<WaitingMessage>) {
    let room = Arc::new(Semaphore::new(ROOM));
    let mut lost = false;
    while let Some(message) = messages.next().await {
        let bytes = message.get_payload_bytes().len().saturating_add(MESSAGE).min(ROOM);
        let Ok(taken) = room.clone().try_acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX)) else {
            if !std::mem::replace(&mut lost, true) {
                tracing::warn!("what Redis publishes comes faster than it is taken; some messages are passed over");
            }
            continue;
        };
        lost = false;
        if waiting.send((message, taken)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use redis::Value;

    use super::*;

    fn message(n: usize, payload: usize) -> Msg {
        let mut text = n.to_string().into_bytes();
        text.resize(payload, b' ');
        let parts = [b"message".to_vec(), b"live".to_vec(), text];
        Msg::from_owned_value(Value::Array(parts.map(Value::BulkString).into())).unwrap()
    }

    fn number(message: &Msg) -> usize {
        std::str::from_utf8(message.get_payload_bytes()).unwrap().trim().parse().unwrap()
    }

    #[tokio::test]
    async fn what_waits_for_a_slow_reader_is_bounded_in_bytes() {
        for payload in [1, 1 << 10, 1 << 20] {
            let all = 3 * ROOM / (payload + MESSAGE);
            let (sender, receiver) = mpsc::unbounded_channel();
            pump(stream::iter((0..all).map(|n| message(n, payload))), sender).await;
            let waiting = receiver.len();
            assert_eq!(waiting, ROOM / (payload + MESSAGE), "of {all} with {payload} bytes");
        }
    }

    #[tokio::test]
    async fn whoever_reads_again_gets_what_waited_and_what_comes_then() {
        let (publish, published) = mpsc::unbounded_channel();
        let messages = stream::unfold(published, async |mut published| Some((published.recv().await?, published)));
        let mut subscription = Subscription::new(Box::pin(messages));
        let fits = ROOM / ((1 << 20) + MESSAGE);
        for n in 0..2 * fits {
            publish.send(message(n, 1 << 20)).unwrap();
        }
        // The pump runs only while this task waits, so the first message is read when all have come.
        for n in 0..fits {
            assert_eq!(number(&subscription.next().await.unwrap()), n);
        }
        publish.send(message(7, 2 * ROOM)).unwrap();
        assert_eq!(number(&subscription.next().await.unwrap()), 7, "one is never too large");
        drop(publish);
        assert!(subscription.next().await.is_none(), "the connection has ended");
    }
}
