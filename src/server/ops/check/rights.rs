//! What the connected user may do, and what it must be allowed to.

use std::time::Duration;

use bson::{Document, doc};

use super::{
    answers::unanswered,
    report::{CheckReport, Level, command},
};
use crate::{
    domain::collections::Collection,
    server::{
        auth::audit_log::{AuditLog, COLLECTION, create_indexes, keep_for},
        mongo::{
            Mongo,
            privileges::{self, Privileges},
        },
    },
};

const WHAT: &str = "Rights";
const LOG_WHAT: &str = "Audit log";
/// Needed on the operator's database as a whole.
const WATCH: [&str; 3] = ["find", "changeStream", "listCollections"];
/// Needed on each of the collections: for `prepare`, and for `check` to report what is there.
const PREPARE: [&str; 5] = ["createIndex", "dropIndex", "collMod", "listIndexes", "collStats"];
/// Needed on single collections of the operator's, for the actions of admins. Without it the pages of these actions
/// say why they are impossible.
const ACT: [(Collection, &str); 1] = [(Collection::Clients, "update")];
/// Needed on each collection of our own database except the audit log. Additions belong in docs/security.md, too.
const OWN: [&str; 7] = ["find", "insert", "update", "remove", "createCollection", "createIndex", "collMod"];
const OWN_COLLECTIONS: [&str; 6] = ["action_keys", "doors", "events", "marks", "prepared", "users"];
/// Needed on the audit log: nothing that changes or removes an entry, or makes MongoDB do so.
const LOG: [&str; 3] = ["find", "insert", "listIndexes"];
/// Rights that would change or remove entries, or make MongoDB do so.
const ALTER: [&str; 6] = ["update", "remove", "dropCollection", "createIndex", "collMod", "renameCollectionSameDB"];

/// `keep` is how long the audit log should be kept.
pub async fn check(mongo: &Mongo, keep: Duration, report: &mut CheckReport) {
    let (user, may) = match privileges::user(mongo).await {
        Ok(Some(known)) => known,
        Ok(None) => return nobody(mongo, report).await,
        Err(error) => return report.warning(WHAT, unanswered(&error)),
    };
    let name = user.get_str("user").unwrap_or_default();
    let (theirs, ours) = (mongo.operator.name(), mongo.own.name());
    let mut missing = may.missing(theirs, None, &WATCH);
    let mut own: Vec<String> = Vec::new();
    for (collection, actions) in OWN_COLLECTIONS.map(|c| (c, &OWN[..])).into_iter().chain([(COLLECTION, &LOG[..])]) {
        let missing = may.missing(ours, Some(collection), actions);
        own.extend((!missing.is_empty()).then(|| format!("{} on {ours}.{collection}", missing.join(", "))));
    }
    log(mongo, keep, &may, report).await;
    let prepare: Vec<_> = PREPARE
        .into_iter()
        .filter(|action| Collection::ALL.iter().any(|c| !may.allow(theirs, Some(c.name()), action)))
        .collect();
    for (collection, _) in ACT.iter().filter(|(of, action)| !may.allow(theirs, Some(of.name()), action)) {
        let text = format!("{name} may not write to {theirs}.{collection}: what admins can do there is not offered");
        report.add(Level::Note, WHAT, text, grant(mongo, &user));
    }
    if missing.is_empty() && own.is_empty() && prepare.is_empty() {
        return report.ok(WHAT, format!("{name} may do all that is needed"));
    }
    let (level, text) = if missing.is_empty() && own.is_empty() {
        (
            Level::Warning,
            format!("{name} may not {} on {theirs}: another must run `chargedeck prepare`", prepare.join(", ")),
        )
    } else {
        missing.extend(prepare);
        let watched = (!missing.is_empty()).then(|| format!("{} on {theirs}", missing.join(", ")));
        let all: Vec<_> = watched.into_iter().chain(own).collect();
        (Level::Problem, format!("{name} may not {}", all.join(", nor ")))
    };
    report.add(level, WHAT, text, grant(mongo, &user));
}

/// Without a login MongoDB allows everything, or nothing.
async fn nobody(mongo: &Mongo, report: &mut CheckReport) {
    match mongo.operator.list_collection_names().await {
        Ok(_) => report.ok(WHAT, "MongoDB asks for no login"),
        Err(error) => {
            let text = format!("MongoDB asks for a login: {}", unanswered(&error));
            let mend =
                vec![format!("MONGODB_URI=mongodb://USER:PASSWORD@HOST:27017/?authSource=admin chargedeck check")];
            report.add(Level::Problem, WHAT, text, mend);
        }
    }
}

/// The commands that make a role with all that is needed, and grant it to the user.
fn grant(mongo: &Mongo, user: &Document) -> Vec<String> {
    let name = user.get_str("user").unwrap_or_default();
    let grant = doc! {"grantRolesToUser": name, "roles": [{"role": ROLE, "db": "admin"}]};
    let role = role(mongo.operator.name(), mongo.own.name());
    vec![command("admin", role), command(user.get_str("db").unwrap_or("admin"), grant)]
}

const ROLE: &str = "chargedeck";

/// The command that makes the role. With this role the audit log is append-only.
pub fn role(operator_db: &str, own_db: &str) -> Document {
    let on = |db: &str, collection: &str, actions: &[&str]| doc! {"resource": {"db": db, "collection": collection}, "actions": actions};
    let own = OWN_COLLECTIONS.iter().map(|collection| on(own_db, collection, &OWN));
    let watched = on(operator_db, "", &[&WATCH[..], &PREPARE].concat());
    let acts = ACT.iter().map(|(collection, action)| on(operator_db, collection.name(), &[*action]));
    let privileges: Vec<Document> =
        [watched].into_iter().chain(acts).chain(own).chain([on(own_db, COLLECTION, &LOG)]).collect();
    doc! {"createRole": ROLE, "privileges": privileges, "roles": []}
}

/// Reports whether entries of the audit log stay as they are, for as long as they should.
async fn log(mongo: &Mongo, keep: Duration, may: &Privileges, report: &mut CheckReport) {
    let ours = mongo.own.name();
    let alter: Vec<_> = ALTER.into_iter().filter(|action| may.allow(ours, Some(COLLECTION), action)).collect();
    let days = keep.as_secs() / 86_400;
    let makes = alter.contains(&"createIndex");
    match AuditLog::new(&mongo.own).kept().await {
        Ok(Some(kept)) if kept == keep => report.ok(LOG_WHAT, format!("entries are kept for {days} days")),
        _ if makes => report.ok(LOG_WHAT, format!("entries are kept for {days} days from the next start on")),
        Ok(Some(_)) => {
            let text = format!("entries are not kept for {days} days, as is set");
            report.add(Level::Warning, LOG_WHAT, text, vec![command(ours, keep_for(keep))]);
        }
        Ok(None) | Err(_) => {
            let text =
                "entries are kept for ever, and found slowly: indexes are missing, and may not be made by this user";
            report.add(Level::Warning, LOG_WHAT, text, vec![command(ours, create_indexes(keep))]);
        }
    }
    if alter.is_empty() {
        report.ok(LOG_WHAT, "entries can be added and not changed");
    } else {
        let text = format!(
            "whoever has this user's password can change or remove entries ({}): docs/security.md has a role that cannot",
            alter.join(", ")
        );
        report.warning(LOG_WHAT, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/security.md` shows the role that is printed here and that `tests/auth/role.rs` gives a user.
    #[test]
    fn the_role_of_the_document_is_this_one() {
        let text = include_str!("../../../../docs/security.md");
        let mut blocks = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let mut next = || serde_json::from_str::<Document>(blocks.next().expect("a command")).expect("a document");
        assert_eq!(next(), role("chargedeck", "chargedeck_app"));
        let keep = Duration::from_secs(400 * 86_400);
        let numbers = |document: Document| bson::Bson::Document(document).into_relaxed_extjson();
        assert_eq!(numbers(next()), numbers(create_indexes(keep)));
    }
}
