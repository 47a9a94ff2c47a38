//! MongoDB itself: whether it answers and is a replica set, its version, its clock, and how far back it remembers.

use std::time::{Duration, SystemTime};

use bson::{Bson, DateTime, Document, doc};
use mongodb::{Client, options::ClientOptions};
use secrecy::ExposeSecret;

use super::{
    answers::{is_refused, unanswered},
    report::{CheckReport, Level, command},
    version,
};
use crate::server::{
    config::MongoSettings,
    mongo::{Mongo, collections, oplog},
};

const SERVER: &str = "MongoDB";
/// A clock that is off by more than the first falsifies ages on screen. By more than the second, it falsifies "today"
/// as well.
const CLOCK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// An oplog that reaches less far back ends the log after a short outage.
const OPLOG_H: (i64, i64) = (24, 1);

/// Whether MongoDB is there and can be watched.
pub async fn check(mongo: &Mongo, settings: &MongoSettings, report: &mut CheckReport) -> bool {
    let admin = mongo.client.database("admin");
    let asked = SystemTime::now();
    let hello = match admin.run_command(doc! {"hello": 1}).await {
        Ok(hello) => hello,
        Err(error) => {
            // The driver waits for a replica set. A server that is not one yet answers only a direct connection.
            match alone(settings).await {
                Some((hello, info)) if !stand_in(&hello, &info, settings, report).await => {
                    not_a_replica_set(&hello, report);
                }
                Some(_) => {}
                None => report.add(Level::Problem, SERVER, format!("does not answer: {error}"), vec![START.to_owned()]),
            }
            return false;
        }
    };
    let answered = SystemTime::now();
    let info = admin.run_command(doc! {"buildInfo": 1}).await;
    if stand_in(&hello, info.as_ref().unwrap_or(&Document::new()), settings, report).await {
        return false;
    }
    if !is_watchable(&hello, report) {
        return false;
    }
    match info {
        Ok(info) => known_of(mongo, &info, report).await,
        Err(error) => report.warning("Version", unanswered(&error)),
    }
    if let Ok(theirs) = hello.get_datetime("localTime") {
        clock(*theirs, asked, answered, report);
    }
    let window = oplog(mongo, report).await;
    retention(mongo, window, report).await;
    true
}

/// Reports whether it is a replica set or a sharded cluster, because only these have change streams.
fn is_watchable(hello: &Document, report: &mut CheckReport) -> bool {
    match (hello.get_str("setName"), hello.get_str("msg")) {
        (Ok(name), _) => report.ok(SERVER, format!("answers, replica set {name}")),
        (_, Ok("isdbgrid")) => {
            report.ok(SERVER, "answers, a sharded cluster");
            report.items.push(version::shards());
        }
        _ => {
            not_a_replica_set(hello, report);
            return false;
        }
    }
    true
}

const START: &str = "MONGODB_URI=mongodb://HOST:27017 chargedeck check";

/// What a single server says of itself and of its version, whatever it belongs to.
async fn alone(settings: &MongoSettings) -> Option<(Document, Document)> {
    let mut options = ClientOptions::parse(settings.uri.expose_secret()).await.ok()?;
    options.repl_set_name = None;
    options.direct_connection = Some(true);
    options.hosts.truncate(1);
    options.server_selection_timeout = Some(Duration::from_secs(3));
    let admin = Client::with_options(options).ok()?.database("admin");
    let hello = admin.run_command(doc! {"hello": 1}).await.ok()?;
    Some((hello, admin.run_command(doc! {"buildInfo": 1}).await.unwrap_or_default()))
}

/// Reports a server that is not MongoDB. Returns whether this server is such a one.
async fn stand_in(hello: &Document, info: &Document, settings: &MongoSettings, report: &mut CheckReport) -> bool {
    let options = ClientOptions::parse(settings.uri.expose_secret()).await;
    let hosts: Vec<_> = options.into_iter().flat_map(|options| options.hosts).map(|host| host.to_string()).collect();
    let Some((name, why)) = version::stand_in(hello, info, &hosts) else { return false };
    let mend = vec!["use MongoDB 6.0 or later, a replica set or a sharded cluster".to_owned()];
    report.add(Level::Problem, SERVER, format!("is {name}, which is not supported: {why}"), mend);
    true
}

fn not_a_replica_set(hello: &Document, report: &mut CheckReport) {
    if hello.get_bool("isreplicaset").unwrap_or(false) {
        let text = "is to be a replica set, but was never initiated";
        return report.add(Level::Problem, SERVER, text, vec!["rs.initiate()".to_owned()]);
    }
    if let Ok(name) = hello.get_str("setName") {
        let text = format!("answers, replica set {name}, but the set has no primary, or MONGODB_URI names another");
        report.add(Level::Problem, SERVER, text, vec!["rs.status()".to_owned()]);
    } else {
        let text = "is no replica set, so it has no change streams: start it anew with --replSet, then initiate it";
        let mend = vec!["mongod --replSet rs0 …".to_owned(), "rs.initiate()".to_owned()];
        report.add(Level::Problem, SERVER, text, mend);
    }
}

/// Reports what the version means, as far as it is known.
async fn known_of(mongo: &Mongo, info: &Document, report: &mut CheckReport) {
    let name = info.get_str("version").unwrap_or("of unknown version");
    let Some(numbers) = version::parse(info) else { return report.warning("Version", format!("MongoDB {name}")) };
    let ask = doc! {"getParameter": 1, "featureCompatibilityVersion": 1};
    let answer = mongo.client.database("admin").run_command(ask).await;
    let fcv = answer.as_ref().ok().and_then(version::switched_to);
    if fcv.is_none() {
        let why = match &answer {
            Err(error) if is_refused(error) => "no right to ask (getParameter)".to_owned(),
            Err(error) => error.to_string(),
            Ok(_) => "this server does not report it".to_owned(),
        };
        let text = format!("whether an upgrade left some switched off is not known: {why}");
        report.add(Level::Note, "Features", text, Vec::new());
    }
    report.items.extend(version::items(name, numbers, fcv, jiff::ZonedDateTime::now().date()));
}

fn clock(theirs: DateTime, asked: SystemTime, answered: SystemTime, report: &mut CheckReport) {
    let what = "Clock";
    let theirs = theirs.to_system_time();
    // MongoDB read its clock at some moment between the two.
    let ahead = theirs.duration_since(answered).unwrap_or_default();
    let behind = asked.duration_since(theirs).unwrap_or_default();
    let off = ahead.max(behind);
    let text = format!("MongoDB's and this machine's differ by {:.1} s", off.as_secs_f64());
    let mend = vec!["timedatectl set-ntp true".to_owned()];
    match off {
        off if off > CLOCK.1 => report.add(Level::Problem, what, text, mend),
        off if off > CLOCK.0 => report.add(Level::Warning, what, text, mend),
        _ => report.ok(what, text),
    }
}

/// Seconds that the oplog reaches back; `None` if that is not known.
async fn oplog(mongo: &Mongo, report: &mut CheckReport) -> Option<i64> {
    let what = "Oplog";
    let local = mongo.client.database("local");
    let window = match oplog::window(mongo).await {
        Ok(Some(window)) => window,
        Err(error) => {
            let refused = is_refused(&error);
            let reason = if refused { "not known: no right to read local".to_owned() } else { unanswered(&error) };
            report.warning(what, reason);
            return None;
        }
        Ok(None) => {
            report.warning(what, "not known: this server does not report it");
            return None;
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "hours with one decimal")]
    let hours = window as f64 / 3600.0;
    let mb = full(&local).await;
    let text = format!("reaches {hours:.1} hours back");
    let Some(mb) = mb else {
        // It has room left, so it removes nothing yet.
        report.ok(what, format!("{text}, and is not full yet"));
        return None;
    };
    let factor = OPLOG_H.0 * 3600 / window.max(1) + 1;
    let mend = command(
        "admin",
        doc! {"replSetResizeOplog": 1, "size": Bson::Double(mb * f64::from(i32::try_from(factor).unwrap_or(i32::MAX)))},
    );
    match window {
        ..3600 => {
            report.add(Level::Problem, what, format!("{text}: an outage of {} h is too long", OPLOG_H.1), vec![mend]);
        }
        w if w < OPLOG_H.0 * 3600 => report.add(Level::Warning, what, format!("{text}: less than a day"), vec![mend]),
        _ => report.ok(what, text),
    }
    Some(window)
}

/// The oplog's size in MB if it is full, and so removes entries.
async fn full(local: &mongodb::Database) -> Option<f64> {
    let stats = doc! {"$collStats": {"storageStats": {}}};
    let mut cursor = local.collection::<Document>("oplog.rs").aggregate([stats]).await.ok()?;
    let stats = cursor.advance().await.ok()?.then(|| cursor.deserialize_current().ok()).flatten()?;
    let stats = stats.get_document("storageStats").ok()?;
    let number = |name: &str| match stats.get(name)? {
        Bson::Int32(n) => Some(f64::from(*n)),
        #[expect(clippy::cast_precision_loss, reason = "bytes")]
        Bson::Int64(n) => Some(*n as f64),
        Bson::Double(n) => Some(*n),
        _ => None,
    };
    let (size, max) = (number("size")?, number("maxSize")?);
    (size > 0.9 * max).then_some(max / f64::from(1 << 20))
}

async fn retention(mongo: &Mongo, oplog_s: Option<i64>, report: &mut CheckReport) {
    let what = "Image retention";
    match collections::image_retention(mongo).await {
        None => report.ok(what, "as long as the oplog, or not reported"),
        Some(kept) => {
            let minutes = kept.as_secs() / 60;
            let text = format!("images are kept for {minutes} minutes; after a longer outage all pages load anew");
            let short = kept < Duration::from_secs(3600);
            let shorter = oplog_s.is_some_and(|oplog| i64::try_from(kept.as_secs()).is_ok_and(|kept| kept < oplog));
            if short {
                // The operator decides this, because it holds for the whole cluster.
                let images = doc! {"preAndPostImages": {"expireAfterSeconds": 3600}};
                let mend = command("admin", doc! {"setClusterParameter": {"changeStreamOptions": images}});
                report.add(Level::Warning, what, text, vec![mend]);
            } else if shorter {
                report.ok(what, format!("{text}, though the oplog reaches further"));
            } else {
                report.ok(what, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_sharded_cluster_it_is_told_what_an_idle_shard_delays_and_what_to_set() {
        let topology = |hello: Document| {
            let mut report = CheckReport::default();
            (is_watchable(&hello, &mut report), report.items)
        };
        let (watchable, items) = topology(doc! {"msg": "isdbgrid"});
        let [answers, shards] = &items[..] else { panic!("{items:?}") };
        assert!(watchable && answers.level == Level::Ok && shards.level == Level::Warning, "{items:?}");
        assert!(shards.text.contains("10 s") && shards.mend[0].contains("periodicNoopIntervalSecs=1"), "{shards:?}");
        let (watchable, items) = topology(doc! {"setName": "rs0"});
        assert!(watchable && items.len() == 1 && items[0].level == Level::Ok, "a replica set has no shards: {items:?}");
        let (watchable, items) = topology(doc! {});
        assert!(!watchable && items.len() == 1 && items[0].level == Level::Problem, "{items:?}");
    }
}
