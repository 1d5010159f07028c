//! The SMTP client.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::address::{AddressError, Envelope};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use sonnette::domain::{SendFailure, TlsFailure};
use sonnette::engine::sender::handshake_failure;
use url::Host;

use super::mail::Mail;
use crate::config::{MailTls, SecretString, Settings, SettingsError};

/// Maximum time of one SMTP command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum time of one mail.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SmtpError {
    /// The password cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings name no mail server.
    #[error("no mail server is set (mail.host)")]
    NoServer,
    /// `extra_ca_file` cannot be read.
    #[error("extra_ca_file: cannot read {path}: {source}")]
    ReadAuthorities {
        path: String,
        source: std::io::Error,
    },
    /// `extra_ca_file` holds no certificate.
    #[error("extra_ca_file: {0}")]
    ParseAuthorities(#[source] smtp::Error),
    /// The TLS parameters cannot be built.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] smtp::Error),
    /// The address cannot be parsed.
    #[error("{address:?} is not an e-mail address")]
    Address {
        address: String,
        source: AddressError,
    },
    /// The mail cannot be built from its parts.
    #[error("cannot build the mail: {0}")]
    Build(#[from] lettre::error::Error),
    /// The mail server refused the mail, or cannot be reached.
    #[error("{}", transport_text(.0))]
    Transport(#[source] smtp::Error),
    /// The mail server did not answer in time.
    #[error("the mail server did not answer in time")]
    Timeout,
}

impl SmtpError {
    /// Whether the mail server refused the mail for good, perhaps because of one recipient.
    fn is_permanent(&self) -> bool {
        match self {
            // A client error: the address needs an extension that the mail server lacks.
            Self::Transport(error) => error.is_permanent() || error.is_client(),
            Self::Address { .. } | Self::Build(_) => true,
            _ => false,
        }
    }
}

/// A transport error in plain words where TLS or a wrong port is the cause.
fn transport_text(error: &smtp::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>()
            && error
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
        {
            return match handshake_failure(error) {
                SendFailure::Tls {
                    failure: TlsFailure::NotTls,
                } => "the mail server does not speak TLS on this port (mail.tls, mail.port)"
                    .to_owned(),
                failure => failure.to_string(),
            };
        }
        cause = inner.source();
    }
    if error.is_response() {
        return format!("there is no mail server on this port, or mail.tls is wrong ({error})");
    }
    error.to_string()
}

/// A mail that did not reach all recipients.
pub(super) struct Unsent {
    /// The recipients that are left.
    pub(super) recipients: Vec<String>,
    /// The last error.
    pub(super) error: SmtpError,
}

/// The connection settings of the mail server, and the sender address.
pub(crate) struct SmtpClient {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpClient {
    /// Reads the mail settings; opens no connection yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SmtpError> {
        let mail = &settings.mail;
        let host = mail.host.as_deref().ok_or(SmtpError::NoServer)?;
        let (tls, default_port) = match mail.tls {
            MailTls::None => (Tls::None, SMTP_PORT),
            MailTls::Starttls => (
                Tls::Required(tls_parameters(settings, host)?),
                SUBMISSION_PORT,
            ),
            MailTls::Tls => (
                Tls::Wrapper(tls_parameters(settings, host)?),
                SUBMISSIONS_PORT,
            ),
        };
        let from = sender(settings)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(mail.port.unwrap_or(default_port))
            .tls(tls)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(COMMAND_TIMEOUT));
        if let Some(user) = &mail.user {
            let password = mail.password()?;
            let password = password.as_ref().map_or("", SecretString::expose);
            builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// The domain of the generated `Message-ID`s.
    fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Sends a mail under this `Message-ID` to the recipients `pending`; its header names all of `to`. If the mail server
    /// refuses the mail for several recipients, each gets it in a transaction of its own.
    ///
    /// # Errors
    /// Names the recipients that the mail was not sent to.
    pub(super) async fn send(
        &self,
        mail: &Mail,
        id: &str,
        to: &[String],
        pending: &[String],
    ) -> Result<(), Unsent> {
        let unsent = |error| Unsent {
            recipients: pending.to_vec(),
            error,
        };
        let content = self.format(mail, id, to).map_err(unsent)?;
        match self.submit(pending, &content).await {
            Ok(()) => return Ok(()),
            // One address that is refused must not keep the mail from the others.
            Err(error) if error.is_permanent() && pending.len() > 1 => {
                tracing::debug!(mail = id, %error, "mail {id}: sending to each recipient separately after: {error}");
            }
            Err(error) => return Err(unsent(error)),
        }
        let (mut recipients, mut last_error) = (Vec::new(), None);
        for address in pending {
            if let Err(error) = self.submit(std::slice::from_ref(address), &content).await {
                recipients.push(address.clone());
                last_error = Some(error);
            }
        }
        last_error.map_or(Ok(()), |error| Err(Unsent { recipients, error }))
    }

    fn format(&self, mail: &Mail, id: &str, to: &[String]) -> Result<Vec<u8>, SmtpError> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{id}@{}>", self.domain())))
            .header(AutoSubmitted);
        // An address that is none stays out of the header; its transaction reports it.
        for address in to.iter().filter_map(|address| parse_address(address).ok()) {
            builder = builder.to(Mailbox::new(None, address));
        }
        let parts = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        Ok(builder.multipart(parts)?.formatted())
    }

    async fn submit(&self, to: &[String], content: &[u8]) -> Result<(), SmtpError> {
        let to = to
            .iter()
            .map(|address| parse_address(address))
            .collect::<Result<Vec<_>, _>>()?;
        let envelope = Envelope::new(Some(self.from.email.clone()), to)?;
        let sending = self.transport.send_raw(&envelope, content);
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(SmtpError::Transport(error)),
            Err(_) => Err(SmtpError::Timeout),
        }
    }
}

/// Parses an address; its domain is in the ASCII form (punycode) that every mail server takes.
fn parse_address(address: &str) -> Result<Address, SmtpError> {
    let ascii = address.rsplit_once('@').and_then(|(local, domain)| {
        let domain = Host::parse(domain).ok()?;
        Some(format!("{local}@{domain}"))
    });
    let text = ascii.as_deref().unwrap_or(address);
    text.parse().map_err(|source| SmtpError::Address {
        address: address.to_owned(),
        source,
    })
}

/// `mail.from`, or `sonnette` at the host of `public_url`.
fn sender(settings: &Settings) -> Result<Mailbox, SmtpError> {
    if let Some(from) = &settings.mail.from {
        return Ok(from.clone());
    }
    let domain = settings.public_url.as_ref().and_then(|url| url.domain());
    let address = parse_address(&format!("sonnette@{}", domain.unwrap_or("localhost")))?;
    Ok(Mailbox::new(Some("Sonnette".to_owned()), address))
}

/// Trusts the system's authorities and those of `extra_ca_file`.
fn tls_parameters(settings: &Settings, host: &str) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = &settings.extra_ca_file {
        let pem = std::fs::read(file).map_err(|source| SmtpError::ReadAuthorities {
            path: file.display().to_string(),
            source,
        })?;
        let authority = Certificate::from_pem(&pem).map_err(SmtpError::ParseAuthorities)?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build().map_err(SmtpError::Tls)
}

/// Suppresses out-of-office replies (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
