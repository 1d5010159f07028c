//! A scripted SMTP server.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// The encryption of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    Starttls,
    Tls,
}

/// The behaviour for one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpBehavior {
    /// Accepts every mail.
    Accept,
    /// Responds to the mail with this line.
    Refuse(&'static str),
    /// Refuses this recipient permanently.
    RefuseRecipient(&'static str),
    /// Refuses every login.
    RefuseLogin,
    /// Closes the connection at once.
    Disconnect,
    /// Sends nothing.
    Hang,
    /// Receives the mail without a response.
    AcceptWithoutReply,
}

/// A received mail.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub(super) to: Vec<String>,
    pub(super) login: Option<String>,
    pub(super) encrypted: bool,
    pub(super) text: String,
}

impl Mail {
    /// The value of a header, unfolded.
    pub(super) fn header(&self, name: &str) -> String {
        let head = self.text.split("\r\n\r\n").next().unwrap();
        let unfolded = head.replace("\r\n ", " ");
        let found = unfolded
            .split("\r\n")
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_default().to_owned()
    }
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<SmtpBehavior>>,
    mails: Mutex<Vec<Mail>>,
    arrived: Condvar,
    connections: Mutex<usize>,
}

/// An SMTP server on its own thread, which ends when this value is dropped.
pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    /// The authority to trust, as PEM.
    pub(super) authority: String,
    state: Arc<State>,
    _end: oneshot::Sender<()>,
}

impl MailServer {
    /// Starts on a free port and offers the login `PLAIN`, `LOGIN` or none.
    pub(super) fn start(encryption: Encryption, login: &'static str) -> Self {
        let (authority, acceptor) = certificate();
        let state = Arc::new(State::default());
        let (started, ready) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let shared = state.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send(listener.local_addr().unwrap()).unwrap();
                let accept = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        *shared.connections.lock().unwrap() += 1;
                        let next = shared.script.lock().unwrap().pop_front();
                        let connection = Connection {
                            state: shared.clone(),
                            behaviour: next.unwrap_or(SmtpBehavior::Accept),
                            encryption,
                            login,
                            acceptor: acceptor.clone(),
                        };
                        tokio::spawn(connection.serve(stream));
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = ended => {}
                }
            });
        });
        Self {
            address: ready.recv().unwrap(),
            authority,
            state,
            _end: end,
        }
    }

    /// Sets the behaviour for the next connections; later ones accept every mail.
    pub(super) fn script(&self, behaviours: impl IntoIterator<Item = SmtpBehavior>) {
        self.state.script.lock().unwrap().extend(behaviours);
    }

    pub(super) fn port(&self) -> String {
        self.address.port().to_string()
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Waits for this number of mails.
    #[track_caller]
    pub(super) fn wait_for(&self, count: usize) -> Vec<Mail> {
        let mails = self.state.mails.lock().unwrap();
        let (mails, waited) = self
            .state
            .arrived
            .wait_timeout_while(mails, Duration::from_secs(20), |m| m.len() < count)
            .unwrap();
        assert!(!waited.timed_out(), "received {} mails", mails.len());
        mails.clone()
    }
}

fn certificate() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// One connection.
struct Connection {
    state: Arc<State>,
    behaviour: SmtpBehavior,
    encryption: Encryption,
    login: &'static str,
    acceptor: TlsAcceptor,
}

/// How a part of the conversation ended.
#[derive(PartialEq)]
enum End {
    Closed,
    Encrypt,
}

impl Connection {
    async fn serve(self, mut stream: TcpStream) {
        match self.behaviour {
            SmtpBehavior::Disconnect => return,
            SmtpBehavior::Hang => return std::future::pending().await,
            _ => {}
        }
        if self.encryption == Encryption::Tls {
            if let Ok(stream) = self.acceptor.accept(stream).await {
                self.converse(stream, true, true).await;
            }
            return;
        }
        if self.converse(&mut stream, false, true).await == Some(End::Encrypt)
            && let Ok(stream) = self.acceptor.accept(stream).await
        {
            self.converse(stream, true, false).await;
        }
    }

    /// None: the other side went away.
    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        encrypted: bool,
        greet: bool,
    ) -> Option<End> {
        let mut stream = BufReader::new(stream);
        if greet {
            write_line(&mut stream, "220 mail.test ready").await?;
        }
        let (mut to, mut login) = (Vec::new(), None);
        loop {
            let line = read_line(&mut stream).await?;
            let verb = line.split([' ', ':']).next()?.to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    write_line(&mut stream, "250-mail.test").await?;
                    if self.encryption == Encryption::Starttls && !encrypted {
                        write_line(&mut stream, "250-STARTTLS").await?;
                    }
                    if !self.login.is_empty() {
                        write_line(&mut stream, &format!("250-AUTH {}", self.login)).await?;
                    }
                    write_line(&mut stream, "250 8BITMIME").await?;
                }
                "STARTTLS" => {
                    write_line(&mut stream, "220 go ahead").await?;
                    return Some(End::Encrypt);
                }
                "AUTH" => {
                    login = Some(self.listen_to_login(&mut stream, &line).await?);
                    let refused = self.behaviour == SmtpBehavior::RefuseLogin;
                    let answer = if refused { "535 no" } else { "235 welcome" };
                    write_line(&mut stream, answer).await?;
                }
                "RCPT" => {
                    let address = line.split(['<', '>']).nth(1)?.to_owned();
                    if self.behaviour == SmtpBehavior::RefuseRecipient(leak(&address)) {
                        write_line(&mut stream, "550 nobody here").await?;
                    } else {
                        to.push(address);
                        write_line(&mut stream, "250 ok").await?;
                    }
                }
                "DATA" => {
                    write_line(&mut stream, "354 go on").await?;
                    let mail = Mail {
                        to: std::mem::take(&mut to),
                        login: login.clone(),
                        encrypted,
                        text: read_mail(&mut stream).await?,
                    };
                    self.take(mail, &mut stream).await?;
                }
                "QUIT" => {
                    write_line(&mut stream, "221 bye").await?;
                    return Some(End::Closed);
                }
                _ => write_line(&mut stream, "250 ok").await?,
            }
        }
    }

    async fn take(&self, mail: Mail, stream: &mut (impl AsyncWrite + Unpin)) -> Option<()> {
        if let SmtpBehavior::Refuse(answer) = self.behaviour {
            return write_line(stream, answer).await;
        }
        self.state.mails.lock().unwrap().push(mail);
        self.state.arrived.notify_all();
        if self.behaviour == SmtpBehavior::AcceptWithoutReply {
            return std::future::pending().await;
        }
        write_line(stream, "250 taken").await
    }

    async fn listen_to_login(
        &self,
        stream: &mut (impl AsyncBufReadExt + AsyncWrite + Unpin),
        line: &str,
    ) -> Option<String> {
        let plain = |text: &str| {
            String::from_utf8(STANDARD.decode(text).unwrap_or_default()).unwrap_or_default()
        };
        if let Some(initial) = line.strip_prefix("AUTH PLAIN ") {
            return Some(format!("PLAIN {}", plain(initial).replace('\0', "|")));
        }
        let mut parts = vec!["LOGIN".to_owned()];
        for question in ["Username:", "Password:"] {
            write_line(stream, &format!("334 {}", STANDARD.encode(question))).await?;
            parts.push(plain(&read_line(stream).await?));
        }
        Some(parts.join(" "))
    }
}

/// Compared with a text that the script has for ever.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

async fn write_line(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> Option<()> {
    stream
        .write_all(format!("{line}\r\n").as_bytes())
        .await
        .ok()?;
    stream.flush().await.ok()
}

async fn read_line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn read_mail(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
