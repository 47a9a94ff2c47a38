//! Passwords: which are accepted, and how they are hashed (argon2id) without logins exhausting the machine.

mod rules;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::email::Email;
use crate::domain::credentials::PasswordRefused;

pub use rules::check_new;
pub(super) use rules::is_too_long;
use rules::{check_length, judge, normal};

/// How many hashes run at once, and so how many guesses are judged at once. Each takes [`Params::m_cost`] KiB (19
/// MiB) and a core.
const PARALLEL_HASHES: usize = 2;

/// The result of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordVerdict {
    Wrong,
    Right,
    /// Right, but the stored hash is weaker than those made today.
    RightButWeak,
}

/// A hash could not be computed. This never counts as a wrong password.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashFailed(String);

/// The hasher of this process. Clones share its limit and its counters.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    runs: AtomicUsize,
    running: AtomicUsize,
    peak: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(PARALLEL_HASHES)), counters: Arc::default() }
    }
}

impl Passwords {
    /// Waits for one of the few permits to run a hash. A caller that is dropped meanwhile gives up its place.
    ///
    /// # Errors
    /// Never while the process runs.
    pub(super) async fn turn(&self) -> Result<HashTurn, HashFailed> {
        let permit = self.permits.clone().acquire_owned().await.map_err(failed)?;
        Ok(HashTurn { permit: Arc::new(permit), counters: self.counters.clone() })
    }

    /// Runs [`check_new`] in the turn of a hash, because judging takes as much CPU time.
    ///
    /// # Errors
    /// It could not be judged.
    pub async fn check_new(
        &self,
        password: &SecretString,
        network: Arc<str>,
        email: &Email,
    ) -> Result<Result<(), PasswordRefused>, HashFailed> {
        if let Err(refused) = check_length(password) {
            return Ok(Err(refused));
        }
        let (password, email) = (password.clone(), email.clone());
        self.turn().await?.run(move || Ok(judge(&password, &network, &email))).await
    }

    /// Returns the PHC string of a new password that [`check_new`] accepted.
    ///
    /// # Errors
    /// The system provides no randomness or no memory.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashFailed> {
        let password = normal(&password);
        let hash = move || Ok(argon2().hash_password(password.expose_secret().as_bytes()).map_err(failed)?.to_string());
        self.turn().await?.hash(hash).await
    }

    /// Hashes run since start.
    pub fn runs(&self) -> usize {
        self.counters.runs.load(Ordering::Relaxed)
    }

    /// The most hashes and judgements that ever ran at once.
    pub fn peak(&self) -> usize {
        self.counters.peak.load(Ordering::Relaxed)
    }
}

/// The right to run hashes, or to judge new passwords, one after the other. Others wait until it is dropped.
pub(super) struct HashTurn {
    permit: Arc<OwnedSemaphorePermit>,
    counters: Arc<Counters>,
}

impl HashTurn {
    /// Compares a password with a stored PHC string. Exactly one hash runs, even if there is no string (no such user)
    /// or it is not argon2's, so that the response time reveals nothing.
    ///
    /// # Errors
    /// The system provides no memory.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<PasswordVerdict, HashFailed> {
        let (password, stored) = (normal(&password), stored.as_deref().and_then(StoredHash::parse));
        self.hash(move || {
            let password = password.expose_secret().as_bytes();
            match stored {
                None => argon2()
                    .hash_password_with_salt(password, b"nobody's password")
                    .map_err(failed)
                    .map(|_| PasswordVerdict::Wrong),
                Some(stored) => Ok(match argon2().verify_password(password, &stored.hash) {
                    Ok(()) if stored.weak => PasswordVerdict::RightButWeak,
                    Ok(()) => PasswordVerdict::Right,
                    Err(_) => PasswordVerdict::Wrong,
                }),
            }
        })
        .await
    }

    async fn hash<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> Result<T, HashFailed> + Send + 'static,
    ) -> Result<T, HashFailed> {
        let counters = self.counters.clone();
        self.run(move || {
            counters.runs.fetch_add(1, Ordering::Relaxed);
            hash()
        })
        .await
    }

    /// Runs the work on a blocking thread, where nothing else waits.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashFailed> + Send + 'static,
    ) -> Result<T, HashFailed> {
        let (permit, counters) = (self.permit.clone(), self.counters.clone());
        let span = tracing::Span::current();
        let work = move || {
            // The work holds the permit, too, so that a client that disconnects does not make room for the next.
            let _permit = permit;
            let _span = span.enter();
            let running = counters.running.fetch_add(1, Ordering::Relaxed) + 1;
            counters.peak.fetch_max(running, Ordering::Relaxed);
            let result = work();
            counters.running.fetch_sub(1, Ordering::Relaxed);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(failed)?
    }
}

/// A stored hash that argon2 can verify.
struct StoredHash {
    hash: PasswordHash,
    weak: bool,
}

impl StoredHash {
    fn parse(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let params = Params::try_from(&hash).ok()?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return None;
        }
        let today = Params::DEFAULT;
        let weak = algorithm != Algorithm::Argon2id
            || hash.version != Some(Version::V0x13.into())
            || params.m_cost() < today.m_cost()
            || params.t_cost() < today.t_cost();
        Some(Self { hash, weak })
    }
}

/// m = 19456 KiB, t = 2, p = 1: the least that OWASP accepts, and the crate's default.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn failed(error: impl fmt::Display) -> HashFailed {
    HashFailed(error.to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    async fn verify(passwords: &Passwords, password: &str, stored: Option<String>) -> PasswordVerdict {
        passwords.turn().await.unwrap().verify(password.into(), stored).await.unwrap()
    }

    #[tokio::test]
    async fn the_hash_is_argon2id_with_owasps_parameters_and_sees_the_last_character() {
        let passwords = Passwords::default();
        let password = format!("{}a", "p".repeat(99));
        let hash = passwords.hash(password.clone().into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(verify(&passwords, &password, Some(hash.clone())).await, PasswordVerdict::Right);
        let other = format!("{}b", "p".repeat(99));
        assert_eq!(verify(&passwords, &other, Some(hash)).await, PasswordVerdict::Wrong);
    }

    #[tokio::test]
    async fn one_password_is_right_however_its_characters_are_put_together() {
        let passwords = Passwords::default();
        let hash = passwords.hash("les élèves étaient là".into()).await.unwrap();
        let decomposed = "les e\u{301}le\u{300}ves e\u{301}taient la\u{300}";
        assert_eq!(verify(&passwords, decomposed, Some(hash)).await, PasswordVerdict::Right);
    }

    #[tokio::test]
    async fn a_new_password_is_judged_in_the_turn_of_a_hash() {
        let passwords = Passwords::default();
        let email = Email::parse("ada@example.org").unwrap();
        let check = async |password: &str| passwords.check_new(&password.into(), "".into(), &email).await.unwrap();
        let turns = (passwords.turn().await.unwrap(), passwords.turn().await.unwrap());
        let mut judged = std::pin::pin!(check("correct horse battery staple"));
        assert!(judged.as_mut().now_or_never().is_none(), "others hash");
        assert_eq!(check("short").await, Err(PasswordRefused::TooShort), "costs no turn");
        drop(turns);
        assert_eq!(judged.await, Ok(()));
        assert_eq!((passwords.runs(), passwords.peak()), (0, 1), "it is no hash, and counts as work");
    }

    #[tokio::test]
    async fn one_hash_runs_whatever_is_stored() {
        let passwords = Passwords::default();
        let foreign = "$2b$12$abcdefghijklmnopqrstuv".to_owned();
        let cut = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned();
        for (n, stored) in [None, Some(String::new()), Some(foreign), Some(cut)].into_iter().enumerate() {
            assert_eq!(verify(&passwords, "x", stored).await, PasswordVerdict::Wrong);
            assert_eq!(passwords.runs(), n + 1);
        }
    }

    #[tokio::test]
    async fn a_weak_hash_is_known() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        let hash = weak.hash_password(b"an old but right password").unwrap().to_string();
        let verdict = verify(&Passwords::default(), "an old but right password", Some(hash)).await;
        assert_eq!(verdict, PasswordVerdict::RightButWeak);
    }
}
