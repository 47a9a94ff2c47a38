//! Real servers for the integration tests: a one-node MongoDB replica set and a Redis, each on a free port with a folder
//! of its own.
//!
//! Every server runs under a watching shell that waits on a pipe from this process. However the test process ends, the
//! pipe closes, and the shell kills the server and removes its folder: nothing is left behind, not even by `kill -9`.
//!
//! [`mongod`] and [`redis`] are shared by the tests of one binary; [`Mongod::fresh_db`] keeps the tests apart. A test that
//! kills its server starts its own with [`Mongod::start`] or [`Redis::start`].
//!
//! Long, because MongoDB and Redis are started, killed, restarted and copied by the same code.
#![allow(dead_code, reason = "each test binary uses its own part of this module")]

pub mod canary;
pub mod documents;
pub mod theirs;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use chargedeck::domain::collections::Collection;
use mongodb::{
    Client, Database,
    bson::{Document, doc},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OnceCell,
};

/// How long a server may take to answer. A loaded machine with two cores needs some of it.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two questions to a server that is starting.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// The replica set shared by all tests of this binary.
pub async fn mongod() -> &'static Mongod {
    static SHARED: OnceCell<Mongod> = OnceCell::const_new();
    SHARED.get_or_init(Mongod::start).await
}

/// The Redis shared by all tests of this binary. Tests keep apart by key prefix, or start their own.
pub async fn redis() -> &'static Redis {
    static SHARED: OnceCell<Redis> = OnceCell::const_new();
    SHARED.get_or_init(Redis::start).await
}

/// A real `mongod`: replica set `rs0` with one member, primary when [`Mongod::start`] returns.
pub struct Mongod {
    server: Server,
}

impl Mongod {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts it with more arguments, such as `["--oplogSize", "16"]`.
    pub async fn start_with(args: &[&str]) -> Self {
        Self::member(args).await.alone().await
    }

    /// Initiates a replica set with this server as its only member.
    async fn alone(self) -> Self {
        let host = format!("127.0.0.1:{}", self.port());
        self.initiate(doc! { "_id": "rs0", "members": [{ "_id": 0, "host": host }] }).await;
        self.primary().await;
        self
    }

    /// Starts it with a clock of its own.
    pub async fn with_clock(clock: &Clock) -> Self {
        Self::member_in(&clock.environment(), &[]).await.alone().await
    }

    /// Starts a server that belongs to no replica set yet.
    pub async fn member(args: &[&str]) -> Self {
        Self::member_in(&[], args).await
    }

    async fn member_in(environment: &[(&str, String)], args: &[&str]) -> Self {
        let set: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self::member_by("env", |_| set, Path::to_owned, args).await
    }

    /// Starts it on a file system of its own that is soon full. When the server ends because of that, it waits until
    /// it [has room](Self::give_room), and starts again.
    pub async fn on_small_disk() -> Self {
        const SCRIPT: &str = r#"
            mkdir "$0/disk" && mount -t tmpfs -o size=450m none "$0/disk" || exit
            "$@"
            until [ -e "$0/room" ]; do sleep 0.1; done
            mount -o remount,size=900m "$0/disk" && exec "$@"
        "#;
        // Whatever runs in there ends with `unshare`.
        const ALONE: [&str; 7] = ["--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"];
        let by = |dir: &Path| {
            ALONE.iter().copied().chain([SCRIPT]).map(str::to_owned).chain([dir.display().to_string()]).collect()
        };
        Self::member_by("unshare", by, |dir| dir.join("disk"), &[]).await.alone().await
    }

    /// Gives a server of [`Self::on_small_disk`] more room, so that it starts again.
    pub fn give_room(&self) {
        fs::write(self.server.dir.join("room"), "").expect("the folder is ours");
    }

    /// Starts the server through another program, whose arguments `before` precede the server's own command line.
    async fn member_by(
        program: &str,
        before: impl FnOnce(&Path) -> Vec<String>,
        data: impl FnOnce(&Path) -> PathBuf,
        args: &[&str],
    ) -> Self {
        let binary = env::var("MONGOD").unwrap_or_else(|_| "mongod".into());
        assert_on_path(&binary);
        let server = Server::new(
            program,
            |port, dir| {
                let mut line = before(dir);
                line.push(binary.clone());
                line.extend(
                    [
                        "--replSet",
                        "rs0",
                        "--bind_ip",
                        "127.0.0.1",
                        "--wiredTigerCacheSizeGB",
                        "0.25",
                        "--nounixsocket",
                        "--quiet",
                        "--setParameter",
                        "diagnosticDataCollectionEnabled=false",
                        "--setParameter",
                        "ttlMonitorEnabled=false",
                    ]
                    .map(String::from),
                );
                line.extend(["--port".into(), port.to_string(), "--dbpath".into(), data(dir).display().to_string()]);
                line
            },
            args,
        );
        server.listening().await;
        Self { server }
    }

    /// Makes it a member of the replica set that `config` describes.
    pub async fn initiate(&self, config: Document) {
        let initiated = self.direct().await.database("admin").run_command(doc! { "replSetInitiate": config }).await;
        initiated.unwrap_or_else(|error| panic!("cannot initiate: {error}\n{}", self.server.log_tail()));
    }

    /// A client of this member alone, whatever the set's config says.
    pub async fn direct(&self) -> Client {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port());
        Client::with_uri_str(uri).await.expect("a URI made here is valid")
    }

    pub fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet=rs0", self.server.port)
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// A client for the calling test: a client belongs to the runtime that made it, so it cannot be shared.
    pub async fn client(&self) -> Client {
        Client::with_uri_str(self.uri()).await.expect("a URI made here is valid")
    }

    /// An empty database under a name that no other test has.
    pub async fn fresh_db(&self) -> Database {
        self.client().await.database(&fresh_name("t"))
    }

    /// Whether the server was not killed.
    pub const fn runs(&self) -> bool {
        self.server.running.is_some()
    }

    /// Returns whether `hello` reports this as true, such as `isWritablePrimary` or `secondary`.
    pub async fn says(&self, what: &str) -> bool {
        let hello = self.direct().await.database("admin").run_command(doc! { "hello": 1 }).await;
        hello.is_ok_and(|hello| hello.get_bool(what).unwrap_or(false))
    }

    /// Copies its folder. The server must be down.
    pub fn copy(&self) -> TempDir {
        self.server.copy()
    }

    /// Replaces its folder by a copy. The server must be down.
    pub fn put_back(&self, copy: &TempDir) {
        self.server.put_back(copy);
    }

    /// Ends the server as a power cut would; its data stays for [`Mongod::restart`].
    pub fn kill9(&mut self) {
        self.server.kill9();
    }

    /// Starts it again on the same port and data, and waits until it is primary.
    pub async fn restart(&mut self) {
        self.rejoin().await;
        self.primary().await;
    }

    /// Starts it again on the same port and data, as a member of its set.
    pub async fn rejoin(&mut self) {
        self.server.spawn();
        self.server.listening().await;
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.server.signal(name);
    }

    /// Waits until the server is primary, because the driver waits for a primary before it sends the command.
    async fn primary(&self) {
        let hello = self.client().await.database("admin").run_command(doc! { "hello": 1 }).await;
        let hello: Document =
            hello.unwrap_or_else(|error| panic!("mongod did not become primary: {error}\n{}", self.server.log_tail()));
        assert!(hello.get_bool("isWritablePrimary").unwrap_or(false), "not primary: {hello}");
    }
}

/// A real `redis-server` that keeps nothing on disk unless told to.
pub struct Redis {
    server: Server,
}

impl Redis {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts it with more arguments, such as `["--appendonly", "yes"]`. They override those given here.
    pub async fn start_with(args: &[&str]) -> Self {
        let server = Server::new(
            &env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into()),
            |port, dir| {
                let mut line = vec!["--port".into(), port.to_string(), "--dir".into(), dir.display().to_string()];
                line.extend(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(String::from));
                line
            },
            args,
        );
        let redis = Self { server };
        redis.answering().await;
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.server.port)
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Copies its folder, which holds what it has saved.
    pub fn copy(&self) -> TempDir {
        self.server.copy()
    }

    /// Replaces its folder by a copy. The server must be down.
    pub fn put_back(&self, copy: &TempDir) {
        self.server.put_back(copy);
    }

    /// Ends the server as a power cut would. What it had only in memory is gone.
    pub fn kill9(&mut self) {
        self.server.kill9();
    }

    /// Starts it again on the same port and folder.
    pub async fn restart(&mut self) {
        self.server.spawn();
        self.answering().await;
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.server.signal(name);
    }

    async fn answering(&self) {
        self.server.until(|| pong(self.server.port)).await;
    }
}

/// Returns whether Redis answers a ping. While it reads its append-only file, it accepts connections and answers
/// `-LOADING`.
async fn pong(port: u16) -> bool {
    let ask = async {
        let mut answer = [0; 7];
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"PING\r\n").await?;
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await.is_ok_and(|answer| &answer == b"+PONG\r\n")
}

/// Makes the collections with images, so that a test's first change has them.
pub async fn collections_with_images(db: &Database) {
    for collection in Collection::ALL {
        let create = doc! { "create": collection.name(), "changeStreamPreAndPostImages": { "enabled": true } };
        db.run_command(create).await.expect("a collection that is not there yet");
    }
}

/// Returns a name that no other test of any run on this machine has.
pub fn fresh_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A server process, its port and its folder.
pub struct Server {
    port: u16,
    dir: PathBuf,
    command: Vec<String>,
    /// The watching shell and the server's own process id; `None` after [`Server::kill9`].
    running: Option<(Child, u32)>,
}

/// Starts the server, prints its id, and waits for a line or the end of standard input. A line means "only kill it";
/// the end means that nobody will come back for the folder.
const WATCH: &str = r#"
    dir=$1; shift
    "$@" >>"$dir/log" 2>&1 </dev/null &
    server=$!
    echo "$server"
    if read -r _; then keep=yes; else keep=no; fi
    kill -9 "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    if [ "$keep" = no ]; then rm -rf "$dir"; fi
"#;

impl Server {
    /// Starts `binary` with the arguments for a free port and a folder, and with `more`.
    pub fn new(binary: &str, arguments: impl FnOnce(u16, &Path) -> Vec<String>, more: &[&str]) -> Self {
        assert_on_path(binary);
        let dir = tempfile::Builder::new().prefix("chargedeck-").tempdir().expect("a folder for the server").keep();
        let port = free_port();
        let mut command = vec![binary.to_owned()];
        command.extend(arguments(port, &dir));
        command.extend(more.iter().map(|&argument| argument.to_owned()));
        let mut server = Self { port, dir, command, running: None };
        server.spawn();
        server
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The name of the program, without the variables before it.
    fn name(&self) -> &str {
        self.command.iter().find(|part| *part != "env" && !part.contains('=')).map_or("env", String::as_str)
    }

    pub fn spawn(&mut self) {
        assert!(self.running.is_none(), "{} already runs", self.name());
        let mut shell = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(&self.dir)
            .args(&self.command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C at the terminal ends the tests; the pipe tells the shell
            .spawn()
            .expect("sh starts");
        let mut id = String::new();
        BufReader::new(shell.stdout.take().expect("piped"))
            .read_line(&mut id)
            .expect("the shell tells the server's id");
        self.running = Some((shell, id.trim().parse().expect("a process id")));
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(sent.expect("kill starts").success(), "{} got no {name}", self.name());
    }

    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server runs").1
    }

    pub fn kill9(&mut self) {
        if let Some((mut shell, _)) = self.running.take() {
            let mut pipe = shell.stdin.take().expect("piped");
            pipe.write_all(b"keep\n").expect("the shell listens");
            shell.wait().expect("the shell ends");
        }
    }

    async fn listening(&self) {
        self.until(|| async { TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() }).await;
    }

    /// Asks until the answer is yes. Panics after `START_LIMIT`.
    pub async fn until<F: Future<Output = bool>>(&self, ask: impl Fn() -> F) {
        let started = Instant::now();
        while !ask().await {
            assert!(started.elapsed() < START_LIMIT, "{} does not answer\n{}", self.name(), self.log_tail());
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    fn copy(&self) -> TempDir {
        let copy = TempDir::new().expect("a folder");
        copy_folder(&self.dir, copy.path());
        copy
    }

    fn put_back(&self, copy: &TempDir) {
        assert!(self.running.is_none(), "{} still runs", self.name());
        fs::remove_dir_all(&self.dir).expect("the folder is ours");
        fs::create_dir(&self.dir).expect("the folder was there");
        copy_folder(copy.path(), &self.dir);
    }

    /// Whether the process ended by itself. Its shell still waits for us then.
    pub fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('Z') || rest.is_empty())
    }

    /// All that the server wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// The last lines that the server wrote.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.running.take() {
            Some((mut shell, _)) => {
                drop(shell.stdin.take());
                let _ = shell.wait();
            }
            None => drop(fs::remove_dir_all(&self.dir)),
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.expect("cp starts").success(), "{} is not copied", from.display());
}

fn assert_on_path(binary: &str) {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = Path::new(binary).is_absolute() && Path::new(binary).is_file()
        || env::split_paths(&path).any(|folder| folder.join(binary).is_file());
    assert!(
        found,
        "`{binary}` was not found: run scripts/setup, which fetches it, or put it on PATH (MONGOD and REDIS_SERVER may name others)."
    );
}

/// A clock of its own for a process, by libfaketime (Debian's package of that name). It is right until it is set.
pub struct Clock(TempDir);

impl Clock {
    pub fn new() -> Self {
        let clock = Self(TempDir::new().expect("a folder"));
        clock.set("+0");
        clock
    }

    /// Sets how wrong the clock is from now on, such as `-5m`.
    pub fn set(&self, offset: &str) {
        fs::write(self.file(), offset).expect("the folder is ours");
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("clock")
    }

    /// The environment of a process that uses this clock.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let folders = fs::read_dir("/usr/lib").expect("/usr/lib").filter_map(Result::ok);
        let mut found =
            folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).filter(|path| path.exists());
        [
            ("LD_PRELOAD", found.next().expect("libfaketime: run scripts/setup").display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}
