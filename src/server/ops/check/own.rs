//! The indexes in ChargeDeck's own database, which `serve` makes, with their size.

use std::time::Duration;

use bson::Document;

use super::{
    collections::{sized, sizes},
    report::CheckReport,
};
use crate::server::{
    actions::Actions,
    auth::{audit_log, users::Users},
    event_store::Events,
    mongo::{Mongo, indexes},
};

/// Reports the indexes by collection. Without the right to ask for sizes it reports only the names.
pub async fn check(mongo: &Mongo, report: &mut CheckReport) {
    for (collection, made) in made() {
        let sizes = sizes(&mongo.own, collection).await;
        let all: Vec<_> = made.iter().map(|(name, _)| sized(name, sizes.as_ref())).collect();
        report.ok("Own indexes", format!("of {}.{collection}: {}", mongo.own.name(), all.join(", ")));
    }
}

/// Names and keys of the indexes that `serve` makes. How long something is kept does not matter to them.
fn made() -> [(&'static str, Vec<(String, Document)>); 4] {
    const KEEP: Duration = Duration::ZERO;
    let unnamed = |all: Vec<mongodb::IndexModel>| {
        all.into_iter().map(|index| (indexes::name(&index.keys), index.keys)).collect::<Vec<_>>()
    };
    let audit = audit_log::create_indexes(KEEP);
    let named = audit.get_array("indexes").into_iter().flatten().filter_map(|index| {
        let index = index.as_document()?;
        Some((index.get_str("name").ok()?.to_owned(), index.get_document("key").ok()?.clone()))
    });
    [
        ("action_keys", unnamed(vec![Actions::index()])),
        (audit_log::COLLECTION, named.collect()),
        ("events", unnamed(Events::indexes(KEEP).into())),
        ("users", unnamed(Users::indexes().into())),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{domain::collections::Collection, server::mapping::Mapping};

    /// The indexes of each collection, as `README.md` writes them.
    type Written = BTreeMap<String, Vec<String>>;

    /// Reads the tables of `README.md` whose second column holds indexes, in their order.
    fn tables() -> Vec<Written> {
        let text = include_str!("../../../../README.md");
        let tables = text.split("\n\n").filter(|part| {
            part.lines().next().is_some_and(|head| head.split('|').nth(2).is_some_and(|word| word.trim() == "indexes"))
        });
        let rows = |table: &str| {
            let row = |line: &str| {
                let cells: Vec<_> = line.split('|').map(str::trim).collect();
                let indexes = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
                (cells[1].trim_matches('`').to_owned(), indexes)
            };
            table.lines().skip(2).map(row).collect()
        };
        tables.map(rows).collect()
    }

    fn written<'a>(keys: impl Iterator<Item = &'a Document>) -> Vec<String> {
        keys.map(|keys| format!("{{{}}}", keys.keys().cloned().collect::<Vec<_>>().join(", "))).collect()
    }

    #[test]
    fn the_readme_lists_every_index_that_is_made() {
        let wanted = |collection| indexes::wanted(&Mapping::default(), collection);
        let operators: Written =
            Collection::ALL.map(|of| (of.name().to_owned(), written(wanted(of).iter()))).into_iter().collect();
        let own: Written =
            made().map(|(of, keys)| (of.to_owned(), written(keys.iter().map(|(_, keys)| keys)))).into_iter().collect();
        assert_eq!(tables(), [operators, own]);
    }
}
