//! The collections: whether they exist and can be followed, their images, our indexes in them with their size,
//! and duplicate ids.

use bson::{Bson, Document, doc};
use mongodb::Database;

use super::{
    answers::unanswered,
    report::{CheckReport, Level, command},
};
use crate::{
    domain::collections::Collection,
    server::{
        mongo::{
            Mongo,
            collections::{Found, found, images_on},
            indexes,
            prepare::{self, PreparePlan},
        },
        ops::prepare::size,
    },
};

const PREPARE: &str = "chargedeck prepare";

pub async fn check(mongo: &Mongo, report: &mut CheckReport) {
    let found = match found(&mongo.operator).await {
        Ok(found) => found,
        Err(error) => return report.warning("Collections", unanswered(&error)),
    };
    kinds(mongo, &found, report);
    images(mongo, &found, report);
    match prepare::plan(mongo).await {
        Ok(plan) => missing(mongo, &plan, report),
        Err(error) => report.warning("Indexes", unanswered(&error)),
    }
    for (collection, found) in found {
        if matches!(found, Found::Stored { .. }) {
            made(mongo, collection, report).await;
        }
        duplicates(mongo, collection, report).await;
    }
}

/// Reports the collections of which MongoDB reports no changes.
fn kinds(mongo: &Mongo, found: &[(Collection, Found)], report: &mut CheckReport) {
    for (collection, what) in found.iter().filter_map(|(c, found)| Some((c, found.unfollowed()?))) {
        let text = format!(
            "{collection} is {what}. MongoDB tells no changes of it, so nothing of it is shown, and `serve` is not ready. \
             Let your systems write a collection of that name, and map its fields (docs/fields.md); or name another \
             database with MONGODB_DB"
        );
        let list = doc! {"listCollections": 1, "filter": {"name": collection.name()}};
        report.add(Level::Problem, "Collections", text, vec![command(mongo.operator.name(), list)]);
    }
}

fn images(mongo: &Mongo, found: &[(Collection, Found)], report: &mut CheckReport) {
    let what = "Images";
    let named = |wanted: &dyn Fn(&Found) -> bool| {
        let these = found.iter().filter(|(_, found)| wanted(found)).map(|(collection, _)| *collection);
        these.collect::<Vec<Collection>>()
    };
    let off = named(&|found| matches!(found, Found::Stored { images: false, .. }));
    if !off.is_empty() {
        let mend = off.iter().map(|collection| command(mongo.operator.name(), images_on(*collection)));
        let text = format!("are off for {}; `{PREPARE}` switches them on", names(&off));
        report.add(Level::Problem, what, text, mend.collect());
    }
    let none = named(&|found| *found == Found::Nothing);
    if !none.is_empty() {
        report.warning("Collections", format!("{} are not there yet", names(&none)));
    }
    let on = named(&|found| matches!(found, Found::Stored { images: true, .. }));
    if !on.is_empty() {
        report.ok(what, format!("are on for {}", names(&on)));
    }
}

/// Reports what `prepare` would make and drop.
fn missing(mongo: &Mongo, plan: &PreparePlan, report: &mut CheckReport) {
    let what = "Indexes";
    for collection in &plan.full {
        report.warning(what, format!("{collection} has no room for those of ChargeDeck: MongoDB takes 64"));
    }
    let without_images = PreparePlan { images: Vec::new(), ..plan.clone() };
    let commands =
        |plan: &PreparePlan| plan.commands().into_iter().map(|one| command(mongo.operator.name(), one)).collect();
    if !plan.indexes.is_empty() {
        let each: Vec<_> = Collection::ALL
            .into_iter()
            .filter_map(|collection| {
                let of = plan.indexes.iter().filter(|new| new.collection == collection).count();
                (of > 0).then(|| format!("{of} of {collection}"))
            })
            .collect();
        let all: u64 = plan.indexes.iter().filter_map(|new| new.bytes).sum();
        let text = format!("are missing: {}, about {} in all; `{PREPARE}` makes them", each.join(", "), size(all));
        let made = PreparePlan { drops: Vec::new(), ..without_images.clone() };
        report.add(Level::Warning, what, text, commands(&made));
    } else if plan.full.is_empty() {
        report.ok(what, "are all there");
    }
    for (collection, index) in &plan.drops {
        let harm = if index.unique { "refuses a second equal value" } else { "is not used any more" };
        let text =
            format!("{} of {collection} is as an earlier version made it and {harm}; `{PREPARE}` drops it", index.name);
        let level = if index.unique { Level::Problem } else { Level::Warning };
        let drop = indexes::drop(*collection, &[&index.name]);
        report.add(level, what, text, vec![command(mongo.operator.name(), drop)]);
    }
}

/// Reports our indexes with their size, and those that may be ours from another mapping.
async fn made(mongo: &Mongo, collection: Collection, report: &mut CheckReport) {
    let what = "Indexes";
    // The reason why they cannot be listed was reported with what is missing.
    let Ok(have) = indexes::existing(&mongo.operator, collection).await else { return };
    let sizes = sizes(&mongo.operator, collection.name()).await;
    let ours: Vec<_> =
        have.iter().filter(|index| index.is_ours()).map(|index| sized(&index.name, sizes.as_ref())).collect();
    if !ours.is_empty() {
        report.ok(what, format!("made by ChargeDeck in {collection}: {}", ours.join(", ")));
    }
    for index in have.iter().filter(|i| i.may_be_earlier() && !i.is_earlier(&mongo.mapping, collection)) {
        let text = format!(
            "{} of {collection} refuses a second equal value. An earlier version of ChargeDeck may have made it, with \
             other settings; if nobody else needs it, drop it",
            index.name
        );
        let drop = indexes::drop(collection, &[&index.name]);
        report.add(Level::Warning, what, text, vec![command(mongo.operator.name(), drop)]);
    }
}

/// An index's name, with its size if that is known.
pub fn sized(name: &str, sizes: Option<&Document>) -> String {
    match sizes.and_then(|sizes| sizes.get(name)).and_then(number) {
        Some(bytes) => format!("{name} ({})", size(bytes)),
        None => name.to_owned(),
    }
}

/// Bytes by index; `None` if there is no right to ask, or no such collection.
pub async fn sizes(db: &Database, collection: &str) -> Option<Document> {
    let stats = doc! {"$collStats": {"storageStats": {}}};
    let mut cursor = db.collection::<Document>(collection).aggregate([stats]).await.ok()?;
    let stats = cursor.advance().await.ok()?.then(|| cursor.deserialize_current().ok()).flatten()?;
    stats.get_document("storageStats").ok()?.get_document("indexSizes").ok().cloned()
}

fn number(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(n) => u64::try_from(*n).ok(),
        Bson::Int64(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

fn names(collections: &[Collection]) -> String {
    collections.iter().map(|collection| collection.name()).collect::<Vec<_>>().join(", ")
}

async fn duplicates(mongo: &Mongo, collection: Collection, report: &mut CheckReport) {
    let what = "Public ids";
    let Some(field) = indexes::public_id(&mongo.mapping, collection) else { return };
    let pipeline = [
        doc! {"$match": {field: {"$type": "string"}}},
        doc! {"$group": {"_id": format!("${field}"), "documents": {"$sum": 1}}},
        doc! {"$match": {"documents": {"$gt": 1}}},
        doc! {"$group": {"_id": null, "ids": {"$sum": 1}, "example": {"$first": "$_id"}}},
    ];
    let found = async {
        let documents = mongo.operator.collection::<Document>(collection.name());
        let mut cursor = documents.aggregate(pipeline).allow_disk_use(true).await?;
        Ok(if cursor.advance().await? { Some(cursor.deserialize_current()?) } else { None })
    };
    match found.await {
        Ok(None) => {}
        Ok(Some(found)) => {
            let (ids, example) =
                (found.get_i32("ids").unwrap_or_default(), found.get_str("example").unwrap_or_default());
            let text =
                format!("{field} of {collection} stands in more than one document {ids} times, such as {example:?}");
            let find = doc! {"find": collection.name(), "filter": {field: example}};
            report.add(Level::Warning, what, text, vec![command(mongo.operator.name(), find)]);
        }
        Err(error) => report.warning(what, format!("{collection}: {}", unanswered(&error))),
    }
}
