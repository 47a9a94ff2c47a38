//! Frames that many sockets share: encoded once for each form, when the first socket needs them.

use std::sync::OnceLock;

use axum::body::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::{
    self,
    coding::{Data, OpCode},
};

use super::weight;
use crate::domain::protocol::{
    change::{Change, Op},
    frame::{Delta, Frame},
    position::{ClusterTime, Position},
    topic::Topic,
};

/// The encoding that a socket reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `chargedeck.v1`
    Compact,
    /// `chargedeck.v1.json`
    Json,
}

impl Form {
    /// Encodes one frame, to the bytes that go over the wire.
    pub fn encode(self, frame: &Frame) -> Bytes {
        let text = match self {
            // Frames hold only texts, numbers and JSON values, which both forms can always write.
            Self::Compact => frame.compact().unwrap_or_default(),
            Self::Json => frame.json().to_string(),
        };
        wire(frame::Frame::message(text, OpCode::Data(Data::Text), true))
    }
}

/// A frame of the protocol as the server sends it, with the same bytes for everybody.
pub fn wire(frame: frame::Frame) -> Bytes {
    let mut bytes = Vec::with_capacity(frame.len());
    // Writing to memory cannot fail.
    drop(frame.format(&mut bytes));
    bytes.into()
}

/// A frame is cut before it grows beyond this, because the library's buffers never shrink again.
const FRAME_MAX: usize = 24 << 10;

/// One or more frames that lead from one position to another.
#[derive(Debug)]
pub struct Shared {
    pub to: Position,
    /// Approximate bytes that these frames take once they are encoded in both forms.
    pub bytes: usize,
    frames: Vec<Frame>,
    compact: OnceLock<Vec<Bytes>>,
    json: OnceLock<Vec<Bytes>>,
}

impl Shared {
    /// Cuts the changes into frames; all but the last say that more follows.
    pub fn new(topic: &Topic, from: Position, to: Position, ct: ClusterTime, changes: Vec<Change>) -> Self {
        let mut parts: Vec<Vec<Change>> = vec![Vec::new()];
        let (mut bytes, mut all) = (0, 0);
        for change in changes {
            let size = size(&change);
            if bytes > 0 && bytes + size > FRAME_MAX {
                parts.push(Vec::new());
                bytes = 0;
            }
            bytes += size;
            all += weight::change(&change) + 2 * size;
            if let Some(part) = parts.last_mut() {
                part.push(change);
            }
        }
        let last = parts.len() - 1;
        let frame = |(i, changes)| Frame::Delta(Delta { topic: topic.clone(), from, to, ct, changes, more: i < last });
        Self {
            to,
            bytes: all,
            frames: parts.into_iter().enumerate().map(frame).collect(),
            compact: OnceLock::new(),
            json: OnceLock::new(),
        }
    }

    pub fn encoded(&self, form: Form) -> &[Bytes] {
        let cell = match form {
            Form::Compact => &self.compact,
            Form::Json => &self.json,
        };
        cell.get_or_init(|| self.frames.iter().map(|frame| form.encode(frame)).collect())
    }
}

/// Approximate bytes of a change in a frame.
fn size(change: &Change) -> usize {
    let fields = match &change.op {
        Op::Put(fields) | Op::Patch(fields, _) => fields.iter().map(|(k, v)| k.len() + 4 + v.to_string().len()).sum(),
        Op::Delete => 0,
    };
    change.id.0.len() + 24 + fields
}

/// The payload of a text frame.
///
/// # Panics
/// For other bytes.
#[cfg(test)]
pub fn text(bytes: &[u8]) -> &str {
    let mut at = std::io::Cursor::new(bytes);
    frame::FrameHeader::parse(&mut at).unwrap().unwrap();
    std::str::from_utf8(&bytes[usize::try_from(at.position()).unwrap()..]).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        collections::Collection,
        ids::DocId,
        protocol::position::{Epoch, Seq},
    };
    use serde_json::json;

    #[test]
    fn frames_are_bounded_and_only_the_last_moves_the_position() {
        let row = [("name".to_owned(), json!("x".repeat(1000)))].into();
        let changes = (0..100).map(|n| Change { id: DocId(n.to_string()), op: Op::Put(Clone::clone(&row)) }).collect();
        let at = |seq| Position::new(Epoch(1), Seq(seq));
        let shared = Shared::new(&Topic::Collection(Collection::Clients), at(0), at(9), ClusterTime(1), changes);
        let frames: Vec<Delta> = shared
            .encoded(Form::Compact)
            .iter()
            .map(|bytes| {
                assert!(bytes.len() <= 32 << 10);
                let Ok(Frame::Delta(delta)) = Frame::read(text(bytes)) else { panic!("no delta") };
                delta
            })
            .collect();
        assert_eq!(frames.iter().map(|d| d.changes.len()).sum::<usize>(), 100);
        let more: Vec<bool> = frames.iter().map(|d| d.more).collect();
        assert!(more[..more.len() - 1].iter().all(|m| *m) && !more[more.len() - 1], "{more:?}");
    }
}
