//! A scripted HTTP target on a port of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use super::certificate::{CertificateKind, TlsIdentity};
use super::scripted_response::ScriptedResponse;
use super::{http1, http2};

/// How long [`Receiver::wait_for`] waits before it fails the test.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A scripted HTTP target on 127.0.0.1. It records every request and answers 200 until told otherwise.
///
/// It lives on the runtime that started it, and stops when dropped.
pub struct Receiver {
    address: SocketAddr,
    identity: Option<TlsIdentity>,
    http2: bool,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// In the order of arrival, names in lower case. Over HTTP/2 without what stands in for `host`.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Bytes,
    /// Over which connection: 1 for the first that was accepted.
    pub connection: usize,
    /// Over HTTP/2.
    pub http2: bool,
    /// When it had come in full.
    pub at: Instant,
}

impl ReceivedRequest {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What the connections of a receiver share.
pub(super) struct Shared {
    requests: Mutex<Vec<ReceivedRequest>>,
    arrived: watch::Sender<usize>,
    scripts: Mutex<HashMap<Option<String>, Script>>,
    connections: watch::Sender<usize>,
}

struct Script {
    answers: Vec<ScriptedResponse>,
    next: usize,
}

impl Shared {
    /// Records a request and chooses the answer: by the script of its path (without the query), else by the general one.
    pub(super) fn take(&self, request: ReceivedRequest) -> ScriptedResponse {
        let path = request
            .path
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let answer = {
            let mut scripts = self.scripts.lock();
            let own = Some(path);
            let key = if scripts.contains_key(&own) {
                own
            } else {
                None
            };
            scripts
                .get_mut(&key)
                .map_or_else(ScriptedResponse::ok, Script::next)
        };
        let mut requests = self.requests.lock();
        requests.push(request);
        self.arrived.send_replace(requests.len());
        answer
    }
}

impl Script {
    fn next(&mut self) -> ScriptedResponse {
        let answer = self.answers[self.next].clone();
        self.next = (self.next + 1).min(self.answers.len() - 1);
        answer
    }
}

impl Receiver {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts one on this address, for example where one stopped before.
    pub async fn start_on(address: SocketAddr) -> Self {
        Self::listen(address, None, false).await
    }

    /// Starts one behind TLS, speaking HTTP/1.1.
    pub async fn start_tls(kind: CertificateKind) -> Self {
        let identity = TlsIdentity::new(kind, "http/1.1");
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Some(identity), false).await
    }

    /// Starts one behind TLS, speaking HTTP/2 and nothing else.
    ///
    /// Of the answers' manners it knows whole, held and delayed ones and [`ScriptedResponse::silent`]; every other resets the stream.
    pub async fn start_http2() -> Self {
        let identity = TlsIdentity::new(CertificateKind::Valid, "h2");
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Some(identity), true).await
    }

    async fn listen(address: SocketAddr, identity: Option<TlsIdentity>, http2: bool) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            arrived: watch::Sender::new(0),
            scripts: Mutex::default(),
            connections: watch::Sender::new(0),
        });
        let tls = identity.as_ref().map(TlsIdentity::acceptor);
        let listening = tokio::spawn(accept(listener, tls, http2, shared.clone()));
        Self {
            address,
            identity,
            http2,
            shared,
            listening,
        }
    }

    /// Answers so from now on.
    pub fn answer(&self, answer: ScriptedResponse) {
        self.script([answer]);
    }

    /// Answers with these in turn from now on; the last one repeats.
    pub fn script(&self, answers: impl IntoIterator<Item = ScriptedResponse>) {
        self.put(None, answers);
    }

    /// The same for requests to this path alone, which begins with `/` and has no query.
    pub fn script_at(&self, path: &str, answers: impl IntoIterator<Item = ScriptedResponse>) {
        self.put(Some(path.to_owned()), answers);
    }

    fn put(&self, path: Option<String>, answers: impl IntoIterator<Item = ScriptedResponse>) {
        let answers: Vec<_> = answers.into_iter().collect();
        assert!(!answers.is_empty(), "a script needs an answer");
        self.shared
            .scripts
            .lock()
            .insert(path, Script { answers, next: 0 });
    }

    /// What has arrived, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.requests.lock().clone()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until at least `count` requests have arrived, since the start, and returns all that have.
    ///
    /// # Panics
    ///
    /// If they do not arrive within ten seconds; it says what did.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        let mut arrived = self.shared.arrived.subscribe();
        if timeout(WAIT_TIMEOUT, arrived.wait_for(|n| *n >= count))
            .await
            .is_err()
        {
            let seen: Vec<_> = self
                .requests()
                .iter()
                .map(|r| format!("{} {}", r.method, r.path))
                .collect();
            panic!(
                "waited for {count} requests, {} arrived: {seen:?}",
                seen.len()
            );
        }
        self.requests()
    }

    /// `http://127.0.0.1:<port>/` or the same with `https`.
    pub fn url(&self) -> String {
        self.url_of("/")
    }

    /// The URL of a path that begins with `/`.
    pub fn url_of(&self, path: &str) -> String {
        let scheme = if self.identity.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority, as PEM, that a receiver behind TLS wants to be trusted through.
    pub fn authority_pem(&self) -> Option<&str> {
        self.identity
            .as_ref()
            .map(|identity| identity.authority_pem.as_str())
    }

    /// Closes its port and all connections; what has arrived can still be asked for.
    pub async fn stop(&mut self) {
        self.listening.abort();
        // Aborted: that is what the error says.
        let _ = (&mut self.listening).await;
    }

    /// Listens again on the same port after [`Receiver::stop`], with the same certificate, scripts and records.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address)
            .await
            .expect("the port is free");
        let tls = self.identity.as_ref().map(TlsIdentity::acceptor);
        self.listening = tokio::spawn(accept(listener, tls, self.http2, self.shared.clone()));
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Connections end with the task of this: the set aborts them when dropped.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, http2: bool, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let mut number = 0;
        shared.connections.send_modify(|n| {
            *n += 1;
            number = *n;
        });
        connections.spawn(serve(tcp, tls.clone(), http2, shared.clone(), number));
    }
}

async fn serve(
    tcp: TcpStream,
    tls: Option<TlsAcceptor>,
    http2: bool,
    shared: Arc<Shared>,
    number: usize,
) {
    let _ = tcp.set_nodelay(true);
    let Some(tls) = tls else {
        http1::serve(tcp, &shared, number).await;
        return;
    };
    // A client that does not trust the certificate goes away: nothing to do about that.
    let Ok(stream) = tls.accept(tcp).await else {
        return;
    };
    if http2 {
        http2::serve(stream, shared, number).await;
    } else {
        http1::serve(stream, &shared, number).await;
    }
}
