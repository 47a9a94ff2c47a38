//! One login: what the session keeps, when it ends, and the check that each request and each socket passes.

use std::{str::FromStr, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::SameSite, cookie::time};

use super::{
    Doors, Unavailable,
    audit_log::{Action, Entry},
    place::Place,
    proof::{Proof, Purpose},
    revocation::Revoked,
    users::{Email, User, UserId},
};
use crate::{
    cache::sessions::{OWNER, RedisSessionStore, SessionHash},
    config::PublicOrigin,
    http::problem::Problem,
};

/// How long a login lasts; both are checked on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request of the user. What a socket carries does not count.
    pub idle: Duration,
    /// Whatever the user does.
    pub absolute: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self { idle: Duration::from_secs(12 * HOUR), absolute: Duration::from_secs(7 * 24 * HOUR) }
    }
}

impl SessionLimits {
    /// Sign of life is written at most this often, so that most requests write nothing.
    fn renew_after(&self) -> Duration {
        (self.idle / 10).min(Duration::from_secs(60))
    }
}

/// The admin who makes the request. The guard has put it there after asking both databases; without it a handler that
/// takes one answers 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentAdmin {
    pub user: UserId,
    pub email: String,
    pub session: SessionHash,
    /// The user's version that the session began with.
    pub version: i64,
}

impl<S: Sync> FromRequestParts<S> for CurrentAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Sign in first.",
        ))
    }
}

/// Kept in the session beside [`OWNER`].
const LOGIN: &str = "login";

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Login {
    /// [`User::version`] at login.
    version: i64,
    created_at: Timestamp,
    /// Last sign of life, exact to [`SessionLimits::renew_after`].
    seen_at: Timestamp,
}

impl Login {
    fn is_over(&self, limits: &SessionLimits, now: Timestamp) -> bool {
        since(self.created_at, now) >= limits.absolute || since(self.seen_at, now) >= limits.idle
    }

    /// How long the session may still be kept when the user is seen now.
    fn expiry(&self, limits: &SessionLimits, now: Timestamp) -> Expiry {
        let left = limits.absolute.saturating_sub(since(self.created_at, now)).min(limits.idle);
        Expiry::OnInactivity(time::Duration::try_from(left).unwrap_or(time::Duration::ZERO))
    }
}

/// Whether a request is a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Someone did something.
    User,
    /// A program did, such as a socket that connects again.
    Program,
}

/// The answer to a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    In(CurrentAdmin),
    /// An unknown user, a wrong password, a disabled account or another role: one answer to all of them.
    Refused,
    /// Too many failed; try again after this time.
    Throttled(Duration),
}

impl Doors {
    /// Lets a user in: a new session under a new id, the old one ended.
    ///
    /// # Errors
    /// MongoDB or Redis is away: nobody is let in.
    pub async fn sign_in(
        &self,
        session: &Session,
        email: &str,
        password: SecretString,
        place: &Place,
    ) -> Result<SignIn, Unavailable> {
        let email = Email::parse(email);
        let user = match &email {
            Some(email) => self.users.by_email(email).await?,
            None => None,
        };
        let weak = match self.prove(Purpose::Login, email, user.clone(), password.clone(), place).await? {
            Proof::Right { weak } => weak,
            Proof::Refused => return Ok(SignIn::Refused),
            Proof::Throttled(wait) => return Ok(SignIn::Throttled(wait)),
        };
        let Some(user) = user else { return Ok(SignIn::Refused) };
        let stronger = if weak { Some(self.passwords.hash(password).await?) } else { None };
        let admin = self.open_session(session, &user).await?;
        if let Err(error) = self.audit.record(&Entry::new(Action::Login, &user, place).about(&user)).await {
            session.flush().await?;
            return Err(error);
        }
        if let Err(error) = self.users.note_login(&user, stronger).await {
            tracing::warn!(%error, user.id = %user.id, "the login was not noted");
        }
        tracing::info!(user.id = %user.id, "login");
        Ok(SignIn::In(admin))
    }

    /// Ends a session, here and in its open sockets; one that does not exist is no error. It ends also where that cannot
    /// be noted in the audit log.
    ///
    /// # Errors
    /// Redis is away, and the session therefore still open.
    pub async fn sign_out(&self, session: &Session, place: &Place) -> Result<(), Unavailable> {
        let ended = session.id().as_ref().map(SessionHash::of);
        let admin = self.admit(session, Activity::Program).await;
        session.flush().await?;
        if let Some(session) = ended {
            self.tell(&Revoked::Session { session }).await;
        }
        let noted = match admin {
            Ok(Some(admin)) => self.audit.record(&Entry::new(Action::Logout, &admin, place).about(&admin)).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::error!(%error, "a logout is not in the audit log");
        }
        Ok(())
    }

    /// Ends all sessions of a user whose version was raised. The version alone already shuts every door; this shuts the
    /// open sockets sooner and leaves nothing behind.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn end_sessions_of(&self, user: UserId) -> Result<(), Unavailable> {
        self.tell(&Revoked::User { user }).await;
        Ok(self.sessions.delete_all_of(&user.to_string()).await?)
    }

    /// The admin behind a session; `None` when there is none, or no longer.
    ///
    /// # Errors
    /// MongoDB or Redis is away: nobody is let in.
    pub async fn admit(&self, session: &Session, activity: Activity) -> Result<Option<CurrentAdmin>, Unavailable> {
        let Some(id) = session.id() else { return Ok(None) };
        let (owner, login) = (session.get_value(OWNER).await?, session.get_value(LOGIN).await?);
        let (Some(user), Some(mut login)) = (read_owner(owner.as_ref()), read::<Login>(login.as_ref())) else {
            return Ok(None);
        };
        let now = Timestamp::now();
        let Some(user) = self.entitled(user, &login, now).await? else {
            session.flush().await?;
            return Ok(None);
        };
        if activity == Activity::User && since(login.seen_at, now) >= self.limits.renew_after() {
            login.seen_at = now;
            session.insert(LOGIN, login).await?;
            session.set_expiry(Some(login.expiry(&self.limits, now)));
        }
        Ok(Some(CurrentAdmin {
            user: user.id,
            email: user.email,
            session: SessionHash::of(&id),
            version: login.version,
        }))
    }

    /// Whether an open socket may stay open: what [`admit`](Self::admit) asks, without being a sign of life.
    ///
    /// # Errors
    /// MongoDB or Redis is away.
    pub async fn still_valid(&self, admin: &CurrentAdmin) -> Result<bool, Unavailable> {
        let Some(data) = self.sessions.peek(&admin.session).await? else { return Ok(false) };
        match (read_owner(data.get(OWNER)), read::<Login>(data.get(LOGIN))) {
            (Some(user), Some(login)) if user == admin.user && login.version == admin.version => {
                Ok(self.entitled(user, &login, Timestamp::now()).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// The user, if the session is within its limits and the account as it was at login.
    async fn entitled(&self, user: UserId, login: &Login, now: Timestamp) -> Result<Option<User>, Unavailable> {
        if login.is_over(&self.limits, now) {
            return Ok(None);
        }
        let user = self.lookup.by_id(user).await?;
        Ok(user.filter(|user| user.is_active_admin() && user.version == login.version))
    }

    async fn open_session(&self, session: &Session, user: &User) -> Result<CurrentAdmin, Unavailable> {
        let before = session.id().as_ref().map(SessionHash::of);
        // A new id: whoever planted or saw the old one has nothing.
        session.cycle_id().await?;
        if let Some(session) = before {
            self.tell(&Revoked::Session { session }).await;
        }
        let now = Timestamp::now();
        let login = Login { version: user.version, created_at: now, seen_at: now };
        session.insert(OWNER, user.id.to_string()).await?;
        session.insert(LOGIN, login).await?;
        session.set_expiry(Some(login.expiry(&self.limits, now)));
        // Saved here and not on the way out, so that a login that cannot be kept is answered as such.
        session.save().await?;
        let session = session.id().as_ref().map(SessionHash::of).ok_or(Unavailable::NoSession)?;
        Ok(CurrentAdmin { user: user.id, email: user.email.clone(), session, version: user.version })
    }

    async fn tell(&self, revoked: &Revoked) {
        if let Err(error) = self.revocations.publish(revoked).await {
            tracing::warn!(%error, "other instances were not told of a revocation; their sockets find out within ten seconds");
        }
    }
}

/// The session cookie. `__Host-` binds it to this host and to TLS; browsers refuse that name on plain http, which there
/// is only on the machine itself. Lax and not Strict, so that links from mail and chat arrive signed in.
pub fn layer(doors: &Doors) -> SessionManagerLayer<RedisSessionStore> {
    let idle = time::Duration::try_from(doors.limits.idle).unwrap_or(time::Duration::MAX);
    SessionManagerLayer::new(doors.sessions.clone())
        .with_name(cookie_name(&doors.origin))
        .with_secure(doors.origin.is_secure())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(idle))
}

pub fn cookie_name(origin: &PublicOrigin) -> &'static str {
    if origin.is_secure() { "__Host-chargedeck" } else { "chargedeck" }
}

fn read_owner(value: Option<&Value>) -> Option<UserId> {
    UserId::from_str(value?.as_str()?).ok()
}

fn read<T: DeserializeOwned>(value: Option<&Value>) -> Option<T> {
    T::deserialize(value?).ok()
}

/// None of it where the clock was set back.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_login_ends_by_idleness_and_by_age_whichever_comes_first() {
        let limits = SessionLimits { idle: Duration::from_secs(100), absolute: Duration::from_secs(250) };
        let login = |seen| Login { version: 1, created_at: at(1000), seen_at: at(seen) };
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
