//! What a session stores about its login.

use std::{net::IpAddr, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tower_sessions::{Expiry, Session, cookie::time};

use super::{SessionLimits, limits::since};
use crate::server::{
    auth::{Unavailable, place::ClientInfo, user::UserId},
    redis::sessions::{OWNER, SessionHash},
};

/// Stored in the session beside [`OWNER`].
const LOGIN: &str = "login";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// [`User::version`](crate::server::auth::user::User::version) at login.
    pub version: i64,
    pub created_at: Timestamp,
    /// Last sign of life, exact to [`SessionLimits::renew_after`].
    pub seen_at: Timestamp,
    /// When the password was last given. A session from before this field existed has to give it again.
    #[serde(default)]
    pub confirmed_at: Timestamp,
    /// Where the login came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The session that this one continues, until the browser has shown the new id. Only then are the sockets of the
    /// old session closed, because they reconnect at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_from: Option<SessionHash>,
}

impl Login {
    pub fn new(version: i64, place: &ClientInfo, now: Timestamp) -> Self {
        Self {
            version,
            created_at: now,
            seen_at: now,
            confirmed_at: now,
            address: place.address,
            user_agent: place.user_agent.clone(),
            renewed_from: None,
        }
    }

    /// The session's owner and its login; `None` if it has no login.
    pub async fn of(session: &Session) -> Result<Option<(UserId, Self)>, Unavailable> {
        Ok(parse(session.get_value(OWNER).await?.as_ref(), session.get_value(LOGIN).await?.as_ref()))
    }

    /// As [`of`](Self::of), from a session's stored data.
    pub fn read(data: &Map<String, Value>) -> Option<(UserId, Self)> {
        parse(data.get(OWNER), data.get(LOGIN))
    }

    /// Makes the session one of `user`, who was seen just now.
    pub async fn put(
        &self,
        session: &Session,
        user: UserId,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        session.insert(OWNER, user.to_string()).await?;
        session.insert(LOGIN, self).await?;
        session.set_expiry(Some(self.expiry(limits, now)));
        Ok(())
    }

    pub fn is_over(&self, limits: &SessionLimits, now: Timestamp) -> bool {
        since(self.created_at, now) >= limits.absolute || since(self.seen_at, now) >= limits.idle
    }

    /// How long the session may still be kept when the user is seen now.
    fn expiry(&self, limits: &SessionLimits, now: Timestamp) -> Expiry {
        let left = limits.absolute.saturating_sub(since(self.created_at, now)).min(limits.idle);
        Expiry::OnInactivity(time::Duration::try_from(left).unwrap_or(time::Duration::ZERO))
    }
}

fn parse(owner: Option<&Value>, login: Option<&Value>) -> Option<(UserId, Login)> {
    Some((UserId::from_str(owner?.as_str()?).ok()?, Login::deserialize(login?).ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_login_ends_by_idleness_and_by_age_whichever_comes_first() {
        let limits = SessionLimits {
            idle: Duration::from_secs(100),
            absolute: Duration::from_secs(250),
            ..SessionLimits::default()
        };
        let login = |seen| Login { seen_at: at(seen), ..Login::new(1, &ClientInfo::default(), at(1000)) };
        assert!(!login(1000).is_over(&limits, at(1099)));
        assert!(login(1000).is_over(&limits, at(1100)));
        assert!(!login(1240).is_over(&limits, at(1249)));
        assert!(login(1240).is_over(&limits, at(1250)));
        let seconds = |n| Expiry::OnInactivity(time::Duration::seconds(n));
        assert_eq!(login(1000).expiry(&limits, at(1000)), seconds(100));
        assert_eq!(login(1000).expiry(&limits, at(1200)), seconds(50));
        assert_eq!(login(1000).expiry(&limits, at(2000)), seconds(0));
    }
}
