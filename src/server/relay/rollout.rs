//! Which of two builds leads while both run. Their schemas differ, so a build that takes over begins an epoch.
//!
//! A build that starts takes the lease from the other, because it shows nothing until it leads. A build that the log has
//! left stands back until no instance of the other asks for the lease any more. So a rollout and a rollback each begin one
//! epoch, and two builds that stay beside each other do not begin them in turns.

/// Number of looks in a row at which nobody had the lease. The other build is gone then, because each of its
/// instances asks for the lease as often as we look.
const GONE: u32 = 5;

/// What an instance does about the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Takes it if it is free.
    Take,
    /// Takes it from its holder.
    TakeOver,
    Wait,
}

/// What this process knows of the log's builds.
#[derive(Default)]
pub struct Rollout {
    /// Whether the log was ever of our schema while this process ran.
    had_log: bool,
    free: u32,
}

impl Rollout {
    /// Notes that the log is of our schema now.
    pub const fn has_log(&mut self) {
        *self = Self { had_log: true, free: 0 };
    }

    /// Decides what to do about the lease. `is_ours`: whether the log ends in our schema, or `None` if it is empty.
    /// `is_held`: whether anyone has the lease.
    pub const fn claim(&mut self, is_ours: Option<bool>, is_held: bool) -> Claim {
        match (is_ours, is_held, self.had_log) {
            (Some(true), ..) => {
                self.has_log();
                Claim::Take
            }
            (None, ..) | (Some(false), false, false) => Claim::Take,
            (Some(false), true, false) => Claim::TakeOver,
            (Some(false), true, true) => {
                self.free = 0;
                Claim::Wait
            }
            (Some(false), false, true) => {
                self.free += 1;
                if self.free >= GONE { Claim::Take } else { Claim::Wait }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_starts_takes_over_and_one_that_was_left_stands_back() {
        let (mut old, mut new) = (Rollout::default(), Rollout::default());
        assert_eq!(old.claim(None, false), Claim::Take);
        old.has_log();
        assert_eq!(new.claim(Some(false), true), Claim::TakeOver);
        new.has_log();
        assert_eq!(old.claim(Some(false), true), Claim::Wait);
        assert_eq!(new.claim(Some(true), true), Claim::Take, "as every instance of the log's build asks");
    }

    #[test]
    fn a_build_that_was_left_takes_the_lease_only_when_the_other_is_gone() {
        let mut old = Rollout::default();
        old.has_log();
        for _ in 1..GONE {
            assert_eq!(old.claim(Some(false), false), Claim::Wait);
        }
        assert_eq!(old.claim(Some(false), true), Claim::Wait, "another instance of the new build leads by now");
        for _ in 1..GONE {
            assert_eq!(old.claim(Some(false), false), Claim::Wait);
        }
        assert_eq!(old.claim(Some(false), false), Claim::Take);
    }
}
