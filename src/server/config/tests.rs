//! Good and bad settings, one row each.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;
use crate::domain::collections::Collection;

const NETWORK: &str = "[chargedeck.network]\ntime_zone = 'Europe/London'\ncurrency = 'GBP'\n";

fn load(toml: &str, env: &[(&str, &str)]) -> Result<Settings, SettingsErrors> {
    let env: BTreeMap<_, _> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::from_sources(toml, &env)
}

#[test]
fn defaults_suffice_beside_zone_and_currency() {
    let settings = load(NETWORK, &[]).unwrap();
    assert_eq!(settings.server.public_origin.as_origin(), "http://127.0.0.1:3000");
    assert_eq!(settings.mongo.uri.expose_secret(), "mongodb://127.0.0.1:27017");
    assert_eq!((settings.mongo.operator_db.as_str(), settings.mongo.own_db.as_str()), ("chargedeck", "chargedeck_app"));
    assert_eq!(settings.network.silent_after, Duration::from_secs(900));
}

#[test]
fn the_environment_wins_and_an_empty_variable_is_none() {
    let toml = format!("{NETWORK}silent_after_s = 60\n[chargedeck.mongo]\ndb = 'from_file'");
    let settings = load(&toml, &[("MONGODB_DB", "from_env"), ("REDIS_URL", "")]).unwrap();
    assert_eq!(settings.mongo.operator_db.as_str(), "from_env");
    assert_eq!(settings.network.silent_after, Duration::from_secs(60));
    assert_eq!(settings.redis.url.expose_secret(), "redis://127.0.0.1:6379");
}

#[test]
fn the_shipped_file_is_right() {
    load(include_str!("../../../Leptos.toml"), &[]).unwrap();
}

/// Key, source, part of the reason.
#[test]
fn each_wrong_setting_is_told_with_key_source_and_reason() {
    let env: &[(&str, &str, &str)] = &[
        ("CHARGEDECK_NETWORK_NAME", "  ", "blank"),
        ("CHARGEDECK_TIME_ZONE", "Europe/Londn", "Europe/London"),
        ("CHARGEDECK_TIME_ZONE", "../../etc/passwd", "Europe/London"),
        ("CHARGEDECK_CURRENCY", "gbp", "ISO 4217"),
        ("CHARGEDECK_CURRENCY", "EURO", "ISO 4217"),
        ("CHARGEDECK_SILENT_AFTER_S", "0", "whole number"),
        ("CHARGEDECK_SILENT_AFTER_S", "15m", "whole number"),
        ("CHARGEDECK_LEAVE_WITHIN_S", "301", "from 0 to 300"),
        ("CHARGEDECK_LEAVE_WITHIN_S", "5s", "whole number"),
        ("LEPTOS_SITE_ADDR", "localhost:3000", "127.0.0.1:3000"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "http://deck.example.org", "must be https"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "http://localhost.example.org", "must be https"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "http://192.168.0.7:3000", "must be https"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "https://deck.example.org/live", "alone"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "https://me@deck.example.org", "alone"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "deck.example.org", "alone"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "ftp://deck.example.org", "alone"),
        ("CHARGEDECK_TRUSTED_PROXIES", "10.0.0.7, proxy.example.org", "\"proxy.example.org\" is neither"),
        ("CHARGEDECK_TRUSTED_PROXIES", "10.0.0.0/33", "neither"),
        ("CHARGEDECK_KEEP_AUDIT_DAYS", "0", "whole number"),
        ("CHARGEDECK_MAX_SOCKETS_PER_USER", "0", "from 1 to"),
        ("CHARGEDECK_MAX_CONNECTIONS", "many", "from 1 to"),
        ("CHARGEDECK_METRICS_ADDR", "localhost:9464", "127.0.0.1:9464"),
        ("MONGODB_URI", "postgres://127.0.0.1", "mongodb://"),
        ("MONGODB_DB", "a.b", "database name"),
        ("MONGODB_DB", "admin", "MongoDB's own"),
        ("CHARGEDECK_DB", "app{1}", "braces"),
        ("CHARGEDECK_DB", "ChargeDeck", "must differ"),
        ("REDIS_URL", "http://127.0.0.1", "redis://"),
    ];
    for (key, value, reason) in env {
        let SettingsErrors(errors) = load(NETWORK, &[(key, value)]).expect_err(value);
        let [error] = &errors[..] else { panic!("{value}: {errors:?}") };
        assert_eq!((error.key.as_str(), error.source.as_str()), (*key, "environment"), "{error}");
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn metrics_are_told_nowhere_unless_asked_and_by_a_port_on_this_machine_alone() {
    let addr = |env: &[_]| load(NETWORK, env).unwrap().server.metrics_addr.map(|addr| addr.to_string());
    assert_eq!(addr(&[]), None);
    assert_eq!(addr(&[("CHARGEDECK_METRICS_ADDR", "9464")]).as_deref(), Some("127.0.0.1:9464"));
    assert_eq!(addr(&[("CHARGEDECK_METRICS_ADDR", "[::]:9464")]).as_deref(), Some("[::]:9464"));
}

#[test]
fn an_address_for_all_interfaces_needs_an_origin() {
    let SettingsErrors(errors) = load(NETWORK, &[("LEPTOS_SITE_ADDR", "0.0.0.0:3000")]).unwrap_err();
    assert_eq!((errors.len(), errors[0].source.as_str()), (1, "default"));
    assert!(errors[0].reason.contains("CHARGEDECK_PUBLIC_ORIGIN"), "{}", errors[0]);
    let env = [("LEPTOS_SITE_ADDR", "0.0.0.0:3000"), ("CHARGEDECK_PUBLIC_ORIGIN", "https://Deck.example.org:443/")];
    let origin = load(NETWORK, &env).unwrap().server.public_origin;
    assert_eq!(origin.as_origin(), "https://deck.example.org");
    assert_eq!(origin.as_socket_origin(), "wss://deck.example.org");
}

#[test]
fn an_origin_accepts_itself_and_loopback_its_other_names() {
    let local = parse::public_origin("http://127.0.0.1:3000").unwrap();
    assert!(local.accepts("http://127.0.0.1:3000") && local.accepts("http://localhost:3000"));
    for other in ["http://localhost:3001", "https://localhost:3000", "http://evil.example:3000", "null", ""] {
        assert!(!local.accepts(other), "{other}");
    }
    let public = parse::public_origin("https://deck.example.org").unwrap();
    assert!(public.accepts("https://deck.example.org"));
    for other in ["http://deck.example.org", "https://deck.example.org.evil", "https://localhost", "null"] {
        assert!(!public.accepts(other), "{other}");
    }
}

#[test]
fn all_wrong_settings_come_at_once_from_both_sources() {
    let toml = "[chargedeck.network]\ntime_zone = 'Mars/Olympus'\ncurency = 'GBP'\n[chargedeck.red]\nurl = 'x'\n";
    let SettingsErrors(errors) = load(toml, &[("MONGODB_DB", "a b")]).unwrap_err();
    let found: Vec<_> = errors.iter().map(|e| (e.key.as_str(), e.source.as_str())).collect();
    assert_eq!(
        found,
        [
            ("curency", "Leptos.toml [chargedeck.network]"),
            ("red", "Leptos.toml [chargedeck]"),
            ("time_zone", "Leptos.toml [chargedeck.network]"),
            ("currency", "Leptos.toml [chargedeck.network]"),
            ("MONGODB_DB", "environment"),
        ]
    );
}

#[test]
fn fields_are_mapped_by_the_file_and_every_wrong_one_is_told() {
    let toml = format!(
        "{NETWORK}[chargedeck.fields.payments]\nnames = {{ amount_minor = 'amount' }}\nunits = {{ amount_minor = 'major' }}\n\
         show = ['note']\n[chargedeck.fields.payments.status]\ncompleted = 'CAPTURED'\n"
    );
    let mapping = load(&toml, &[]).unwrap().mongo.mapping;
    assert_eq!(mapping.collections().collect::<Vec<_>>(), [Collection::Payments]);
    assert_eq!(mapping.path(Collection::Payments, "amount_minor"), "amount");
    // A definition that is written reads back the same.
    let definition = mapping.of(Collection::Payments).unwrap().definition();
    let again = load(&format!("{NETWORK}{}", definition.to_toml(Collection::Payments)), &[]).unwrap().mongo.mapping;
    assert_eq!(again.of(Collection::Payments).unwrap().definition(), definition);
    assert!(load(NETWORK, &[]).unwrap().mongo.mapping.of(Collection::Payments).is_none());

    let toml = format!(
        "{NETWORK}[chargedeck.fields.users]\n[chargedeck.fields.stations]\nnames = {{ nickname = 'x', name = 'a..b' }}\n\
         units = {{ name = 'kW', max_electric_power = 'hp' }}\nstatus = {{ free = 'FREE' }}\nhide = ['x']\nshow = 'x'\n"
    );
    let SettingsErrors(errors) = load(&toml, &[]).unwrap_err();
    let mut found: Vec<_> = errors.iter().map(|e| (e.key.as_str(), e.source.as_str())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("free", "Leptos.toml [chargedeck.fields.stations.status]"),
            ("hide", "Leptos.toml [chargedeck.fields.stations]"),
            ("max_electric_power", "Leptos.toml [chargedeck.fields.stations.units]"),
            ("name", "Leptos.toml [chargedeck.fields.stations.names]"),
            ("name", "Leptos.toml [chargedeck.fields.stations.units]"),
            ("nickname", "Leptos.toml [chargedeck.fields.stations.names]"),
            ("show", "Leptos.toml [chargedeck.fields.stations]"),
            ("users", "Leptos.toml [chargedeck.fields]"),
        ]
    );
}

#[test]
fn the_mappings_of_the_documents_are_right() {
    for text in [include_str!("../../../README.md"), include_str!("../../../docs/fields.md")] {
        let blocks: Vec<_> = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!blocks.is_empty());
        for block in blocks {
            load(&format!("{NETWORK}{block}"), &[]).unwrap();
        }
    }
}

#[test]
fn no_secret_is_told() {
    const CANARY: &str = "s3cr3t";
    let uris = [
        ("MONGODB_URI", "mongodb://ada:s3cr3t@"),
        ("MONGODB_URI", "mongodb://ada:a/s3cr3t@db.example:27017/x"),
        ("MONGODB_URI", "mongodb://db.example/?tlsCertificateKeyFilePassword=s3cr3t&bogus=1&tls=perhaps"),
        ("REDIS_URL", "redis://:s3cr3t@cache.example:notaport"),
        ("REDIS_URL", "ada:s3cr3t@cache.example"),
        ("CHARGEDECK_PUBLIC_ORIGIN", "https://ada:s3cr3t@deck.example.org"),
    ];
    for (key, uri) in uris {
        let error = load(NETWORK, &[(key, uri)]).expect_err(uri);
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    }
    let misspelt = format!("{NETWORK}[chargedeck.redis]\nurll = 'redis://:s3cr3t@cache'");
    assert!(!load(&misspelt, &[]).unwrap_err().to_string().contains(CANARY));
    let right = load(NETWORK, &[("MONGODB_URI", "mongodb://ada:s3cr3t@db.example")]).unwrap();
    assert!(!format!("{right:?}").contains(CANARY));
}

/// The builder reads Cargo.toml and the server that runs alone reads Leptos.toml.
#[test]
fn what_the_builder_and_the_server_are_told_agrees() {
    let table = |text: &str| -> toml::Table {
        let all: toml::Table = text.parse().unwrap();
        all["package"]["metadata"]["leptos"].as_table().unwrap().clone()
    };
    let (built, run) = (table(include_str!("../../../Cargo.toml")), table(include_str!("../../../Leptos.toml")));
    assert!(!run.is_empty());
    for (key, value) in &run {
        assert_eq!(built.get(key), Some(value), "{key}");
    }
}
