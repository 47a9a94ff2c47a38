//! The HTTP library itself answers requests that it cannot parse. Those answers get the headers of every other
//! answer, too. They never pass the router, so they are recognised on their way to the peer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection that adds headers to the library's own answers.
#[derive(Debug)]
pub struct Accepted {
    stream: TcpStream,
    /// Header lines, each with its line end.
    headers: Bytes,
    /// What is left to write of an answer that got its headers.
    rest: Option<Bytes>,
}

impl Accepted {
    pub fn new(stream: TcpStream, headers: Bytes) -> Self {
        Self { stream, headers, rest: None }
    }

    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.rest.is_none() && is_the_librarys(bytes) {
            let blank = bytes.len().saturating_sub(2);
            let (head, end) = bytes.split_at(blank);
            self.rest = Some([head, &self.headers, end].concat().into());
        }
        let Some(rest) = &mut self.rest else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
        while !rest.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            drop(rest.split_to(written));
        }
        self.rest = None;
        Poll::Ready(Ok(bytes.len()))
    }
}

/// Whether this is the library's answer to what it cannot parse: an empty 4xx with these three headers and no other.
/// Every answer of the router has more headers.
fn is_the_librarys(bytes: &[u8]) -> bool {
    const LONGEST: usize = 256;
    if bytes.len() > LONGEST || !bytes.starts_with(b"HTTP/1.") {
        return false;
    }
    let Some(head) = str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix("\r\n\r\n")) else { return false };
    let mut lines = head.split("\r\n");
    let refused = lines.next().and_then(|status| status.split(' ').nth(1)).is_some_and(|code| code.starts_with('4'));
    let names = || lines.clone().map(|line| line.split(':').next().unwrap_or_default());
    refused && names().count() == 3 && names().all(|name| matches!(name, "content-length" | "connection" | "date"))
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts {
            [part] => self.write(cx, part),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
