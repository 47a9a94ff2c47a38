//! Tests of the scripts, in a checkout of their own, and of the size of all files.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Creates a checkout with only the files that the scripts read.
fn checkout() -> TempDir {
    checkout_of(&["scripts/lib.sh", "scripts/setup", "Cargo.lock", "rust-toolchain.toml"])
}

fn checkout_of(names: &[&str]) -> TempDir {
    let to = TempDir::new().unwrap();
    for name in names {
        let path = to.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(Path::new(ROOT).join(name), path).unwrap();
    }
    to
}

/// Runs `scripts/graph` over a `src/` of these files. Returns whether it finds nothing wrong, and what it prints.
fn graph(files: &[(&str, &str)]) -> (bool, String) {
    let here = checkout_of(&["scripts/lib.sh", "scripts/graph", "end2end/graph.mjs", "end2end/rooms.mjs"]);
    for (name, code) in files {
        let path = here.path().join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, code).unwrap();
    }
    let output = Command::new(here.path().join("scripts/graph")).output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), printed)
}

#[test]
fn the_graph_refuses_imports_of_later_rooms_and_circles() {
    const TIME: (&str, &str) = ("domain/time.rs", "pub struct Bucket;");
    const CELLS: (&str, &str) = ("domain/cells.rs", "use super::time::Bucket;\npub struct Cell(Bucket);");
    const TEXT: (&str, &str) = ("web/text.rs", "use crate::domain::cells::Cell;\npub fn cell(_: Cell) {}");
    let (fine, printed) = graph(&[TIME, CELLS, TEXT]);
    assert!(fine && printed.contains("3 modules, 2 imports, 0 upwards, 0 circles"), "{printed}");

    let refused = |files: &[(&str, &str)], what: &str| {
        let (fine, printed) = graph(files);
        assert!(!fine && printed.contains(what), "{what} in {printed}");
    };
    refused(
        &[CELLS, TEXT, ("domain/time.rs", "use crate::web::text::cell;\npub struct Bucket;")],
        "upwards: src/domain/time.rs -> src/web/text.rs: cell",
    );
    refused(
        &[TIME, CELLS, ("domain/quality.rs", "fn of(cell: super::cells::Cell) {}")],
        "upwards: src/domain/quality.rs -> src/domain/cells.rs: Cell",
    );
    refused(
        &[TIME, CELLS, TEXT, ("server/ops/check.rs", "use crate::web::text::cell;")],
        "upwards: src/server/ops/check.rs -> src/web/text.rs: cell",
    );
    for room in ["actions", "http"] {
        let file = format!("server/{room}/snapshot.rs");
        let what = format!("upwards: src/{file} -> src/web/text.rs: cell");
        refused(&[TIME, CELLS, TEXT, (&file, "use crate::web::text::cell;")], &what);
    }
    refused(
        &[("domain/ids.rs", "use super::money::Money;"), ("domain/money.rs", "use super::ids::Id;\npub struct Money;")],
        "a circle of files: src/domain/ids.rs, src/domain/money.rs",
    );
    refused(&[TIME, ("attic.rs", "use crate::domain::time::Bucket;")], "src/attic.rs stands in no room");
}

/// Runs the README's line in a shell, and then the commands `then`.
fn evaluate(checkout: &Path, then: &str) -> Output {
    let line = format!("eval \"$(scripts/setup --env)\" || exit 3; {then}");
    let mut bash = Command::new("bash");
    bash.args(["-c", &line]).current_dir(checkout).env_remove("MONGODB_URI").env_remove("REDIS_URL");
    bash.output().unwrap()
}

#[test]
fn without_databases_a_developers_shell_is_told_so() {
    let here = checkout();
    let silent = |output: Output| {
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(3) && printed.contains("scripts/run --services"),
            "{} {printed}",
            output.status
        );
    };
    silent(evaluate(here.path(), "true"));
    // The files that a killed run leaves behind.
    fs::create_dir(here.path().join(".data")).unwrap();
    fs::write(here.path().join(".data/lock"), "").unwrap();
    fs::write(here.path().join(".data/env"), "MONGODB_URI=mongodb://here\nREDIS_URL=redis://here\n").unwrap();
    silent(evaluate(here.path(), "true"));
}

#[test]
fn with_databases_a_developers_shell_knows_them() {
    let here = checkout();
    fs::create_dir(here.path().join(".data")).unwrap();
    fs::write(here.path().join(".data/env"), "MONGODB_URI=mongodb://here\nREDIS_URL=redis://here\n").unwrap();
    // `scripts/run` holds this lock while it runs. Here `flock` holds it until its standard input ends.
    let mut run = Command::new("flock")
        .args([".data/lock", "sh", "-c", "echo held; cat"])
        .current_dir(&here)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(run.stdout.as_mut().unwrap(), &mut [0; 5]).unwrap();
    let output = evaluate(here.path(), "echo $MONGODB_URI $REDIS_URL $LEPTOS_OUTPUT_NAME");
    drop(run.stdin.take());
    run.wait().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "mongodb://here redis://here chargedeck\n");
}

/// Sources `scripts/setup` in this checkout and runs `then`. PATH has only the tools it needs and the programs in
/// `own`.
fn setup(checkout: &Path, own: &Path, mongod: Option<&str>, then: &str) -> Output {
    let programs = checkout.join("programs");
    if !programs.exists() {
        fs::create_dir(&programs).unwrap();
        for name in ["basename", "bash", "cat", "chmod", "dirname", "grep", "ln", "mkdir", "readlink", "sed", "sh"] {
            let path = std::env::var_os("PATH").unwrap();
            let mut found = std::env::split_paths(&path).map(|folder| folder.join(name)).filter(|path| path.exists());
            symlink(found.next().expect(name), programs.join(name)).unwrap();
        }
    }
    let mut bash = Command::new(programs.join("bash"));
    bash.args(["-c", &format!("source scripts/setup; {then}")]).current_dir(checkout).env_clear();
    bash.env("PATH", format!("{}:{}", own.display(), programs.display()));
    bash.env("HOME", checkout).env("CHARGEDECK_CACHE", checkout.join("cache"));
    if let Some(mongod) = mongod {
        bash.env("MONGOD", mongod);
    }
    bash.output().unwrap()
}

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_older_mongod_of_ours_is_replaced_and_the_users_own_is_used() {
    let here = checkout();
    let (tools, own) = (here.path().join("cache/tools"), here.path().join("own"));
    fs::create_dir_all(tools.join("bin")).unwrap();
    let will_do = |mongod| {
        let output = setup(here.path(), &own, mongod, "mongod_will_do && echo yes || echo no");
        (output.status.success(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    let answer = |word: &str| (true, word.to_owned());
    assert_eq!(will_do(None), answer("no"));

    program(&tools.join("venv/mongod"), "");
    let link = tools.join("bin/mongod");
    symlink(tools.join("venv/mongod"), &link).unwrap();
    assert_eq!(will_do(None), answer("no"), "an earlier setup's");

    program(&own.join("mongod"), "");
    assert_eq!(will_do(None), answer("yes"), "the user's own");
    fs::remove_file(own.join("mongod")).unwrap();

    let packaged = setup(here.path(), &own, None, "packaged_mongod");
    let packaged = String::from_utf8(packaged.stdout).unwrap();
    program(Path::new(packaged.trim()), "");
    fs::remove_file(&link).unwrap();
    symlink(packaged.trim(), &link).unwrap();
    assert_eq!(will_do(None), answer("yes"));
    assert_eq!(will_do(Some("/no/such/mongod")), (false, String::new()));
}

#[test]
fn the_packaged_mongod_is_its_process_and_alone_sees_its_libraries() {
    let here = checkout();
    let packaged = here.path().join("packaged");
    for library in ["libssl-3a.so.1.1", "libcrypto-2a.so.1.1"] {
        program(&packaged.join("psycopg2_binary.libs").join(library), "");
    }
    program(&packaged.join("fiftyone/db/bin/mongod"), "echo $$ $LD_LIBRARY_PATH $*");
    let made = setup(here.path(), here.path(), None, "wrap_mongod packaged");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // Remove the LD_LIBRARY_PATH that cargo sets for its tests.
    let mut mongod = Command::new(packaged.join("mongod"));
    let mongod = mongod.arg("--quiet").env_remove("LD_LIBRARY_PATH").stdout(Stdio::piped()).spawn().unwrap();
    let id = mongod.id();
    let printed = String::from_utf8(mongod.wait_with_output().unwrap().stdout).unwrap();
    let libraries = packaged.canonicalize().unwrap().join("openssl");
    assert_eq!(printed, format!("{id} {} --quiet\n", libraries.display()));
    for name in ["libssl.so.1.1", "libcrypto.so.1.1", "libcrypto-2a.so.1.1"] {
        assert!(libraries.join(name).exists(), "{name}");
    }
}

/// A file of more lines says at its head why it is not two.
const LONG: usize = 300;

/// Whether a file is long without a reason, or gives one without being long.
fn is_odd(text: &str) -> bool {
    let mut head = text.lines().take_while(|line| ["//", "#", "/*", " *"].iter().any(|mark| line.starts_with(mark)));
    (text.lines().count() > LONG) != head.any(|line| line.contains("Long, because "))
}

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().map(|kind| kind.to_str().unwrap());
        if path.is_dir() && !path.ends_with("node_modules") {
            sources(&path, all);
        } else if matches!(kind, Some("rs" | "ts" | "mts" | "mjs" | "css" | "sh")) || folder.ends_with("scripts") {
            all.push(path);
        }
    }
}

#[test]
fn a_long_file_says_why() {
    let code = "fn f() {}\n".repeat(LONG);
    assert!(!is_odd(&code) && is_odd(&format!("//! Lists.\n{code}")));
    assert!(!is_odd(&format!("//! Lists.\n//!\n//! Long, because it is one list.\n{code}")));
    assert!(is_odd("//! Long, because it once was.\nfn f() {}\n"), "a reason without need");

    let mut all = Vec::new();
    for folder in ["src", "view/src", "tests", "examples", "end2end", "scripts", "style"] {
        sources(&Path::new(ROOT).join(folder), &mut all);
    }
    assert!(all.len() > 400, "{}", all.len());
    all.retain(|path| is_odd(&fs::read_to_string(path).unwrap()));
    assert!(
        all.is_empty(),
        "over {LONG} lines without “Long, because …” at the head, or with it and not over: {all:#?}"
    );
}

/// The names of the types that a file defines at its margin, so without what belongs to a trait or to tests within.
fn types(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let line = ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|of| line.strip_prefix(of)).unwrap_or(line);
        let named = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| line.strip_prefix(kind))?;
        named.split(|c: char| !c.is_alphanumeric()).next()
    })
}

#[test]
fn a_types_name_stands_for_one_thing() {
    let code = "pub struct A<T>(T);\n    struct B;\npub(crate) enum C {\n    D,\n}\ntype E = u32;\nfn f() -> A {}\nuse a::B;\n";
    assert_eq!(types(code).collect::<Vec<_>>(), ["A", "C", "E"]);
    let mut all = Vec::new();
    for folder in ["src", "view/src"] {
        sources(&Path::new(ROOT).join(folder), &mut all);
    }
    // A file `no_….rs` stands in for another where that cannot be compiled. Random histories have a world of their own.
    let counts = |path: &PathBuf| {
        let text = path.to_str().unwrap();
        path.extension().is_some_and(|kind| kind == "rs")
            && !["/no_", "/tests.rs", "/histories"].iter().any(|part| text.contains(part))
    };
    let mut defined: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in all.into_iter().filter(counts) {
        for name in types(&fs::read_to_string(&path).unwrap()) {
            defined.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
    assert!(defined.len() > 400, "{}", defined.len());
    defined.retain(|_, paths| paths.len() > 1);
    assert!(defined.is_empty(), "{defined:#?}");
}
