//! The scripts themselves, in a checkout of their own.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// As much of a checkout as the scripts read.
fn checkout() -> TempDir {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")), TempDir::new().unwrap());
    fs::create_dir(to.path().join("scripts")).unwrap();
    for name in ["scripts/lib.sh", "scripts/setup", "Cargo.lock", "rust-toolchain.toml"] {
        fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    to
}

/// What a shell says that is told to do as the README says, and then this.
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
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) && told.contains("scripts/run --services"), "{} {told}", output.status);
    };
    silent(evaluate(here.path(), "true"));
    // What a run that was killed left behind.
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
    // scripts/run holds this lock while it runs; it is free when standard input ends.
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
