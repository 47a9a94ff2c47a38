//! How many files the process may have open, because each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside browsers' connections: connections to MongoDB and Redis, and files of the site that are being sent.
const OTHERS: u64 = 200;

/// Raises the limit to the most that the process may have. Most systems begin with 1,024, which one visitor fills.
///
/// # Errors
/// The limit is less than so many connections need; the message says so.
pub fn raise(connections: usize) -> Result<(), String> {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum.or(Some(needed)), ..limit };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { limit.current };
    enough(current, needed)
}

/// `may` is `None` if there is no limit.
fn enough(may: Option<u64>, needed: u64) -> Result<(), String> {
    match may {
        Some(may) if may < needed => Err(format!(
            "a process may have {may} files open here, and CHARGEDECK_MAX_CONNECTIONS needs {needed}. Visitors beyond that \
             wait. Raise the hard limit (ulimit -Hn {needed}, LimitNOFILE={needed}) or lower the setting"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_told_where_it_is_too_small() {
        for (may, refused) in [(None, false), (Some(1200), false), (Some(1199), true)] {
            assert_eq!(enough(may, 1000 + OTHERS).is_err(), refused, "{may:?}");
        }
        assert_eq!(raise(1), Ok(()));
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert!(raise(usize::MAX).is_err_and(|refused| refused.contains("LimitNOFILE")), "no system has so many");
    }
}
