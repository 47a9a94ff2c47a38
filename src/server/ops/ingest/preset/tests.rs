use serde::de::DeserializeOwned;

use super::*;

#[test]
fn shipped_presets_are_valid() {
    assert_eq!(Preset::load("dundee").unwrap().factors().unwrap().grid_g_per_kwh.to_bits(), 211_f64.to_bits());
    assert_eq!(Preset::load("boulder").unwrap().network.time_zone, "America/Denver");
}

#[test]
fn mistakes_are_told() {
    let dundee = shipped("dundee").unwrap();
    for (from, to, expected) in [
        ("Europe/London", "Europe/Lodnon", "Europe/Lodnon"),
        ("owid-2024", "owid-1999", "owid-1999"),
        ("site = ", "sight = ", "sight"),
        ("dataset = \"dundee\"", "dataset = \"seed\"", "seed"),
        ("[models.\"APT 7kW Single", "[places]\nx = { lon = 200.0, lat = 0.0 }\n[models.\"APT 7kW Single", "Earth"),
        ("[rows]", "[file]\ndelimiter = \"; \"\n[rows]", "one character"),
        ("[rows]", "[file]\nholds = \"everything\"\n[rows]", "addition"),
        ("[rows]", "[rows]\nyears = [2030, 2020]", "first and a last year"),
    ] {
        let error = format!("{:#}", Preset::parse(&dundee.replacen(from, to, 1)).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    assert!(Preset::load("nowhere").is_err());
}

/// The names of a type's keys, as its error for an unknown key lists them.
fn keys<T: DeserializeOwned>() -> Vec<String> {
    let error = toml::from_str::<T>("no_such_key = 1").err().unwrap().message().to_owned();
    let (_, expected) = error.split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_stands_in_the_docs() {
    let docs = include_str!("../../../../../docs/import.md");
    let tables = [
        ("", keys::<Preset>()),
        ("file", keys::<File>()),
        ("network", keys::<Network>()),
        ("columns", keys::<Columns>()),
        ("columns.start", keys::<ClockColumns>()),
        ("columns.energy", keys::<EnergyColumn>()),
        ("rows", keys::<RowRules>()),
        ("tariff", keys::<Tariff>()),
        ("eco", keys::<Eco>()),
        ("models", keys::<Model>()),
        ("models.connector", keys::<Connector>()),
        ("places", keys::<PresetLocation>()),
    ];
    assert!(tables.iter().all(|(table, keys)| keys.len() > 1 || panic!("{table}: {keys:?}")));
    for (table, keys) in tables {
        let title = format!("### `{}`", if table.is_empty() { "dataset" } else { table });
        let (_, rest) = docs.split_once(&title).unwrap_or_else(|| panic!("no section {title}"));
        let section = rest.split("\n### ").next().unwrap();
        for key in keys.iter().filter(|_| !table.is_empty()) {
            assert!(section.contains(&format!("| `{key}`")), "{title} does not explain `{key}`");
        }
        if table.is_empty() {
            for key in keys {
                assert!(docs.contains(&format!("### `{key}")), "no section on `{key}`");
            }
        }
    }
    for name in ["dundee", "boulder"] {
        assert!(docs.contains(&format!("--print-preset {name}")), "{name}");
    }
}
