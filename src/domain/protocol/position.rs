//! Positions in the log, and MongoDB's cluster time. Neither can be made from a clock.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::ids::travels_as_text;

/// The log's generation. It is larger than any before, and changes only if the log cannot be continued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A change's number in its epoch, without gaps from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A position in the log, written `<epoch>-<seq>`. It is the entry's id in Redis, and opaque to everyone else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Position {
    pub epoch: Epoch,
    pub seq: Seq,
}

impl Position {
    pub const fn new(epoch: Epoch, seq: Seq) -> Self {
        Self { epoch, seq }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.0, self.seq.0)
    }
}

/// A text that is not a position.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a position")]
pub struct BadPosition;

impl From<ParseIntError> for BadPosition {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, seq) = text.split_once('-').ok_or(BadPosition)?;
        Ok(Self::new(Epoch(epoch.parse()?), Seq(seq.parse()?)))
    }
}

travels_as_text!(Position);

/// MongoDB's cluster time: seconds in the upper half, the increment in the lower. It is written as 16 hex digits,
/// because it exceeds 2^53 and would lose its end as a JSON or Lua number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClusterTime(pub u64);

impl ClusterTime {
    pub const fn new(seconds: u32, increment: u32) -> Self {
        Self((seconds as u64) << 32 | increment as u64)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub const fn increment(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }
}

impl fmt::Display for ClusterTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ClusterTime {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        if text.len() != 16 {
            return Err(BadPosition);
        }
        Ok(Self(u64::from_str_radix(text, 16)?))
    }
}

travels_as_text!(ClusterTime);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_keep_every_bit() {
        let ct = ClusterTime(0xffff_ffff_ffff_fffe);
        assert_eq!(ct.to_string().parse(), Ok(ct));
        let position = Position::new(Epoch(u64::MAX), Seq(u64::MAX - 1));
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "1", "1-", "-1", "a-b", "1-2-3"] {
            assert_eq!(bad.parse::<Position>(), Err(BadPosition), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn written_positions_read_back_and_keep_their_order(one: (u64, u64), other: (u64, u64)) {
            let [one, other] = [one, other].map(|(epoch, seq)| Position::new(Epoch(epoch), Seq(seq)));
            prop_assert_eq!(one.to_string().parse(), Ok(one));
            let times = [one, other].map(|position| ClusterTime(position.seq.0));
            prop_assert_eq!(times[0].to_string().parse(), Ok(times[0]));
            prop_assert_eq!(times[0].cmp(&times[1]), times[0].to_string().cmp(&times[1].to_string()));
        }

        #[test]
        fn any_text_is_a_position_or_refused(
            text in ".{0,24}", near in "[0-9+]{1,21}-[0-9+]{1,21}", hex in "[+0-9a-fA-Fé]{14,16}"
        ) {
            for text in [text, near, hex] {
                if let Ok(position) = text.parse::<Position>() {
                    prop_assert!(text.contains('-') && text.is_ascii(), "{}", text);
                    prop_assert_eq!(position.to_string().parse(), Ok(position));
                }
                if let Ok(ct) = text.parse::<ClusterTime>() {
                    prop_assert!(text.len() == 16 && text.is_ascii(), "{}", text);
                    prop_assert_eq!(ct.to_string().parse(), Ok(ct));
                }
            }
        }
    }
}
