//! What fuzzed requests may change, and how it becomes as it was: accounts, their sessions, and a server without an
//! admin.

use chargedeck::server::auth::one_time::Token;
use mongodb::{
    Collection as Documents,
    bson::{DateTime, Document, doc},
};
use redis::AsyncCommands;

use crate::{
    app::{ADA, PASSWORD},
    http::send,
    program::Program,
    support,
};

const EVE: &str = "eve@example.org";
const BOB: &str = "bob@example.org";
/// A new password, fit to be chosen.
const OTHER: &str = "seven green umbrellas at noon";

/// Two accounts beside [`ADA`], who must come to no harm: an admin who sends what changes something, and someone who is
/// invited.
pub struct Spare {
    users: Documents<Document>,
    redis: redis::aio::MultiplexedConnection,
    name: String,
    accounts: Vec<Document>,
    /// The keys of all sessions in Redis, with what they hold.
    sessions: Vec<(String, Vec<u8>)>,
    /// The admin's.
    pub cookie: String,
    invitation: String,
    /// A server where nobody is admin, its link to make the first one, and where the hash of that link stands.
    pub empty: Program,
    link: Token,
}

impl Spare {
    pub async fn make(program: &Program) -> Self {
        let users = program.own.collection::<Document>("users");
        let cookie = program.another(EVE).await;
        let form = format!("email={BOB}");
        let kind = "application/x-www-form-urlencoded";
        let page = send(program.port(), "/users/invite", &cookie, kind, &form).await.unwrap().body;
        let (_, token) = page.split_once("/invitation?token=").expect(&page);
        let invitation = token.chars().take_while(char::is_ascii_hexdigit).collect();
        let client = redis::Client::open(support::redis().await.url()).unwrap();
        let mut spare = Self {
            accounts: Vec::new(),
            sessions: Vec::new(),
            redis: client.get_multiplexed_async_connection().await.unwrap(),
            name: program.own.name().to_owned(),
            users,
            cookie,
            invitation,
            empty: Program::start(&[]).await,
            link: Token::new(),
        };
        for email in [EVE, BOB] {
            spare.accounts.push(spare.users.find_one(doc! {"email": email}).await.unwrap().unwrap());
        }
        for key in spare.keys("session").await {
            let held = redis::cmd("DUMP").arg(&key).query_async(&mut spare.redis).await.unwrap();
            spare.sessions.push((key, held));
        }
        spare
    }

    /// The server's keys in Redis that begin so.
    async fn keys(&mut self, with: &str) -> Vec<String> {
        self.redis.keys(format!("*{}*:{with}*", self.name)).await.unwrap()
    }

    /// Puts everything back: the accounts with their passwords, roles and links, their sessions, and no failed tries.
    pub async fn restore(&mut self) {
        let ours = [EVE, BOB, ADA];
        self.users.delete_many(doc! {"email": {"$nin": ours.as_slice()}}).await.unwrap();
        for account in &self.accounts {
            let it = doc! {"_id": account.get("_id")};
            self.users.replace_one(it, account).upsert(true).await.unwrap();
        }
        for (key, held) in &self.sessions {
            let put = redis::cmd("RESTORE").arg(key).arg(86_400_000).arg(held.as_slice()).arg("REPLACE").to_owned();
            let () = put.query_async(&mut self.redis).await.unwrap();
        }
        for key in self.keys("failed_").await {
            let () = self.redis.del(key).await.unwrap();
        }
        let own = &self.empty.own;
        own.collection::<Document>("users").delete_many(doc! {}).await.unwrap();
        let until = DateTime::from_millis(DateTime::now().timestamp_millis() + 3_600_000);
        let link = doc! {"hash": self.link.hash().to_string(), "expires_at": until};
        let doors = own.collection::<Document>("doors");
        doors.replace_one(doc! {"_id": "setup_link"}, link).upsert(true).await.unwrap();
    }

    /// Puts what there is into a seed's address or body. In a form, blanks are signs of addition.
    pub fn fill(&self, text: &str) -> String {
        let bob = self.accounts[1].get_object_id("_id").unwrap().to_hex();
        let blank = if text.starts_with('{') { " " } else { "+" };
        [
            ("$PASSWORD", PASSWORD.replace(' ', blank)),
            ("$OTHER", OTHER.replace(' ', blank)),
            ("$EVE", EVE.to_owned()),
            ("$USER", bob),
            ("$INVITATION", self.invitation.clone()),
            ("$LINK", self.link.expose().to_owned()),
        ]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}
