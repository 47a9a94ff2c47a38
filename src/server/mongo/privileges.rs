//! What the connected user may do.

use bson::{Document, doc};
use mongodb::error::Result;

use super::Mongo;

/// What a user may do, as MongoDB reports it.
#[derive(Clone, Debug)]
pub struct Privileges(Vec<Document>);

/// The connected user and what it may do; `None` if MongoDB asks for no login. Then all is allowed, or nothing.
///
/// # Errors
/// MongoDB is away.
pub async fn user(mongo: &Mongo) -> Result<Option<(Document, Privileges)>> {
    let status =
        mongo.client.database("admin").run_command(doc! {"connectionStatus": 1, "showPrivileges": true}).await?;
    let info = status.get_document("authInfo").cloned().unwrap_or_default();
    let documents = |name: &str| -> Vec<Document> {
        let list = info.get_array(name).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|one| one.as_document().cloned()).collect()
    };
    let user = documents("authenticatedUsers").into_iter().next();
    Ok(user.map(|user| (user, Privileges(documents("authenticatedUserPrivileges")))))
}

/// As [`user`], but only what it may do.
///
/// # Errors
/// MongoDB is away.
pub async fn of(mongo: &Mongo) -> Result<Option<Privileges>> {
    Ok(user(mongo).await?.map(|(_, privileges)| privileges))
}

impl Privileges {
    pub fn missing<'a>(&self, db: &str, collection: Option<&str>, actions: &[&'a str]) -> Vec<&'a str> {
        actions.iter().filter(|action| !self.allow(db, collection, action)).copied().collect()
    }

    /// Whether an action is allowed on a collection, or on the database as a whole.
    pub fn allow(&self, db: &str, collection: Option<&str>, action: &str) -> bool {
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
        assert_eq!(may.missing("deck", None, &["find", "changeStream", "listCollections"]), ["listCollections"]);
        let root = Privileges(vec![doc! {"resource": {"anyResource": true}, "actions": ["anyAction"]}]);
        assert!(root.missing("any", None, &["find", "collMod"]).is_empty());
    }
}
