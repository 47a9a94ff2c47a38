//! The service that decides who is let in.

use std::sync::Arc;

use mongodb::Database;
use secrecy::SecretString;

use super::{
    Unavailable, audit_log::AuditLog, email::Email, lookup::AccountLookup, password::Passwords,
    revocation::Revocations, session::SessionLimits, throttle::Throttles, users::Users,
};
use crate::{
    domain::credentials::PasswordRefused,
    server::{
        config::{PublicOrigin, Settings, TrustedProxies},
        redis::{connection::Redis, sessions::RedisSessionStore},
    },
};

/// Decides who is let in: accounts, passwords, sessions, throttles, audit log. Clones are cheap and share everything.
#[derive(Clone)]
pub struct AuthService {
    pub users: Users,
    pub audit: AuditLog,
    /// Looks up whether users are still entitled.
    pub lookup: AccountLookup,
    pub passwords: Passwords,
    pub throttles: Throttles,
    pub sessions: RedisSessionStore,
    pub revocations: Revocations,
    pub limits: SessionLimits,
    pub origin: PublicOrigin,
    pub proxies: TrustedProxies,
    /// The network's name, which passwords may not be made of.
    network: Arc<str>,
}

impl AuthService {
    /// Asks neither of the two databases yet. Call it inside the runtime, because it begins to listen for revocations
    /// and to look accounts up.
    pub fn new(own_db: &Database, redis: &Redis, settings: &Settings, limits: SessionLimits) -> Self {
        let users = Users::new(own_db);
        Self {
            lookup: AccountLookup::new(users.clone()),
            users,
            audit: AuditLog::new(own_db),
            passwords: Passwords::default(),
            throttles: Throttles::new(redis.clone()),
            sessions: RedisSessionStore::new(redis.clone(), limits.absolute),
            revocations: Revocations::subscribe(redis.clone()),
            limits,
            origin: settings.server.public_origin.clone(),
            network: settings.network.name.as_str().into(),
            proxies: settings.server.trusted_proxies.clone(),
        }
    }
}

impl AuthService {
    /// Checks whether this account may have the password.
    ///
    /// # Errors
    /// It could not be judged.
    pub async fn check_new_password(
        &self,
        password: &SecretString,
        email: &Email,
    ) -> Result<Result<(), PasswordRefused>, Unavailable> {
        Ok(self.passwords.check_new(password, self.network.clone(), email).await?)
    }
}
