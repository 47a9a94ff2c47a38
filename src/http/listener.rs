//! The listening socket: how the kernel handles the connections that it accepts.

use std::io;

use axum::serve::{ListenerExt, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// What the kernel may hold of a connection that it has not sent yet, bytes. By default it takes megabytes before a
/// write has to wait: a reader that does not keep up would be noticed minutes late, get changes long outdated instead
/// of their sum, and cost that memory for each of thousands. Half a frame still fills the wire while the next is made.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 << 10;

/// The listener, with connections that send small frames at once and keep little unsent.
pub fn tuned(listener: TcpListener) -> TapIo<TcpListener, fn(&mut TcpStream)> {
    let on_accept: fn(&mut TcpStream) = |connection| {
        // A connection without these still works, and one that is gone already fails here.
        if let Err(error) = tune(connection) {
            tracing::debug!(%error, "a connection keeps the kernel's own settings");
        }
    };
    listener.tap_io(on_accept)
}

fn tune(connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(connection).set_tcp_notsent_lowat(UNSENT)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener;

    use super::*;

    #[tokio::test]
    async fn accepted_connections_send_at_once_and_keep_little() {
        let mut listener = tuned(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (connection, _) = listener.accept().await;
        assert!(connection.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket2::SockRef::from(&connection).tcp_notsent_lowat().unwrap(), UNSENT);
    }
}
