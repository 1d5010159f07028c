//! A server with an organizer, its tokens, and a client that shows what is on the wire.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::time::Duration;

use serde_json::Value;
use sonnette::store::sqlite::SqliteStore;
use sonnette::testing::Receiver;
use tokio::sync::oneshot;

use crate::cli::sandbox::{Sandbox, Server};

/// What a server answered.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    head: String,
    pub(crate) text: String,
}

impl ApiResponse {
    /// The value of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The values of a header that may be there more than once.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// This status; or the test fails with what was answered.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text);
        self
    }
}

/// A running server with the organizer `bigevents`.
pub(crate) struct Api {
    server: Server,
    place: Sandbox,
    pub(crate) operator: String,
    /// With the permissions of a new token: `webhooks` and `publish`.
    pub(crate) token: String,
}

/// Where the organizer is.
pub(crate) const ORGANIZER: &str = "/api/v1/organizers/bigevents/";

impl Api {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further arguments of `serve`.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let place = Sandbox::with_store();
        place.run(&["organizer", "create", "bigevents"]).done();
        let operator = place.run(&["token", "create", "--operator"]).done();
        let token = place
            .run(&["token", "create", "--organizer", "bigevents"])
            .done();
        let mut all = vec!["--allow-target", "127.0.0.0/8"];
        all.extend(args);
        let server = place.serve(&all);
        Self {
            server,
            place,
            operator: operator.trim().to_owned(),
            token: token.trim().to_owned(),
        }
    }

    /// A server over a store that was filled before.
    pub(crate) fn start_over(place: Sandbox, operator: &str, token: &str) -> Self {
        let server = place.serve(&["--allow-target", "127.0.0.0/8"]);
        Self {
            server,
            place,
            operator: operator.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The port that the server listens on.
    pub(crate) fn port(&self) -> &str {
        self.server.address.rsplit_once(':').unwrap().1
    }

    /// The log lines until the server listened.
    pub(crate) fn early_log(&self) -> &str {
        &self.server.early
    }

    /// Kills the server as a power cut would, and starts another over the same store.
    pub(crate) fn crash_and_start(&mut self, args: &[&str]) {
        self.server.kill();
        let mut all = vec!["--allow-target", "127.0.0.0/8"];
        all.extend(args);
        self.server = self.place.serve(&all);
    }

    /// A new connection to the server, whose reads fail after 20 seconds.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.server.address).unwrap();
        let timeout = Some(Duration::from_secs(20));
        stream.set_read_timeout(timeout).unwrap();
        stream
    }

    /// The store of the running server.
    pub(crate) fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.place.data()).unwrap()
    }

    /// Where commands run on the store of the server.
    pub(crate) fn place(&self) -> &Sandbox {
        &self.place
    }

    /// Ends the server in good order.
    pub(crate) fn end(self) {
        let (status, _) = self.server.end("-TERM");
        assert!(status.success(), "{status}");
    }

    /// The id of the server's process.
    pub(crate) fn process_id(&self) -> u32 {
        self.server.process_id()
    }

    /// Ends the server in good order and keeps its store.
    pub(crate) fn end_and_keep(self) -> Sandbox {
        let (status, _) = self.server.end("-TERM");
        assert!(status.success(), "{status}");
        self.place
    }

    /// A token with one permission, made by the command line beside the running server.
    pub(crate) fn token_for(&self, permission: &str) -> String {
        let args = [
            "token",
            "create",
            "--organizer",
            "bigevents",
            "--permission",
            permission,
        ];
        self.place.run(&args).done().trim().to_owned()
    }

    /// Sends these lines and a body, and reads until the server closes.
    pub(crate) fn raw(&self, head: &str, body: &[u8]) -> ApiResponse {
        let mut stream = TcpStream::connect(&self.server.address).unwrap();
        let length = body.len();
        let rest = format!(
            "Host: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n",
            self.server.address
        );
        stream
            .write_all(format!("{head}{rest}").as_bytes())
            .unwrap();
        // A server that refuses a long body may not read it.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        ApiResponse {
            status,
            head: head.to_owned(),
            text: body.to_owned(),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        more: &str,
        body: Option<Value>,
    ) -> ApiResponse {
        let kind = if body.is_some() {
            "Content-Type: application/json\r\n"
        } else {
            ""
        };
        let head =
            format!("{method} {path} HTTP/1.1\r\nAuthorization: Token {token}\r\n{kind}{more}");
        let body = body
            .map(|body| serde_json::to_vec(&body).unwrap())
            .unwrap_or_default();
        self.raw(&head, &body)
    }

    /// With the organizer's token; `path` is below the organizer unless it begins with `/`.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> ApiResponse {
        self.send(method, &full(path), &self.token, "", body)
    }

    /// With any token.
    pub(crate) fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> ApiResponse {
        self.send(method, &full(path), token, "", body)
    }

    /// With further header lines.
    pub(crate) fn call_with(
        &self,
        more: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> ApiResponse {
        self.send(method, &full(path), &self.token, more, body)
    }

    pub(crate) fn get(&self, path: &str) -> ApiResponse {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> ApiResponse {
        self.call("POST", path, Some(body))
    }

    /// The stream of the organizer, from its head on.
    pub(crate) fn watch(&self) -> BufReader<TcpStream> {
        let header = format!("Authorization: Token {}", self.token);
        self.watch_at(&format!("{ORGANIZER}stream/"), &header)
    }

    /// A stream, asked for with this header line, from its head on.
    pub(crate) fn watch_at(&self, path: &str, header: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let host = &self.server.address;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0);
        }
        lines
    }

    /// A new webhook for placed orders; its path below the organizer.
    #[track_caller]
    pub(crate) fn webhook(&self, url: &str) -> String {
        let body = serde_json::json!({
            "target_url": url,
            "limit_events": [],
            "action_types": ["pretix.event.order.placed"],
        });
        let id = self.post("webhooks/", body).expect(201).json()["id"].clone();
        format!("webhooks/{id}/")
    }

    /// Publishes a placed order; its notification's id.
    #[track_caller]
    pub(crate) fn place_order(&self, code: &str) -> i64 {
        let answer = self.post("notifications/", order(code)).expect(201);
        answer.json()["notification_id"].as_i64().unwrap()
    }

    /// Asks until the answer is as wanted.
    #[track_caller]
    pub(crate) fn wait(&self, path: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let answer = self.get(path).expect(200).json();
            if wanted(&answer) {
                return answer;
            }
            pause();
        }
        panic!(
            "{path} does not become what is wanted: {}",
            self.get(path).text
        );
    }
}

/// A publication of a placed order.
pub(crate) fn order(code: &str) -> Value {
    serde_json::json!({"action_type": "pretix.event.order.placed", "event": "democon", "data": {"code": code}})
}

fn full(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{ORGANIZER}{path}")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server is another process: there is nothing to wait on but its answers"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// A receiver with a thread and a runtime of its own; both end with it.
pub(crate) struct Target {
    receiver: Receiver,
    _end: oneshot::Sender<()>,
}

impl Deref for Target {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.receiver
    }
}

/// A receiver that answers 200 until told otherwise.
pub(crate) fn receiver() -> Target {
    let (started, ready) = std::sync::mpsc::channel();
    let (end, ended) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            started.send(Receiver::start().await).unwrap();
            // It ends when the test has dropped the other side.
            let _ = ended.await;
        });
    });
    Target {
        receiver: ready.recv().unwrap(),
        _end: end,
    }
}
