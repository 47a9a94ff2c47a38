//! Lists a user's sessions, and ends them one by one.

use std::{cmp::Reverse, net::IpAddr};

use jiff::Timestamp;

use super::record::Login;
use crate::server::{
    auth::{
        AuthService, CurrentAdmin, Unavailable,
        audit_log::{Action, AuditEntry},
        place::ClientInfo,
        revocation::Revoked,
        user::{User, UserId},
    },
    redis::sessions::SessionHash,
};

/// A session as shown to its user: where it began, and when it was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    pub name: SessionHash,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// Exact to a minute.
    pub seen_at: Timestamp,
}

impl AuthService {
    /// The sessions that give the user access now, the last used first.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn sessions_of(&self, user: &User) -> Result<Vec<OpenSession>, Unavailable> {
        let now = Timestamp::now();
        if !user.is_active_admin() {
            return Ok(Vec::new());
        }
        let kept = self.sessions.all_of(&user.id.to_string()).await?;
        let open = kept.into_iter().filter_map(|(name, data)| {
            let (owner, login) = Login::read(&data)?;
            let valid = owner == user.id && login.version == user.version && !login.is_over(&self.limits, now);
            let Login { address, user_agent, created_at, seen_at, .. } = login;
            valid.then_some(OpenSession { name, address, user_agent, created_at, seen_at })
        });
        let mut open: Vec<_> = open.collect();
        open.sort_by_key(|session| Reverse((session.seen_at, session.created_at)));
        Ok(open)
    }

    /// Ends one of the admin's own sessions and its sockets. Returns false if it is not the admin's, or has ended.
    ///
    /// # Errors
    /// Redis or MongoDB is away.
    pub async fn end_session(
        &self,
        admin: &CurrentAdmin,
        session: &SessionHash,
        place: &ClientInfo,
    ) -> Result<bool, Unavailable> {
        let owner = admin.user.to_string();
        if !self.sessions.all_of(&owner).await?.iter().any(|(name, _)| name == session) {
            return Ok(false);
        }
        self.audit.record(&AuditEntry::new(Action::SessionEnded, admin, place).about(admin)).await?;
        self.sessions.delete_one_of(&owner, session).await?;
        self.publish(&Revoked::Session { session: session.clone() }).await;
        Ok(true)
    }

    /// Ends all of the admin's own sessions except the current one, and their sockets.
    ///
    /// # Errors
    /// Redis or MongoDB is away.
    pub async fn end_other_sessions(&self, admin: &CurrentAdmin, place: &ClientInfo) -> Result<(), Unavailable> {
        self.audit.record(&AuditEntry::new(Action::SessionsEnded, admin, place).about(admin)).await?;
        self.end_all_but(admin.user, Some(&admin.session)).await
    }

    /// Ends the sessions of a user except `kept`, and their sockets.
    pub(in crate::server::auth) async fn end_all_but(
        &self,
        user: UserId,
        kept: Option<&SessionHash>,
    ) -> Result<(), Unavailable> {
        let owner = user.to_string();
        for (session, _) in self.sessions.all_of(&owner).await? {
            if Some(&session) != kept && self.sessions.delete_one_of(&owner, &session).await? {
                self.publish(&Revoked::Session { session }).await;
            }
        }
        Ok(())
    }
}
