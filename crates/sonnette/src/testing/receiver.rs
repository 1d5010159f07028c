//! An HTTP server with scripted responses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::certificate::{CertificateKind, TlsIdentity};
use super::receiver_state::{ReceivedRequest, ReceiverState, Script};
use super::scripted_response::ScriptedResponse;
use super::{http1, http2};

/// The time after which [`Receiver::wait_for`] fails the test.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP server on 127.0.0.1 that records every request. It responds with 200 until a script is set.
///
/// It runs on the runtime that started it and stops when dropped.
pub struct Receiver {
    address: SocketAddr,
    identity: Option<TlsIdentity>,
    http2: bool,
    shared: Arc<ReceiverState>,
    listening: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver on a free port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts a receiver on this address.
    pub async fn start_on(address: SocketAddr) -> Self {
        Self::listen(address, None, false).await
    }

    /// Starts a receiver with TLS and HTTP/1.1.
    pub async fn start_tls(kind: CertificateKind) -> Self {
        let identity = TlsIdentity::new(kind, "http/1.1");
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Some(identity), false).await
    }

    /// Starts a receiver with TLS and HTTP/2 only.
    ///
    /// It supports complete, held and delayed responses and [`ScriptedResponse::silent`]. Any other resets the stream.
    pub async fn start_http2() -> Self {
        let identity = TlsIdentity::new(CertificateKind::Valid, "h2");
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Some(identity), true).await
    }

    async fn listen(address: SocketAddr, identity: Option<TlsIdentity>, http2: bool) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(ReceiverState {
            requests: Mutex::default(),
            request_count: watch::Sender::new(0),
            scripts: Mutex::default(),
            responder: Mutex::default(),
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

    /// Responds with this from now on.
    pub fn respond_with(&self, response: ScriptedResponse) {
        self.script([response]);
    }

    /// Responds with these in turn from now on; the last one repeats.
    pub fn script(&self, responses: impl IntoIterator<Item = ScriptedResponse>) {
        self.put(None, responses);
    }

    /// Responds to each request as this chooses from now on, in place of all scripts.
    pub fn respond_using(
        &self,
        respond: impl Fn(&ReceivedRequest) -> ScriptedResponse + Send + 'static,
    ) {
        *self.shared.responder.lock() = Some(Box::new(respond));
    }

    /// Sets the script of one path, which begins with `/` and has no query.
    pub fn script_at(&self, path: &str, responses: impl IntoIterator<Item = ScriptedResponse>) {
        self.put(Some(path.to_owned()), responses);
    }

    fn put(&self, path: Option<String>, responses: impl IntoIterator<Item = ScriptedResponse>) {
        let responses: Vec<_> = responses.into_iter().collect();
        assert!(!responses.is_empty(), "a script needs a response");
        self.shared
            .scripts
            .lock()
            .insert(path, Script { responses, next: 0 });
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.requests.lock().clone()
    }

    /// The number of accepted connections.
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until `count` requests have arrived since the start, and returns all requests.
    ///
    /// # Panics
    ///
    /// If they do not arrive within ten seconds; the message lists those that did.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        let mut arrived = self.shared.request_count.subscribe();
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

    /// `http://127.0.0.1:<port>/`, or with `https`.
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

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of the certificate as PEM, for a receiver with TLS.
    pub fn authority_pem(&self) -> Option<&str> {
        self.identity
            .as_ref()
            .map(|identity| identity.authority_pem.as_str())
    }

    /// Closes the port and all connections. The recorded requests stay.
    pub async fn stop(&mut self) {
        self.listening.abort();
        // The error says that the task was aborted.
        let _ = (&mut self.listening).await;
    }

    /// Listens on the same port again after [`Receiver::stop`], with the same certificate, scripts and requests.
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

/// Accepts connections. They end with this task, since dropping the set aborts them.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    http2: bool,
    shared: Arc<ReceiverState>,
) {
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
    shared: Arc<ReceiverState>,
    number: usize,
) {
    let _ = tcp.set_nodelay(true);
    let Some(tls) = tls else {
        http1::serve(tcp, &shared, number).await;
        return;
    };
    // A client that does not trust the certificate disconnects.
    let Ok(stream) = tls.accept(tcp).await else {
        return;
    };
    if http2 {
        http2::serve(stream, shared, number).await;
    } else {
        http1::serve(stream, &shared, number).await;
    }
}
