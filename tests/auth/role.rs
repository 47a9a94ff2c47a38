//! A MongoDB user with only the role of `docs/security.md` suffices.

use std::{os::unix::fs::PermissionsExt, process::Command, time::Duration};

use axum::http::StatusCode;
use chargedeck::server::{
    auth::audit_log::COLLECTION,
    ops::{
        admin_cli::{AdminCommand, run},
        check::{self, Level},
    },
};
use mongodb::{
    Client,
    bson::{Document, doc},
};

use crate::{
    actions::{act, block},
    app::{ADA, App, AppSetup, PASSWORD, until},
    support,
};

/// The commands in the document, with these names of databases.
fn documented(operator_db: &str, own_db: &str) -> [Document; 2] {
    let text = include_str!("../../docs/security.md").replace("\"chargedeck_app\"", &format!("{own_db:?}"));
    let text = text.replace("\"db\": \"chargedeck\"", &format!("\"db\": {operator_db:?}"));
    let mut blocks = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    [0, 1].map(|_| serde_json::from_str(blocks.next().expect("two commands")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "all that one user may do, and may not")]
async fn a_user_with_the_documented_role_runs_the_server_and_cannot_change_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "akeyofthistest").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).unwrap();
    let mongod = support::Mongod::start_with(&["--keyFile", key.to_str().unwrap()]).await;
    let create = |name: &str, role: &str| doc! {"createUser": name, "pwd": "secret", "roles": [role]};
    mongod.client().await.database("admin").run_command(create("root", "root")).await.unwrap();
    let uri =
        |name: &str| format!("mongodb://{name}:secret@127.0.0.1:{}/?replicaSet=rs0&authSource=admin", mongod.port());
    let root = Client::with_uri_str(uri("root")).await.unwrap();

    let setup = AppSetup { mongodb_uri: uri("deck"), ..AppSetup::default().await };
    let operator_db = format!("{}_theirs", setup.own_db);
    let [role, indexes] = documented(&operator_db, &setup.own_db);
    root.database("admin").run_command(role).await.unwrap();
    root.database(&setup.own_db).run_command(indexes).await.unwrap();
    root.database("admin").run_command(create("deck", "chargedeck")).await.unwrap();

    // In the operator's database the user creates what it is told to. Then the server starts and works.
    let made = root.database(&operator_db);
    let stations = doc! {"create": "stations"};
    made.run_command(stations).await.unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = setup.environment();
    settings.insert("MONGODB_DB".to_owned(), operator_db.clone());
    let mut command = Command::new(env!("CARGO_BIN_EXE_chargedeck"));
    let prepared = Command::new(env!("CARGO_BIN_EXE_chargedeck"))
        .args(["prepare", "--yes"])
        .envs(&settings)
        .env("REDIS_URL", &setup.redis_url)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    command.arg("serve").envs(&settings).env("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}")).current_dir(dir.path());
    command.env("CHARGEDECK_PUBLIC_ORIGIN", format!("http://127.0.0.1:{port}"));
    let log = dir.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut server = Running(command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap());
    let logged = || std::fs::read_to_string(&log).unwrap();
    until(Duration::from_secs(60), "the server serves", || async {
        logged().contains("ChargeDeck serves") && logged().contains("the change stream is open")
    })
    .await;
    let indexes = made.collection::<Document>("stations").list_index_names().await.unwrap();
    assert!(indexes.contains(&"chargedeck_station_id_1".to_owned()), "{indexes:?}");
    let app = App::at(&setup).await;
    app.add(ADA).await;
    let cookie = app.enter().await;
    assert_eq!(app.get("/stations", &cookie).await.status, StatusCode::OK);
    app.login(ADA, "wrong password, wrong").await;
    let disable = AdminCommand::Disable { email: ADA.into() };
    run(disable, "Our network", &app.db, &app.redis).await.unwrap();
    let actions: Vec<_> = app.entries().await.iter().map(|e| e.get_str("action").unwrap().to_owned()).collect();
    assert_eq!(actions, ["admin_created", "login", "login_refused", "user_disabled"]);

    let entries = app.db.collection::<Document>(COLLECTION);
    let db = &app.db;
    let shorter = doc! {"collMod": COLLECTION, "index": {"keyPattern": {"at": 1}, "expireAfterSeconds": 1}};
    let ends = doc! {"createIndexes": COLLECTION, "indexes": [{"name": "x", "key": {"x": 1}, "expireAfterSeconds": 1}]};
    let elsewhere =
        doc! {"renameCollection": format!("{}.{COLLECTION}", setup.own_db), "to": format!("{}.x", setup.own_db)};
    for (what, answer) in [
        ("update", entries.update_many(doc! {}, doc! {"$set": {"actor": "mallory"}}).await.map(drop)),
        ("replace", entries.replace_one(doc! {}, doc! {}).await.map(drop)),
        ("find and modify", entries.find_one_and_delete(doc! {}).await.map(drop)),
        ("delete one", entries.delete_one(doc! {}).await.map(drop)),
        ("delete all", entries.delete_many(doc! {}).await.map(drop)),
        ("$merge", merge(&app).await),
        ("$out", out(&app).await),
        ("drop", entries.drop().await),
        ("drop the database", db.drop().await),
        ("drop an index", entries.drop_index("shown").await),
        ("expire sooner", db.run_command(shorter).await.map(drop)),
        ("expire by another index", db.run_command(ends).await.map(drop)),
        ("rename", db.client().database("admin").run_command(elsewhere).await.map(drop)),
        ("convert", db.run_command(doc! {"convertToCapped": COLLECTION, "size": 4096}).await.map(drop)),
    ] {
        let error = answer.expect_err(what);
        assert!(error.to_string().contains("not authorized"), "{what}: {error}");
    }
    assert_eq!(app.entries().await.len(), 4);

    let mut sources = settings.clone();
    sources.insert("REDIS_URL".to_owned(), setup.redis_url.clone());
    let report = check::run(&chargedeck::server::config::Settings::from_sources("", &sources).unwrap()).await.unwrap();
    let items: Vec<_> = report.items.iter().filter(|item| matches!(item.what, "Rights" | "Audit log")).collect();
    assert!(items.len() == 3 && items.iter().all(|item| item.level == Level::Ok), "{report}");
    assert!(!report.is_problem(), "{report}");
    assert!(!logged().contains("ERROR") && !logged().contains("not authorized"), "{}", logged());
    assert!(server.0.try_wait().unwrap().is_none(), "it runs: {}", logged());

    // Actions of admins are within the role's rights. Without that one right the answer says why the action fails.
    made.collection("clients").insert_one(doc! {"_id": 1, "client_id": "C-1", "status": "ACTIVE"}).await.unwrap();
    app.add(BOB).await;
    let cookie = app.login(BOB, PASSWORD).await.cookie();
    let answer = block(&app, &cookie, "C-1", None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let update = doc! {"resource": {"db": &operator_db, "collection": "clients"}, "actions": ["update"]};
    let revoke = doc! {"revokePrivilegesFromRole": "chargedeck", "privileges": [update]};
    root.database("admin").run_command(revoke).await.unwrap();
    let page = app.get("/clients/unblock?id=C-1", &cookie).await;
    assert!(
        page.body.contains("docs/security.md has the role that may") && page.body.contains("disabled"),
        "{}",
        page.body
    );
    let answer = act(&app, &cookie, "C-1", "unblock", &serde_json::json!({"reason": "has paid"}), None).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "may_not_write"));
    let report = check::run(&chargedeck::server::config::Settings::from_sources("", &sources).unwrap()).await.unwrap();
    assert!(report.to_string().contains("what admins can do there is not offered"), "{report}");
}

const BOB: &str = "bob@example.org";

/// A process that is killed when the test ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn merge(app: &App) -> mongodb::error::Result<()> {
    let set = doc! {"$set": {"result": "ok"}};
    let log = app.db.collection::<Document>(COLLECTION);
    log.aggregate([set, doc! {"$merge": {"into": COLLECTION}}]).await.map(drop)
}

async fn out(app: &App) -> mongodb::error::Result<()> {
    let users = app.db.collection::<Document>("users");
    users.aggregate([doc! {"$match": {}}, doc! {"$out": COLLECTION}]).await.map(drop)
}
