//! Two pages in a real browser among the clients. `end2end/faults.mjs` opens them and reports what they show.

use std::{
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use chargedeck::{
    domain::{
        collections::{Station, see},
        fields::Fields,
        ids::DocId,
    },
    web::text,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::unix::pipe,
    sync::Mutex,
    time::timeout,
};

use super::{
    cluster::{EMAIL, PASSWORD},
    http,
};

/// The longest time that the browser may take to start, or to report what it shows.
const ANSWERS: Duration = Duration::from_secs(60);
const MISSING: &str = "the browser does not answer; what it said stands above. It needs node, the packages of end2end and \
                       Chromium (CHROMIUM may name it), which scripts/setup installs";

/// A row of a list, or a figure, as displayed.
type Shown = Vec<Option<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    path: String,
    /// How often the page had to sign in, including the first time.
    sign_ins: u32,
    /// Errors of its script and of its hydration.
    complaints: Vec<String>,
    /// Whether it is still the page that was opened, or that came after a sign-in.
    #[serde(default)]
    marked: bool,
    #[serde(default)]
    shown: Vec<Shown>,
    /// Why it could not be read just now.
    trouble: Option<String>,
}

/// The running browser. It ends when this is dropped, because that closes its input.
pub struct Browsers {
    pipes: Mutex<(pipe::Sender, Lines<BufReader<pipe::Receiver>>)>,
    /// How often the pages had to sign in.
    sign_ins: AtomicU32,
    /// Ends by itself when its input is closed.
    _node: Child,
}

impl Browsers {
    /// Opens Stations and the Overview at the ports of two instances.
    pub async fn start(stations: u16, overview: u16) -> Self {
        let node = Command::new("node")
            .arg("end2end/faults.mjs")
            .args([&http::origin(stations), &http::origin(overview), EMAIL, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut node = node.unwrap_or_else(|error| panic!("node: {error}; {MISSING}"));
        let (input, output) = (node.stdin.take().expect("piped"), node.stdout.take().expect("piped"));
        let asks = pipe::Sender::from_owned_fd(OwnedFd::from(input)).expect("a pipe");
        let answers = pipe::Receiver::from_owned_fd(OwnedFd::from(output)).expect("a pipe");
        let mut answers = BufReader::new(answers).lines();
        next(&mut answers).await;
        Self { pipes: Mutex::new((asks, answers)), sign_ins: AtomicU32::new(0), _node: node }
    }

    /// Returns how often the pages had signed in when they were last read, including the first time.
    pub fn sign_ins(&self) -> u32 {
        self.sign_ins.load(Ordering::Relaxed)
    }

    /// Returns how a page differs from what it should show, if one does.
    pub async fn unequal(&self, stations: &[(DocId, Fields)], figures: &Value) -> Option<String> {
        let (asks, answers) = &mut *self.pipes.lock().await;
        asks.write_all(b"\n").await.expect(MISSING);
        let pages = next(answers).await;
        self.sign_ins.store(pages.iter().map(|page| page.sign_ins).sum(), Ordering::Relaxed);
        pages.into_iter().find_map(|page| {
            let path = &page.path;
            if let Some(trouble) = page.trouble {
                return Some(format!("browser, {path}: {trouble}"));
            }
            let expected = if path == "/stations" { rows(stations) } else { texts(figures) };
            if !page.marked || !page.complaints.is_empty() {
                return Some(format!("browser, {path}: marked {}, complaints {:?}", page.marked, page.complaints));
            }
            let at = (0..expected.len().max(page.shown.len())).find(|i| page.shown.get(*i) != expected.get(*i))?;
            Some(format!("browser, {path}: {at} is {:?}, not {:?}", page.shown.get(at), expected.get(at)))
        })
    }
}

async fn next(answers: &mut Lines<BufReader<pipe::Receiver>>) -> Vec<Page> {
    let line = timeout(ANSWERS, answers.next_line()).await.expect(MISSING).expect(MISSING).expect(MISSING);
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Stations as the texts of their rows.
fn rows(stations: &[(DocId, Fields)]) -> Vec<Shown> {
    let row = |(id, fields): &(DocId, Fields)| {
        let station = see::<Station>(fields).doc;
        let connection = station.connection.as_ref().map(|connection| text::connection(connection).into_owned());
        // Pages show no NUL, and HTML cannot hold one.
        let trimmed = |text: String| text.replace('\0', "").trim().to_owned();
        vec![Some(id.0.clone()), station.name.map(trimmed), connection.map(trimmed)]
    };
    stations.iter().map(row).collect()
}

fn texts(figures: &Value) -> Vec<Shown> {
    let counted = [
        ("active_sessions", &figures["active_sessions"]),
        ("clients", &figures["clients"]),
        ("open_payments", &figures["open_payments"]["count"]),
    ];
    let text = |(name, n): (&str, &Value)| vec![Some(name.to_owned()), n.as_i64().map(text::count)];
    counted.map(text).into()
}
