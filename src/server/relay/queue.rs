//! The queue between the change stream and the log. It is bounded in items and in bytes: an event of MongoDB has up to
//! 16 MB, and a thousand of them must not be in memory at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Approximate bytes of all items that were sent and are not done with. Usual events take a tenth of it.
const BYTES: usize = 32 << 20;

/// The sending end.
pub struct Sender<T> {
    items: mpsc::Sender<(T, Room)>,
    free: Arc<Semaphore>,
}

/// The room that an item takes until this is dropped. Whoever receives an item keeps this as long as the item.
pub struct Room(#[expect(dead_code, reason = "only its end matters")] OwnedSemaphorePermit);

/// A queue of at most so many items.
pub fn queue<T>(items: usize) -> (Sender<T>, mpsc::Receiver<(T, Room)>) {
    let (sender, receiver) = mpsc::channel(items);
    (Sender { items: sender, free: Arc::new(Semaphore::new(BYTES)) }, receiver)
}

impl<T> Sender<T> {
    /// Sends an item of about so many bytes, as soon as there is room for it. One that is larger than all the room
    /// waits until nothing else is there. Returns false if the receiver is gone.
    pub async fn send(&self, item: T, bytes: usize) -> bool {
        let room = u32::try_from(bytes.min(BYTES)).unwrap_or(u32::MAX);
        let Ok(room) = self.free.clone().acquire_many_owned(room).await else { return false };
        self.items.send((item, Room(room))).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::{pin::pin, time::Duration};
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn what_is_sent_is_bounded_in_bytes_until_it_is_done_with() {
        let (sender, mut receiver) = queue(1024);
        let mut sent = 0;
        while sender.send(sent, BYTES / 8).now_or_never().is_some() {
            sent += 1;
        }
        assert_eq!(sent, 8);
        let mut received = Vec::new();
        assert_eq!(receiver.recv_many(&mut received, 1024).await, 8);
        let mut next = pin!(sender.send(8, BYTES / 8));
        assert!(next.as_mut().now_or_never().is_none(), "received, and still in memory");
        received.pop();
        assert!(timeout(SOON, next).await.expect("there is room again"));
        assert_eq!(receiver.recv().await.map(|(item, _)| item), Some(8));
    }

    #[tokio::test]
    async fn what_is_larger_than_all_room_passes_alone() {
        let (sender, mut receiver) = queue(1024);
        assert!(sender.send("small", 1).await);
        let mut huge = pin!(sender.send("huge", usize::MAX));
        assert!(huge.as_mut().now_or_never().is_none());
        assert!(receiver.recv().await.is_some_and(|(item, _)| item == "small"));
        assert!(timeout(SOON, huge).await.expect("there is nothing else"));
        assert!(receiver.recv().await.is_some_and(|(item, _)| item == "huge"));
        assert!(timeout(SOON, sender.send("small", 1)).await.expect("it is done with"));
    }

    #[tokio::test]
    async fn who_waits_for_room_ends_with_the_receiver() {
        let (sender, receiver) = queue(1024);
        assert!(sender.send((), BYTES).await);
        let mut waits = pin!(sender.send((), 1));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(receiver);
        assert!(!timeout(SOON, waits).await.expect("what was not received is gone, and its room is free"));
    }
}
