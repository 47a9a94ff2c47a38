//! `chargedeck admin …`: creates the first account, and lets users back in who forgot. There is no default account.
//!
//! A password comes from the terminal, or from standard input if that is no terminal. It never comes from the command
//! line, where the process list and the shell's history would show it.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use mongodb::Database;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    domain::text::{email_refused, password_refused},
    server::{
        auth::{
            audit_log::Initiator,
            email::Email,
            password::{self, Passwords},
            revocation::{self, Revoked},
            session::SessionLimits,
            user::{User, UserId, UserState},
            users::Users,
        },
        redis::{connection::Redis, sessions::RedisSessionStore},
    },
};

#[derive(Clone, Debug, Subcommand)]
pub enum AdminCommand {
    /// Create an admin; the password is asked for, or read from standard input
    Create { email: String },
    /// Set a new password, end all sessions of the account, and open it again if it was disabled
    Reset { email: String },
    /// Close an account and end all its sessions
    Disable { email: String },
    /// List the accounts
    List,
}

/// No password is longer, in bytes, however its characters are composed. Nothing beyond that is read.
const MAX_LINE: u64 = 4096;

/// Runs one command. It prints what it did to standard output; an error means that it did nothing.
///
/// # Errors
/// The message is for the terminal: what is wrong, and what to do.
pub async fn run(command: AdminCommand, network: &str, own_db: &Database, redis: &Redis) -> anyhow::Result<()> {
    let users = Users::new(own_db);
    match command {
        AdminCommand::Create { email } => create(&users, network, &new_address(&email)?).await,
        AdminCommand::Reset { email } => reset(&users, network, redis, &address(&email)?).await,
        AdminCommand::Disable { email } => disable(&users, redis, &address(&email)?).await,
        AdminCommand::List => list(&users).await,
    }
}

async fn create(users: &Users, network: &str, email: &Email) -> anyhow::Result<()> {
    users.ensure_indexes().await?;
    if users.by_email(email).await?.is_some() {
        bail!(exists(email));
    }
    let hash = new_password_hash(network, email).await?;
    users.create_admin(email, hash, &Initiator::command_line()).await?.ok_or_else(|| anyhow!(exists(email)))?;
    print(&format!("created admin {email}"))
}

async fn reset(users: &Users, network: &str, redis: &Redis, email: &Email) -> anyhow::Result<()> {
    let was_disabled = users.by_email(email).await?.ok_or_else(|| unknown(email))?.disabled;
    let hash = new_password_hash(network, email).await?;
    let user = users.reset(email, hash, &Initiator::command_line()).await?.ok_or_else(|| unknown(email))?;
    let opened = if was_disabled { "; the account is open again" } else { "" };
    print(&format!("new password set for {email}{opened}; {}", end_sessions(user, redis).await))
}

async fn disable(users: &Users, redis: &Redis, email: &Email) -> anyhow::Result<()> {
    let user = users.disable(email, &Initiator::command_line()).await?.ok_or_else(|| unknown(email))?;
    print(&format!("disabled {email}; {}", end_sessions(user, redis).await))?;
    // The last admin is not protected here, because this person may have to shut out the only one there is.
    if users.list().await?.iter().any(User::is_active_admin) {
        return Ok(());
    }
    print(
        "nobody can sign in now: chargedeck admin reset EMAIL opens an account, chargedeck admin create EMAIL makes one",
    )
}

async fn list(users: &Users) -> anyhow::Result<()> {
    let accounts = users.list().await?;
    if accounts.is_empty() {
        return print("no accounts yet: chargedeck admin create EMAIL");
    }
    for user in accounts {
        print(&line(&user))?;
    }
    Ok(())
}

fn line(user: &User) -> String {
    let state = match user.state() {
        UserState::Active => "active",
        UserState::Invited => "invited",
        UserState::Disabled => "disabled",
    };
    let seen = match user.last_login_at.map(bson::DateTime::try_to_rfc3339_string) {
        Some(Ok(at)) => format!("last login {at}"),
        _ => "never logged in".into(),
    };
    format!("{}\t{}\t{state}\t{seen}", user.email, user.role)
}

/// The raised version has ended the account's sessions already. This notifies the servers at once and tidies Redis.
async fn end_sessions(user: UserId, redis: &Redis) -> &'static str {
    let sessions = RedisSessionStore::new(redis.clone(), SessionLimits::default().absolute);
    let published = revocation::publish(redis, &Revoked::User { user }).await.is_ok();
    if published && sessions.delete_all_of(&user.to_string()).await.is_ok() {
        "all its sessions are ended"
    } else {
        "all its sessions are ended, open screens within ten seconds (Redis cannot be reached)"
    }
}

async fn new_password_hash(network: &str, email: &Email) -> anyhow::Result<String> {
    let (network, email) = (network.to_owned(), email.clone());
    let check = move |password: &SecretString| {
        let checked = password::check_new(password, &network, &email);
        checked.map_err(|refused| anyhow!(password_refused(refused)))
    };
    let password = tokio::task::spawn_blocking(move || ask_password(check)).await??;
    Ok(Passwords::default().hash(password).await?)
}

/// Asks for a password. It reports at once what is wrong with it, before the password is typed a second time.
fn ask_password(check: impl Fn(&SecretString) -> anyhow::Result<()>) -> anyhow::Result<SecretString> {
    if !io::stdin().is_terminal() {
        let password = first_line(io::stdin().lock())?;
        check(&password)?;
        return Ok(password);
    }
    let password = SecretString::from(rpassword::prompt_password("New password: ")?);
    check(&password)?;
    let again = SecretString::from(rpassword::prompt_password("Repeat password: ")?);
    if password.expose_secret() != again.expose_secret() {
        bail!("the passwords do not match; nothing was changed");
    }
    Ok(password)
}

/// Returns the first line without its line end; blanks belong to the password. A line that is longer than any
/// password is not read to its end.
fn first_line(input: impl BufRead) -> anyhow::Result<SecretString> {
    let mut line = String::new();
    input.take(MAX_LINE).read_line(&mut line).context("the password on standard input cannot be read")?;
    let password = line.strip_suffix('\n').map_or(line.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if password.is_empty() {
        bail!("no password on standard input: its first line is the password");
    }
    Ok(password.into())
}

fn address(text: &str) -> anyhow::Result<Email> {
    Email::parse(text).ok_or_else(|| anyhow!("{text:?} is not an e-mail address"))
}

fn new_address(text: &str) -> anyhow::Result<Email> {
    Email::of_new(text).map_err(|refused| anyhow!("{text:?}: {}", email_refused(refused)))
}

fn exists(email: &Email) -> String {
    format!("{email} already has an account; for a new password: chargedeck admin reset {email}")
}

fn unknown(email: &Email) -> anyhow::Error {
    anyhow!("there is no account {email}; chargedeck admin list shows all")
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credentials::PasswordRefused;

    #[test]
    fn the_password_is_the_first_line_as_it_stands() {
        for (input, password) in
            [("pass word \nmore\n", "pass word "), ("dos\r\n", "dos"), ("no line end", "no line end")]
        {
            assert_eq!(first_line(input.as_bytes()).unwrap().expose_secret(), password);
        }
        assert!(first_line("\n".as_bytes()).is_err() && first_line("".as_bytes()).is_err());
        let endless = first_line("x".repeat(1 << 20).as_bytes()).unwrap();
        let email = Email::parse("ada@example.org").unwrap();
        assert_eq!(password::check_new(&endless, "", &email), Err(PasswordRefused::TooLong));
    }
}
