//! What the server's own answers reveal: whether it is MongoDB at all, which security holes its version has, until
//! when it is supported, and which of its features are switched off.

use bson::{Document, doc};
use jiff::civil::{Date, date};

use super::report::{Item, Level, command};

/// Major, minor and patch.
type Version = [i32; 3];
type VersionSeries = [i32; 2];

/// A security hole that attackers can use without a login.
struct Hole {
    id: &'static str,
    lets: &'static str,
    /// No earlier series has it.
    since: VersionSeries,
    /// Ascending. A series that lies between two of them was never fixed.
    fixed: &'static [Version],
    until_then: Option<&'static str>,
}

const HOLES: [Hole; 2] = [
    Hole {
        id: "CVE-2025-14847",
        lets: "reads the memory of the server, passwords included, and attackers do so",
        since: [0, 0],
        fixed: &[[4, 4, 30], [5, 0, 32], [6, 0, 27], [7, 0, 28], [8, 0, 17], [8, 2, 3]],
        until_then: Some("until then, for each mongod and mongos: --networkMessageCompressors snappy,zstd"),
    },
    Hole {
        id: "CVE-2026-9740",
        lets: "can end it with one message",
        since: [7, 0],
        fixed: &[[7, 0, 35], [8, 0, 24], [8, 2, 10], [8, 3, 3]],
        until_then: None,
    },
];

/// The last day of each series' support, by the vendor's calendar. Support of older series has ended, too.
const SUPPORTED_UNTIL: [(VersionSeries, Date); 12] = [
    ([4, 4], date(2024, 2, 29)),
    ([5, 0], date(2024, 10, 31)),
    ([5, 3], date(2022, 7, 19)),
    ([6, 0], date(2025, 7, 31)),
    ([6, 3], date(2023, 8, 31)),
    ([7, 0], date(2027, 8, 31)),
    ([7, 1], date(2024, 1, 23)),
    ([7, 2], date(2024, 3, 27)),
    ([7, 3], date(2024, 10, 2)),
    ([8, 0], date(2029, 10, 31)),
    ([8, 1], date(2025, 9, 30)),
    ([8, 2], date(2026, 7, 31)),
];

/// From this series on changes have images.
const IMAGES: VersionSeries = [6, 0];

pub fn parse(info: &Document) -> Option<Version> {
    let mut numbers = info.get_array("versionArray").ok()?.iter().map_while(bson::Bson::as_i32);
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

/// The featureCompatibilityVersion in the answer to `getParameter`.
pub fn switched_to(answer: &Document) -> Option<VersionSeries> {
    let fcv = answer.get_document("featureCompatibilityVersion").ok()?.get_str("version").ok()?;
    let (major, minor) = fcv.split_once('.')?;
    Some([major.parse().ok()?, minor.parse().ok()?])
}

/// A product that speaks MongoDB's protocol and is not MongoDB, and why it cannot be watched. `hosts` are the ones
/// that were asked.
pub fn stand_in(hello: &Document, info: &Document, hosts: &[String]) -> Option<(&'static str, &'static str)> {
    if info.keys().any(|key| key.starts_with("ferretdb")) {
        return Some(("FerretDB", "it has no change streams"));
    }
    let known = hello.get_array("hosts").into_iter().flatten().filter_map(bson::Bson::as_str);
    let named: Vec<_> = hosts.iter().map(String::as_str).chain(known).collect();
    let internal = hello.get_document("internal");
    let of_microsoft = internal.is_ok_and(|of| of.keys().any(|key| key.ends_with("_versions")));
    if of_microsoft || info.contains_key("_t") || named.iter().any(|host| host.contains(".cosmos.azure.com")) {
        let why = "its change streams leave out deletions, or the cluster's time and images of what a document was";
        return Some(("Microsoft's DocumentDB or Cosmos DB", why));
    }
    if named.iter().any(|host| host.contains(".docdb") && host.contains(".amazonaws.com")) {
        let why =
            "its change streams have no images of what a document was, and rows cannot be read at the time of a change";
        return Some(("Amazon DocumentDB", why));
    }
    None
}

/// What a version means for the dashboard. `fcv` is the featureCompatibilityVersion, if it may be asked.
pub fn items(name: &str, version: Version, fcv: Option<VersionSeries>, today: Date) -> Vec<Item> {
    let [major, minor, _] = version;
    let item = |level, what, text, mend| Item { level, what, text, mend };
    let mut items = vec![match major {
        ..5 => {
            let text = format!("MongoDB {name}; lists are read at one time, which it can from 5.0 on");
            item(Level::Problem, "Version", text, vec!["upgrade MongoDB to a supported version".to_owned()])
        }
        5 => {
            let text = format!("MongoDB {name} has no images: rows are read after each change");
            item(Level::Warning, "Version", text, Vec::new())
        }
        _ => item(Level::Ok, "Version", format!("MongoDB {name}"), Vec::new()),
    }];
    items.extend(HOLES.iter().filter_map(|hole| known(hole, name, version)));
    if let Some(ended) = support_ended([major, minor], today) {
        let text = format!("MongoDB {name} gets no more fixes{ended}; 8.0 gets them until 2029");
        items.push(item(Level::Note, "End of life", text, Vec::new()));
    }
    if let Some(fcv) = fcv.filter(|fcv| *fcv < [major, minor]) {
        items.push(switched_off(name, [major, minor], fcv));
    }
    items
}

fn known(hole: &Hole, name: &str, version: Version) -> Option<Item> {
    let series = |of: &Version| [of[0], of[1]];
    let fixed = hole.fixed.iter().find(|fixed| series(fixed) >= series(&version))?;
    // Within its own series a later patch is enough. A series in between needs an upgrade to the next fixed one.
    let [major, minor, patch] = *fixed;
    (series(&version) >= hole.since && version < *fixed).then(|| {
        let text = format!("MongoDB {name} has {}: anybody who reaches its port {}", hole.id, hole.lets);
        let upgrade = format!("upgrade MongoDB to {major}.{minor}.{patch} or later");
        let mend = [Some(upgrade), hole.until_then.map(str::to_owned)].into_iter().flatten().collect();
        Item { level: Level::Problem, what: "Known hole", text, mend }
    })
}

/// Since when support has ended, as the end of a sentence; empty if only the fact is known; `None` if it has not.
fn support_ended(series: VersionSeries, today: Date) -> Option<String> {
    let (of, until) = SUPPORTED_UNTIL.iter().find(|(of, _)| *of >= series)?;
    if *of != series {
        return Some(String::new());
    }
    (*until < today).then(|| format!(" since {until}"))
}

fn switched_off(name: &str, series: VersionSeries, fcv: VersionSeries) -> Item {
    let [major, minor] = series;
    let without_images = fcv < IMAGES && series >= IMAGES;
    let mut text = format!(
        "featureCompatibilityVersion is {}.{} on MongoDB {name}: what is newer is switched off",
        fcv[0], fcv[1]
    );
    if without_images {
        text.push_str(", images among it, so rows are read after each change");
    }
    let mut set = doc! {"setFeatureCompatibilityVersion": format!("{major}.{minor}")};
    if series >= [7, 0] {
        set.insert("confirm", true);
    }
    let level = if without_images { Level::Warning } else { Level::Note };
    Item { level, what: "Switched off", text, mend: vec![command("admin", set)] }
}

/// What a sharded cluster costs, which no answer of the server reveals.
pub fn shards() -> Item {
    Item {
        level: Level::Warning,
        what: "Shards",
        text:
            "a change is reported only when every shard has reported its time, so a shard without writes delays every \
               change by up to 10 s"
                .to_owned(),
        mend: vec![
            "for each mongod of each shard: --setParameter periodicNoopIntervalSecs=1 (writePeriodicNoops stays true)"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::{super::report::CheckReport, *};

    const TODAY: Date = date(2026, 11, 29);

    fn findings(name: &str, fcv: Option<VersionSeries>) -> Vec<(Level, &'static str, String)> {
        let numbers: Vec<i32> = name.split('.').map(|part| part.parse().unwrap()).collect();
        let version = parse(&doc! {"versionArray": numbers}).unwrap();
        items(name, version, fcv, TODAY).into_iter().map(|item| (item.level, item.what, item.text)).collect()
    }

    fn has(name: &str, id: &str) -> bool {
        findings(name, None).iter().any(|(level, _, text)| *level == Level::Problem && text.contains(id))
    }

    #[test]
    fn a_hole_ends_with_the_patch_of_its_series() {
        let [memory, message] = HOLES.map(|hole| hole.id);
        for (id, last, fixed) in [
            (memory, "4.4.29", "4.4.30"),
            (memory, "5.0.31", "5.0.32"),
            (memory, "6.0.26", "6.0.27"),
            (memory, "7.0.27", "7.0.28"),
            (memory, "8.0.16", "8.0.17"),
            (memory, "8.2.2", "8.2.3"),
            // No version of these series was ever fixed; the versions without the hole came in later series.
            (memory, "4.2.25", "8.3.0"),
            (memory, "6.3.2", "9.0.0"),
            (memory, "7.3.4", "8.3.1"),
            (memory, "8.1.3", "10.0.0"),
            (message, "7.0.34", "7.0.35"),
            (message, "7.3.4", "6.0.27"),
            (message, "8.0.23", "8.0.24"),
            (message, "8.1.3", "8.3.3"),
        ] {
            assert!(has(last, id) && !has(fixed, id), "{id} {last} {fixed}");
        }
    }

    /// What stands between two texts, wherever it does.
    fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
        text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
    }

    #[test]
    fn what_the_scripts_install_has_no_known_hole_and_stands_among_what_was_seen_green() {
        let (setup, test) = (include_str!("../../../../scripts/setup"), include_str!("../../../../scripts/test"));
        let [installed] = between(setup, "\nMONGOD_VERSION=", "\n")[..] else { panic!("the version of MongoDB") };
        let found = findings(installed, None);
        assert!(found.iter().all(|(level, ..)| *level != Level::Problem), "{found:?}");
        let guarantees = include_str!("../../../../docs/guarantees.md");
        let (_, versions) = guarantees.split_once("\n## Versions\n").unwrap();
        let mut seen = vec![format!("| MongoDB | {installed},")];
        for product in ["Redis", "Valkey"] {
            let of = between(test, &format!("\n{product}-"), " ");
            assert!(!of.is_empty(), "scripts/test runs with {product}");
            seen.extend(of.into_iter().map(|version| format!("| {product} | {version} |")));
        }
        for row in seen {
            assert!(versions.contains(&row), "docs/guarantees.md has no row {row}");
        }
    }

    #[test]
    fn what_is_no_problem_is_told_all_the_same() {
        let levels =
            |name: &str| findings(name, None).into_iter().map(|(level, what, _)| (level, what)).collect::<Vec<_>>();
        let (ok, hole) = ((Level::Ok, "Version"), (Level::Problem, "Known hole"));
        let end = (Level::Note, "End of life");
        assert_eq!(levels("6.0.27"), [ok, end]);
        assert_eq!(levels("8.0.37"), [ok]);
        assert_eq!(levels("8.2.9"), [ok, hole, end]);
        assert_eq!(levels("9.0.7"), [ok]);
        assert_eq!(levels("5.0.35"), [(Level::Warning, "Version"), end]);
        assert_eq!(levels("4.4.32"), [(Level::Problem, "Version"), end]);
        let mapping = String::new();
        let report = CheckReport { items: items("6.0.27", [6, 0, 27], Some([6, 0]), TODAY), mapping };
        assert!(
            !report.is_problem() && report.to_string().contains("\nnote     End of life: MongoDB 6.0.27"),
            "{report}"
        );
        let end_of = |name: &str| findings(name, None).pop().unwrap().2;
        assert!(end_of("6.0.27").contains("since 2025-07-31") && !end_of("6.2.1").contains("since"));
    }

    #[test]
    fn a_feature_version_that_was_left_behind_is_told() {
        let of = |name: &str, fcv| findings(name, Some(fcv)).into_iter().rfind(|(_, what, _)| *what == "Switched off");
        let (level, _, text) = of("6.0.27", [5, 0]).unwrap();
        assert!(level == Level::Warning && text.contains("5.0 on MongoDB 6.0.27") && text.contains("images"), "{text}");
        let (level, _, text) = of("8.0.37", [7, 0]).unwrap();
        assert!(level == Level::Note && !text.contains("images"), "{text}");
        assert_eq!((of("8.0.37", [8, 0]), of("5.0.35", [5, 0])), (None, None));
        assert_eq!(
            switched_off("8.0.37", [8, 0], [7, 0]).mend,
            [r#"db.getSiblingDB("admin").runCommand({"setFeatureCompatibilityVersion": "8.0", "confirm": true})"#]
        );
    }

    #[test]
    fn what_only_speaks_its_protocol_is_named() {
        let of = |hello: Document, info: Document, host: &str| {
            stand_in(&hello, &info, &[host.to_owned()]).map(|(name, _)| name.split(' ').next().unwrap())
        };
        let set = || doc! {"setName": "rs0", "hosts": ["db.example:27017"]};
        let info = || doc! {"version": "6.0.27", "versionArray": [6, 0, 27, 0], "gitVersion": "a"};
        let cluster = "deck.cluster-c1.eu-west-1.docdb.amazonaws.com:27017";
        for (name, found) in [
            (None, of(set(), info(), "127.0.0.1:27017")),
            (None, of(doc! {"msg": "isdbgrid"}, info(), "docdb.example:27017")),
            (Some("FerretDB"), of(doc! {}, doc! {"ferretdbVersion": "v1.24.0"}, "127.0.0.1:27017")),
            (Some("FerretDB"), of(doc! {}, doc! {"ferretdb": {"version": "v2.7.0"}}, "127.0.0.1:27017")),
            (Some("Microsoft's"), of(doc! {"internal": {"documentdb_versions": ["0.117.0"]}}, info(), "a:10260")),
            (Some("Microsoft's"), of(doc! {"internal": {"cosmos_versions": ["1.104-1"]}}, info(), "a:10260")),
            (Some("Microsoft's"), of(set(), info(), "deck.mongo.cosmos.azure.com:10255")),
            (Some("Amazon"), of(set(), info(), cluster)),
            // Asked through a tunnel.
            (Some("Amazon"), of(doc! {"setName": "rs0", "hosts": [cluster]}, info(), "localhost:27017")),
        ] {
            assert_eq!(found, name);
        }
    }
}
