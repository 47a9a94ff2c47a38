//! Which of two builds leads while both run. Their schemas differ, so whoever goes on after the other begins an epoch.
//!
//! A process that starts takes the lease from the other build, because it shows nothing until its build leads. A process that
//! the log has left stands back for as long as any instance of the other build lives. The lease shows that: while one lives, it
//! asks for the lease every second, so someone has it. So a rollout and a rollback each begin one epoch, and two builds that
//! stay beside each other do not begin them in turns, save that each restart of an instance moves the log to its build, once a
//! minute at most.

/// After this many checks in a row with a free lease, one a second, the other build is gone. Its instances ask for it as
/// often, and after an error at most five seconds later.
const GONE: u32 = 10;
/// What an instance does about the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Takes it if it is free.
    Take,
    /// Takes it from who has it.
    TakeOver,
    Wait,
}

/// What this process knows of the log's builds.
#[derive(Default)]
pub struct Rollout {
    /// Whether the log was of our schema, as far as this process remembers.
    had_log: bool,
    /// Consecutive checks with a free lease.
    free: u32,
}

impl Rollout {
    /// The log is of our schema now.
    pub const fn has_log(&mut self) {
        *self = Self { had_log: true, free: 0 };
    }

    /// Whether the log was ours and is another build's by now.
    pub const fn was_left(&self, is_ours: Option<bool>) -> bool {
        self.had_log && matches!(is_ours, Some(false))
    }

    /// Redis could not be asked, so nobody knows whether someone has the lease.
    pub const fn unknown(&mut self) {
        self.free = 0;
    }

    /// `is_ours`: whether the log ends in our schema (`None`: it is empty); `is_held`: whether anyone has the lease.
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

    #[test]
    fn whether_the_other_is_gone_is_not_known_while_redis_is_away() {
        let mut old = Rollout::default();
        old.has_log();
        for _ in 1..GONE {
            assert_eq!(old.claim(Some(false), false), Claim::Wait);
        }
        old.unknown();
        assert_eq!(old.claim(Some(false), false), Claim::Wait);
    }

    /// One process of each build, for a day. After the rollout the log stays where it is.
    #[test]
    fn two_builds_beside_each_other_never_take_turns() {
        let (mut old, mut new) = (Rollout::default(), Rollout::default());
        old.has_log();
        assert_eq!(new.claim(Some(false), true), Claim::TakeOver);
        new.has_log();
        for _ in 0..86_400 {
            assert_eq!(old.claim(Some(false), true), Claim::Wait);
            assert_eq!(new.claim(Some(true), true), Claim::Take);
        }
        let waits = (1..1000).take_while(|_| old.claim(Some(false), false) == Claim::Wait).count();
        assert_eq!(waits + 1, GONE as usize, "and after all that time it follows when the other is gone");
    }
}
