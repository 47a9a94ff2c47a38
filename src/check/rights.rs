//! What the connected user may do, and what it must be allowed to.

use bson::{Document, doc};

use super::{
    report::{Level, Report, command},
    unanswered,
};
use crate::{model::ids::Collection, mongo::Mongo};

const WHAT: &str = "Rights";
/// On the operator's database as a whole.
const WATCH: [&str; 3] = ["find", "changeStream", "listCollections"];
/// On each of the five collections, unless `serve --no-ddl`.
const PREPARE: [&str; 3] = ["createCollection", "createIndex", "collMod"];
/// On our own database.
const OWN: [&str; 6] = ["find", "insert", "update", "remove", "createCollection", "createIndex"];

/// What a user may do, as MongoDB tells it.
struct Privileges(Vec<Document>);

pub async fn check(mongo: &Mongo, report: &mut Report) {
    let status =
        match mongo.client.database("admin").run_command(doc! {"connectionStatus": 1, "showPrivileges": true}).await {
            Ok(status) => status,
            Err(error) => return report.warning(WHAT, unanswered(&error)),
        };
    let info = status.get_document("authInfo").cloned().unwrap_or_default();
    let documents = |name: &str| -> Vec<Document> {
        let list = info.get_array(name).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|one| one.as_document().cloned()).collect()
    };
    let Some(user) = documents("authenticatedUsers").into_iter().next() else {
        return nobody(mongo, report).await;
    };
    let name = user.get_str("user").unwrap_or_default();
    let may = Privileges(documents("authenticatedUserPrivileges"));
    let (theirs, ours) = (mongo.operator.name(), mongo.own.name());
    let mut missing = may.missing(theirs, None, &WATCH);
    let own = may.missing(ours, None, &OWN);
    let prepare: Vec<_> = PREPARE
        .into_iter()
        .filter(|action| Collection::ALL.iter().any(|c| !may.allow(theirs, Some(c.name()), action)))
        .collect();
    if missing.is_empty() && own.is_empty() && prepare.is_empty() {
        return report.ok(WHAT, format!("{name} may do all that is needed"));
    }
    let (level, said) = if missing.is_empty() && own.is_empty() {
        (
            Level::Warning,
            format!("{name} may not {} on {theirs}: images and indexes must be made by another", prepare.join(", ")),
        )
    } else {
        missing.extend(prepare);
        let on = |actions: &[&str], db: &str| (!actions.is_empty()).then(|| format!("{} on {db}", actions.join(", ")));
        let all: Vec<_> = [on(&missing, theirs), on(&own, ours)].into_iter().flatten().collect();
        (Level::Problem, format!("{name} may not {}", all.join(", nor ")))
    };
    report.add(level, WHAT, said, grant(mongo, &user));
}

/// Without a login everything is allowed, or nothing.
async fn nobody(mongo: &Mongo, report: &mut Report) {
    match mongo.operator.list_collection_names().await {
        Ok(_) => report.ok(WHAT, "MongoDB asks for no login"),
        Err(error) => {
            let said = format!("MongoDB asks for a login: {}", unanswered(&error));
            let mend =
                vec![format!("MONGODB_URI=mongodb://USER:PASSWORD@HOST:27017/?authSource=admin chargedeck check")];
            report.add(Level::Problem, WHAT, said, mend);
        }
    }
}

/// A role with all that is needed, for the user.
fn grant(mongo: &Mongo, user: &Document) -> Vec<String> {
    let on = |db: &str, actions: &[&str]| doc! {"resource": {"db": db, "collection": ""}, "actions": actions};
    let privileges = [on(mongo.operator.name(), &[WATCH, PREPARE].concat()), on(mongo.own.name(), &OWN)];
    let role = doc! {"createRole": "chargedeck", "privileges": privileges.to_vec(), "roles": []};
    let name = user.get_str("user").unwrap_or_default();
    let grant = doc! {"grantRolesToUser": name, "roles": [{"role": "chargedeck", "db": "admin"}]};
    vec![command("admin", role), command(user.get_str("db").unwrap_or("admin"), grant)]
}

impl Privileges {
    fn missing<'a>(&self, db: &str, collection: Option<&str>, actions: &[&'a str]) -> Vec<&'a str> {
        actions.iter().filter(|action| !self.allow(db, collection, action)).copied().collect()
    }

    /// On a collection, or on the database as a whole.
    fn allow(&self, db: &str, collection: Option<&str>, action: &str) -> bool {
        self.0.iter().any(|privilege| {
            let actions = privilege.get_array("actions").map(Vec::as_slice).unwrap_or_default();
            let allows = actions.iter().filter_map(|a| a.as_str()).any(|a| a == action || a == "anyAction");
            let Ok(resource) = privilege.get_document("resource") else { return false };
            let within = resource.get_bool("anyResource").unwrap_or(false)
                || resource.get_str("db").is_ok_and(|of| of.is_empty() || of == db)
                    && resource.get_str("collection").is_ok_and(|of| of.is_empty() || Some(of) == collection);
            allows && within
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privilege_reaches_as_far_as_its_resource() {
        let may = Privileges(vec![
            doc! {"resource": {"db": "deck", "collection": ""}, "actions": ["find", "changeStream"]},
            doc! {"resource": {"db": "deck", "collection": "stations"}, "actions": ["collMod"]},
            doc! {"resource": {"cluster": true}, "actions": ["anyAction"]},
        ]);
        assert!(may.allow("deck", None, "find") && may.allow("deck", Some("clients"), "find"));
        assert!(may.allow("deck", Some("stations"), "collMod") && !may.allow("deck", Some("clients"), "collMod"));
        assert!(!may.allow("other", None, "find"));
        assert_eq!(may.missing("deck", None, &WATCH), ["listCollections"]);
        let root = Privileges(vec![doc! {"resource": {"anyResource": true}, "actions": ["anyAction"]}]);
        assert!(root.missing("any", None, &OWN).is_empty());
    }
}
