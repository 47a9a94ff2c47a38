//! Redis: whether it answers, keeps what it is given, and serves this installation alone.

use std::collections::{BTreeSet, HashMap};

use super::report::{CheckReport, Level};
use crate::server::{
    mongo::Mongo,
    redis::{Redis, log::Log},
};

const WHAT: &str = "Redis";
/// The most rounds of SCAN that look for other installations.
const ROUNDS: usize = 200;

pub async fn check(redis: &Redis, mongo: Option<&Mongo>, report: &mut CheckReport) {
    let info: String = match redis::cmd("INFO").query_async(&mut redis.connection()).await {
        Ok(info) => info,
        Err(error) => {
            let mend = vec!["REDIS_URL=redis://HOST:6379 chargedeck check".to_owned()];
            return report.add(Level::Problem, WHAT, format!("does not answer: {error}"), mend);
        }
    };
    let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.split_once(':')).collect();
    let is = |name: &str| info.get(name).copied();
    let version = is("redis_version").unwrap_or("of unknown version");
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.is_empty() || numbers[..] >= [6, 2][..] {
        // Valkey reports as Redis' version the one that it was forked from.
        let name = is("valkey_version").map_or_else(|| version.to_owned(), |of| format!("Valkey {of}"));
        report.ok(WHAT, format!("answers, {name}"));
    } else {
        let text = format!("{version} is too old: 6.2 or later is needed");
        report.add(Level::Problem, WHAT, text, vec!["apt-get install redis-server".to_owned()]);
    }
    match (is("maxmemory_policy"), is("maxmemory")) {
        (None, _) => report.warning("Redis memory", "not known: Redis does not report it"),
        (Some("noeviction"), _) => report.ok("Redis memory", "nothing is evicted"),
        // The policy matters only once there is a limit.
        (Some(policy), limit) => {
            let limited = limit.is_some_and(|bytes| bytes != "0");
            let level = if limited { Level::Problem } else { Level::Warning };
            let mend = vec!["redis-cli CONFIG SET maxmemory-policy noeviction".to_owned()];
            report.add(
                level,
                "Redis memory",
                format!("maxmemory-policy is {policy}: log and sessions may vanish"),
                mend,
            );
        }
    }
    match is("aof_enabled") {
        Some("1") => report.ok("Redis persistence", "append-only file"),
        Some(_) => {
            let text = "no append-only file: when Redis restarts everyone signs in anew and all pages load anew";
            let mend = vec!["redis-cli CONFIG SET appendonly yes".to_owned()];
            report.add(Level::Warning, "Redis persistence", text, mend);
        }
        None => report.warning("Redis persistence", "not known: Redis does not report it"),
    }
    alone(redis, report).await;
    if let Some(mongo) = mongo {
        same(redis, mongo, report).await;
    }
}

/// Checks whether another installation uses this Redis, because each database needs its own.
async fn alone(redis: &Redis, report: &mut CheckReport) {
    let what = "Redis shared";
    let own = redis.key("");
    let mut others = BTreeSet::new();
    let mut cursor = 0_u64;
    for _ in 0..ROUNDS {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg("{chargedeck:*}:log").arg("COUNT").arg(1000);
        let found: redis::RedisResult<(u64, Vec<String>)> = scan.query_async(&mut redis.connection()).await;
        let Ok((next, keys)) = found else { return report.warning(what, "not known: SCAN is not allowed") };
        others.extend(keys.into_iter().filter(|key| !key.starts_with(&own)));
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    if others.is_empty() {
        report.ok(what, "with no other ChargeDeck");
    } else {
        let names: Vec<_> = others.iter().map(|key| key.trim_end_matches(":log")).collect();
        let text = format!("with {}: an outage or a full memory meets all of them", names.join(", "));
        report.add(Level::Warning, what, text, vec!["REDIS_URL=redis://OTHER:6379 chargedeck check".to_owned()]);
    }
}

/// Checks whether the log in Redis can be this MongoDB's, because the log is never ahead of its MongoDB.
async fn same(redis: &Redis, mongo: &Mongo, report: &mut CheckReport) {
    let what = "Log";
    let last = Log::new(redis.clone()).last().await;
    match (last, mongo.operation_time().await) {
        (Ok(Some((_, Some(entry)))), Ok(now)) if entry.ct > now => {
            let text = "the log in Redis is ahead of MongoDB, so it is of another: CHARGEDECK_DB or REDIS_URL is another installation's";
            let mend = vec!["CHARGEDECK_DB=ANOTHER_NAME chargedeck check".to_owned()];
            report.add(Level::Problem, what, text, mend);
        }
        (Ok(_), Ok(_)) => report.ok(what, "agrees with MongoDB"),
        (Err(error), _) => report.warning(what, format!("not known: {error}")),
        (_, Err(error)) => report.warning(what, super::answers::unanswered(&error)),
    }
}
