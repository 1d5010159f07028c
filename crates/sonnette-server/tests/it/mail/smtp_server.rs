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

/// How it is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Clear,
    Starttls,
    Tls,
}

/// What it does with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Takes whatever comes.
    Take,
    /// Answers so to the mail itself.
    Refuse(&'static str),
    /// Refuses this recipient for good.
    RefuseRecipient(&'static str),
    /// Refuses every login.
    RefuseLogin,
    /// Closes without a word.
    Drop,
    /// Never says anything.
    Silence,
    /// Takes the mail, and never says so.
    TakeSilently,
}

/// A mail as it was handed in.
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
    script: Mutex<VecDeque<Manner>>,
    mails: Mutex<Vec<Mail>>,
    arrived: Condvar,
    connections: Mutex<usize>,
}

/// A mail server with a thread and a runtime of its own; both end with it.
pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    /// The authority to trust, as PEM.
    pub(super) authority: String,
    state: Arc<State>,
    _end: oneshot::Sender<()>,
}

impl MailServer {
    /// On a free port; `login` is what it offers: `PLAIN`, `LOGIN` or nothing.
    pub(super) fn start(wire: Wire, login: &'static str) -> Self {
        let (authority, acceptor) = identity();
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
                        let talk = Talk {
                            state: shared.clone(),
                            manner: next.unwrap_or(Manner::Take),
                            wire,
                            login,
                            acceptor: acceptor.clone(),
                        };
                        tokio::spawn(talk.serve(stream));
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

    /// Does so with the next connections; afterwards it takes everything.
    pub(super) fn script(&self, manners: impl IntoIterator<Item = Manner>) {
        self.state.script.lock().unwrap().extend(manners);
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

    /// Waits for so many mails.
    #[track_caller]
    pub(super) fn wait_for(&self, count: usize) -> Vec<Mail> {
        let mails = self.state.mails.lock().unwrap();
        let (mails, waited) = self
            .state
            .arrived
            .wait_timeout_while(mails, Duration::from_secs(20), |m| m.len() < count)
            .unwrap();
        assert!(!waited.timed_out(), "{} mails came", mails.len());
        mails.clone()
    }
}

fn identity() -> (String, TlsAcceptor) {
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
struct Talk {
    state: Arc<State>,
    manner: Manner,
    wire: Wire,
    login: &'static str,
    acceptor: TlsAcceptor,
}

/// How a part of the conversation ended.
#[derive(PartialEq)]
enum End {
    Closed,
    Encrypt,
}

impl Talk {
    async fn serve(self, mut stream: TcpStream) {
        match self.manner {
            Manner::Drop => return,
            Manner::Silence => return std::future::pending().await,
            _ => {}
        }
        if self.wire == Wire::Tls {
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
            say(&mut stream, "220 mail.test ready").await?;
        }
        let (mut to, mut login) = (Vec::new(), None);
        loop {
            let line = hear(&mut stream).await?;
            let verb = line.split([' ', ':']).next()?.to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    say(&mut stream, "250-mail.test").await?;
                    if self.wire == Wire::Starttls && !encrypted {
                        say(&mut stream, "250-STARTTLS").await?;
                    }
                    if !self.login.is_empty() {
                        say(&mut stream, &format!("250-AUTH {}", self.login)).await?;
                    }
                    say(&mut stream, "250 8BITMIME").await?;
                }
                "STARTTLS" => {
                    say(&mut stream, "220 go ahead").await?;
                    return Some(End::Encrypt);
                }
                "AUTH" => {
                    login = Some(self.listen_to_login(&mut stream, &line).await?);
                    let refused = self.manner == Manner::RefuseLogin;
                    let answer = if refused { "535 no" } else { "235 welcome" };
                    say(&mut stream, answer).await?;
                }
                "RCPT" => {
                    let address = line.split(['<', '>']).nth(1)?.to_owned();
                    if self.manner == Manner::RefuseRecipient(leak(&address)) {
                        say(&mut stream, "550 nobody here").await?;
                    } else {
                        to.push(address);
                        say(&mut stream, "250 ok").await?;
                    }
                }
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let mail = Mail {
                        to: std::mem::take(&mut to),
                        login: login.clone(),
                        encrypted,
                        text: mail(&mut stream).await?,
                    };
                    self.take(mail, &mut stream).await?;
                }
                "QUIT" => {
                    say(&mut stream, "221 bye").await?;
                    return Some(End::Closed);
                }
                _ => say(&mut stream, "250 ok").await?,
            }
        }
    }

    async fn take(&self, mail: Mail, stream: &mut (impl AsyncWrite + Unpin)) -> Option<()> {
        if let Manner::Refuse(answer) = self.manner {
            return say(stream, answer).await;
        }
        self.state.mails.lock().unwrap().push(mail);
        self.state.arrived.notify_all();
        if self.manner == Manner::TakeSilently {
            return std::future::pending().await;
        }
        say(stream, "250 taken").await
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
            say(stream, &format!("334 {}", STANDARD.encode(question))).await?;
            parts.push(plain(&hear(stream).await?));
        }
        Some(parts.join(" "))
    }
}

/// Compared with a text that the script has for ever.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> Option<()> {
    stream
        .write_all(format!("{line}\r\n").as_bytes())
        .await
        .ok()?;
    stream.flush().await.ok()
}

async fn hear(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn mail(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
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
