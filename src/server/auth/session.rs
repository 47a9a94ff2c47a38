//! One login: when it ends, and the check that each request and each socket passes.

mod confirm;
mod limits;
mod open;
mod record;

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::SameSite, cookie::time};

use super::{
    AuthService, Unavailable,
    audit_log::{Action, AuditEntry},
    email::Email,
    place::ClientInfo,
    proof::{Proof, Purpose},
    revocation::Revoked,
    user::{User, UserId},
};
use crate::server::{
    auth::{CurrentAdmin, session::limits::since},
    config::PublicOrigin,
    redis::sessions::{RedisSessionStore, SessionHash},
};
pub use confirm::{ConfirmedAdmin, OwnPassword, PasswordPrompt};
pub use limits::SessionLimits;
pub use open::OpenSession;
use record::Login;

/// Whether a request is the user's sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// A user did something.
    User,
    /// A program did, such as a socket that reconnects.
    Program,
}

/// The answer to a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    In(CurrentAdmin),
    /// An unknown user, a wrong password, a disabled account or another role: all get the same answer.
    Refused,
    /// Too many attempts failed; try again after this time.
    Throttled(Duration),
}

impl AuthService {
    /// Signs a user in: opens a session under a new id, and ends the old one.
    ///
    /// # Errors
    /// MongoDB or Redis is away: nobody is let in.
    pub async fn sign_in(
        &self,
        session: &Session,
        email: &str,
        password: SecretString,
        place: &ClientInfo,
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
        let admin = self.open_session(session, &user, place).await?;
        if let Err(error) = self.audit.record(&AuditEntry::new(Action::Login, &user, place).about(&user)).await {
            session.flush().await?;
            return Err(error);
        }
        if let Err(error) = self.users.note_login(&user, stronger).await {
            tracing::warn!(%error, user.id = %user.id, "the login was not noted");
        }
        tracing::info!(user.id = %user.id, "login");
        Ok(SignIn::In(admin))
    }

    /// Ends a session and its open sockets. A session that does not exist is no error. The session also ends if the
    /// audit log cannot record that.
    ///
    /// # Errors
    /// Redis is away, so the session is still open.
    pub async fn sign_out(&self, session: &Session, place: &ClientInfo) -> Result<(), Unavailable> {
        let ended = session.id().as_ref().map(SessionHash::of);
        let admin = self.admit(session, Activity::Program).await;
        session.flush().await?;
        if let Some(session) = ended {
            self.publish(&Revoked::Session { session }).await;
        }
        let noted = match admin {
            Ok(Some(admin)) => self.audit.record(&AuditEntry::new(Action::Logout, &admin, place).about(&admin)).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::error!(%error, "a logout is not in the audit log");
        }
        Ok(())
    }

    /// Ends all sessions of a user whose version was raised. The version alone already ends all access. This closes
    /// the open sockets sooner and deletes the sessions.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn end_sessions_of(&self, user: UserId) -> Result<(), Unavailable> {
        self.publish(&Revoked::User { user }).await;
        Ok(self.sessions.delete_all_of(&user.to_string()).await?)
    }

    /// The admin behind a session; `None` if there is no session, or it has ended.
    ///
    /// # Errors
    /// MongoDB or Redis is away: nobody is let in.
    pub async fn admit(&self, session: &Session, activity: Activity) -> Result<Option<CurrentAdmin>, Unavailable> {
        let Some(id) = session.id() else { return Ok(None) };
        let Some((user, mut login)) = Login::of(session).await? else { return Ok(None) };
        let now = Timestamp::now();
        let Some(user) = self.entitled(user, &login, now).await? else {
            session.flush().await?;
            return Ok(None);
        };
        if activity == Activity::User {
            let renewed = login.renewed_from.take();
            if renewed.is_some() || since(login.seen_at, now) >= self.limits.renew_after() {
                login.seen_at = now;
                login.put(session, user.id, &self.limits, now).await?;
            }
            if let Some(session) = renewed {
                self.publish(&Revoked::Renewed { session }).await;
            }
        }
        Ok(Some(self.admin(&user, &login, SessionHash::of(&id), now)))
    }

    /// Whether an open socket may stay open. Checks what [`admit`](Self::admit) checks, without being a sign of life.
    ///
    /// # Errors
    /// MongoDB or Redis is away.
    pub async fn still_valid(&self, admin: &CurrentAdmin) -> Result<bool, Unavailable> {
        let Some(data) = self.sessions.peek(&admin.session).await? else { return Ok(false) };
        match Login::read(&data) {
            Some((user, login)) if user == admin.user && login.version == admin.version => {
                Ok(self.entitled(user, &login, Timestamp::now()).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Returns the user if the session is within its limits and the account is as it was at login.
    async fn entitled(&self, user: UserId, login: &Login, now: Timestamp) -> Result<Option<User>, Unavailable> {
        if login.is_over(&self.limits, now) {
            return Ok(None);
        }
        let user = self.lookup.by_id(user).await?;
        Ok(user.filter(|user| user.is_active_admin() && user.version == login.version))
    }

    async fn open_session(
        &self,
        session: &Session,
        user: &User,
        place: &ClientInfo,
    ) -> Result<CurrentAdmin, Unavailable> {
        let before = session.id().as_ref().map(SessionHash::of);
        let now = Timestamp::now();
        let login = Login::new(user.version, place, now);
        let session = self.rotate(session, user.id, &login, now).await?;
        if let Some(session) = before {
            self.publish(&Revoked::Session { session }).await;
        }
        Ok(self.admin(user, &login, session, now))
    }

    /// Moves the login to a new id, so that the old one is worthless to anyone who planted or saw it.
    async fn rotate(
        &self,
        session: &Session,
        user: UserId,
        login: &Login,
        now: Timestamp,
    ) -> Result<SessionHash, Unavailable> {
        session.cycle_id().await?;
        login.put(session, user, &self.limits, now).await?;
        // Saved here and not on the way out, so that a login that cannot be stored is answered as such.
        session.save().await?;
        session.id().as_ref().map(SessionHash::of).ok_or(Unavailable::NoSession)
    }

    fn admin(&self, user: &User, login: &Login, session: SessionHash, now: Timestamp) -> CurrentAdmin {
        CurrentAdmin {
            user: user.id,
            email: user.email.clone(),
            role: user.role.clone(),
            session,
            version: login.version,
            confirmed: since(login.confirmed_at, now) < self.limits.confirmed,
        }
    }

    async fn publish(&self, revoked: &Revoked) {
        if let Err(error) = self.revocations.publish(revoked).await {
            tracing::warn!(%error, "other instances were not notified of a revocation; their sockets find out within ten seconds");
        }
    }
}

/// The session cookie. `__Host-` binds it to this host and to TLS. Browsers refuse that name on plain http, which is
/// used only on the local machine. Lax and not Strict, so that links from mail and chat arrive signed in.
pub fn layer(auth: &AuthService) -> SessionManagerLayer<RedisSessionStore> {
    let idle = time::Duration::try_from(auth.limits.idle).unwrap_or(time::Duration::MAX);
    SessionManagerLayer::new(auth.sessions.clone())
        .with_name(cookie_name(&auth.origin))
        .with_secure(auth.origin.is_secure())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(idle))
}

pub fn cookie_name(origin: &PublicOrigin) -> &'static str {
    if origin.is_secure() { "__Host-chargedeck" } else { "chargedeck" }
}
