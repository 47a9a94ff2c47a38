//! Counts the frames that a client sends (RFC 6455, 5.2). The library reports only whole messages, and a message may
//! come in as many fragments as its sender likes, most of them empty.

/// Where in a frame the last read bytes ended.
#[derive(Default)]
pub struct Frames {
    /// The bytes of an incomplete head.
    head: Vec<u8>,
    /// Bytes of the payload that are still to come.
    payload: u64,
}

impl Frames {
    /// How many frames begin in the next bytes.
    pub fn begun_in(&mut self, mut bytes: &[u8]) -> usize {
        let mut begun = 0;
        loop {
            let skipped = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[skipped..];
            self.payload -= skipped as u64;
            let Some((first, rest)) = bytes.split_first() else { return begun };
            bytes = rest;
            begun += usize::from(self.head.is_empty());
            self.head.push(*first);
            if let Some(payload) = payload(&self.head) {
                self.payload = payload;
                self.head.clear();
            }
        }
    }
}

/// How long the payload after this head is; `None` while the head is incomplete.
fn payload(head: &[u8]) -> Option<u64> {
    let length = *head.get(1)?;
    let (mask, more) = (
        if length & 0x80 == 0 { 0 } else { 4 },
        match length & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        },
    );
    (head.len() == 2 + more + mask).then(|| match more {
        0 => u64::from(length & 0x7f),
        _ => head[2..2 + more].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame of a client.
    fn frame(length: usize) -> Vec<u8> {
        let mut frame = vec![0x80];
        match length {
            0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            126..=0xffff => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 0x7f);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + length, 0x81);
        frame
    }

    #[test]
    fn frames_are_counted_wherever_what_was_read_is_cut() {
        let lengths = [0, 0, 5, 125, 126, 700, 0xffff, 0x1_0000, 0, 3];
        let sent: Vec<u8> = lengths.iter().flat_map(|length| frame(*length)).collect();
        for cut in [1, 2, 3, 7, 1024, sent.len()] {
            let mut frames = Frames::default();
            let counted: usize = sent.chunks(cut).map(|bytes| frames.begun_in(bytes)).sum();
            assert_eq!((counted, frames.payload, frames.head.len()), (lengths.len(), 0, 0), "{cut}");
        }
        // Frames without a mask, which are refused elsewhere.
        assert_eq!(Frames::default().begun_in(&[0x81, 0, 0x81, 1, 9, 0x81]), 3);
        // A length beyond anything that can arrive.
        assert_eq!(Frames::default().begun_in(&[&[0x81, 0xff], &[0xff; 8][..], &[0; 50]].concat()), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_hold_as_many_frames_however_they_come(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0..4_u8, 0xfc..=0xff_u8], 0..400), cut in 1..40_usize
        ) {
            let whole = Frames::default().begun_in(&bytes);
            let mut frames = Frames::default();
            let counted: usize = bytes.chunks(cut).map(|bytes| frames.begun_in(bytes)).sum();
            prop_assert_eq!(counted, whole);
            prop_assert!(counted <= bytes.len() && frames.head.len() < 14);
        }
    }
}
