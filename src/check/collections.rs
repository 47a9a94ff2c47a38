//! The five collections: whether they are there with images, their indexes, and ids that stand twice.

use bson::{Bson, Document, doc};
use mongodb::IndexModel;

use super::{
    report::{Level, Report, command},
    unanswered,
};
use crate::{
    model::ids::Collection,
    mongo::{Mongo, prepare},
};

pub async fn check(mongo: &Mongo, report: &mut Report) {
    images(mongo, report).await;
    indexes(mongo, report).await;
    for collection in Collection::ALL {
        duplicates(mongo, collection, report).await;
    }
}

async fn images(mongo: &Mongo, report: &mut Report) {
    let what = "Images";
    let found = match prepare::images_of(&mongo.operator).await {
        Ok(found) => found,
        Err(error) => return report.warning(what, unanswered(&error)),
    };
    let db = mongo.operator.name();
    let named = |state| {
        let these: Vec<Collection> = found.iter().filter(|(_, is)| *is == state).map(|(c, _)| *c).collect();
        let mend = these.iter().filter_map(|c| prepare::images_on(*c, state)).map(|on| command(db, on)).collect();
        (these.iter().map(|c| c.name()).collect::<Vec<_>>().join(", "), mend)
    };
    let (off, mend) = named(Some(false));
    if !off.is_empty() {
        report.add(Level::Problem, what, format!("are off for {off}"), mend);
    }
    let (none, mend) = named(None);
    if !none.is_empty() {
        report.add(Level::Warning, "Collections", format!("{none} are not there yet; `serve` makes them"), mend);
    }
    let (on, _) = named(Some(true));
    if !on.is_empty() {
        report.ok(what, format!("are on for {on}"));
    }
}

async fn indexes(mongo: &Mongo, report: &mut Report) {
    let what = "Indexes";
    let mut missing = Vec::new();
    let mut mend = Vec::new();
    for collection in Collection::ALL {
        let have = match have(mongo, collection).await {
            Ok(have) => have,
            Err(error) => return report.warning(what, unanswered(&error)),
        };
        let wanted = prepare::indexes(&mongo.mapping, collection);
        let lacks = |keys: &Document| !have.iter().any(|index| same(&index.keys, keys));
        let mut lacking: Vec<_> =
            wanted.into_iter().filter(lacks).map(|keys| doc! {"name": name(&keys), "key": keys}).collect();
        if let Some(field) = prepare::unique(&mongo.mapping, collection)
            && lacks(&doc! {field: 1})
        {
            let texts = doc! {field: {"$type": "string"}};
            lacking.push(doc! {"name": name(&doc! {field: 1}), "key": {field: 1}, "unique": true, "partialFilterExpression": texts});
        }
        if !lacking.is_empty() {
            missing.push(format!("{} of {collection}", lacking.len()));
            mend.push(command(mongo.operator.name(), doc! {"createIndexes": collection.name(), "indexes": lacking}));
        }
    }
    if missing.is_empty() {
        report.ok(what, "are all there");
    } else {
        report.add(Level::Warning, what, format!("are missing: {}; `serve` makes them", missing.join(", ")), mend);
    }
}

async fn have(mongo: &Mongo, collection: Collection) -> mongodb::error::Result<Vec<IndexModel>> {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    let mut cursor = match mongo.operator.collection::<Document>(collection.name()).list_indexes().await {
        Err(error) if crate::mongo::error_code(&error) == Some(NAMESPACE_NOT_FOUND) => return Ok(Vec::new()),
        other => other?,
    };
    let mut all = Vec::new();
    while cursor.advance().await? {
        all.push(cursor.deserialize_current()?);
    }
    Ok(all)
}

/// Directions are numbers of any type.
fn same(a: &Document, b: &Document) -> bool {
    let number = |value: &Bson| match value {
        Bson::Int32(n) => Some(f64::from(*n)),
        Bson::Int64(n) => i32::try_from(*n).ok().map(f64::from),
        Bson::Double(n) => Some(*n),
        _ => None,
    };
    a.len() == b.len() && a.iter().zip(b).all(|((a, x), (b, y))| a == b && number(x) == number(y))
}

/// As MongoDB would call it.
fn name(keys: &Document) -> String {
    keys.iter().map(|(field, direction)| format!("{field}_{direction}")).collect::<Vec<_>>().join("_")
}

async fn duplicates(mongo: &Mongo, collection: Collection, report: &mut Report) {
    let what = "Public ids";
    let Some(field) = prepare::unique(&mongo.mapping, collection) else { return };
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
            let said =
                format!("{field} of {collection} stands in more than one document {ids} times, such as {example:?}");
            let find = doc! {"find": collection.name(), "filter": {field: example}};
            report.add(Level::Warning, what, said, vec![command(mongo.operator.name(), find)]);
        }
        Err(error) => report.warning(what, format!("{collection}: {}", unanswered(&error))),
    }
}
