//! The way to the mail server.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::mail::Mail;
use crate::config::{Confidential, MailTls, Settings};

/// For one step of the conversation, and for all of it.
const STEP: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_mins(1);

/// Why mail cannot be sent, or was not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    /// The settings name no server.
    #[error("no mail server is set (mail.host)")]
    NoServer,
    /// The authorities of `extra_ca_file` cannot be used.
    #[error("extra_ca_file: {0}")]
    Authorities(String),
    /// Not an address.
    #[error("{0:?} is not an e-mail address")]
    Address(String),
    /// The message cannot be put together.
    #[error("the message cannot be written: {0}")]
    Message(String),
    /// The server said no, or there is none.
    #[error("{0}")]
    Refused(String),
    /// It did not end in time.
    #[error("the mail server did not answer in time")]
    Slow,
}

/// A mail server and who writes.
pub(crate) struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Post {
    /// As the settings say.
    pub(crate) fn new(settings: &Settings) -> Result<Self, PostError> {
        let mail = &settings.mail;
        let host = mail.host.as_deref().ok_or(PostError::NoServer)?;
        let (tls, usual) = match mail.tls {
            MailTls::None => (Tls::None, SMTP_PORT),
            MailTls::Starttls => (Tls::Required(trust(settings, host)?), SUBMISSION_PORT),
            MailTls::Tls => (Tls::Wrapper(trust(settings, host)?), SUBMISSIONS_PORT),
        };
        let from = sender(settings)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(mail.port.unwrap_or(usual))
            .tls(tls)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(STEP));
        if let Some(user) = &mail.user {
            let password = mail.password.as_ref().map_or("", Confidential::expose);
            builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// The domain that our `Message-ID`s are of.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Sends a mail under this `Message-ID`, with `to` in its head, to `pending` alone. With several, and some of them
    /// refused, to each on its own. Answers with those that it was not sent to, and why.
    pub(super) async fn send(
        &self,
        mail: &Mail,
        id: &str,
        to: &[String],
        pending: &[String],
    ) -> Result<(), (Vec<String>, PostError)> {
        let all = |error| (pending.to_vec(), error);
        let message = self.message(mail, id, to).map_err(all)?;
        match self.hand_in(pending, &message).await {
            Ok(()) => return Ok(()),
            Err(Failed::Refused(error)) if pending.len() > 1 => {
                tracing::debug!(%error, "a mail is sent to each recipient on its own");
            }
            Err(error) => return Err((pending.to_vec(), error.into())),
        }
        let (mut left, mut why) = (Vec::new(), None);
        for address in pending {
            if let Err(error) = self.hand_in(std::slice::from_ref(address), &message).await {
                left.push(address.clone());
                why = Some(error.into());
            }
        }
        why.map_or(Ok(()), |why| Err((left, why)))
    }

    fn message(&self, mail: &Mail, id: &str, to: &[String]) -> Result<Vec<u8>, PostError> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{id}@{}>", self.domain())))
            .header(AutoSubmitted);
        for address in to {
            builder = builder.to(Mailbox::new(None, parsed(address)?));
        }
        let parts = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        let message = builder.multipart(parts);
        let message = message.map_err(|error| PostError::Message(error.to_string()))?;
        Ok(message.formatted())
    }

    async fn hand_in(&self, to: &[String], message: &[u8]) -> Result<(), Failed> {
        let to: Vec<Address> = to
            .iter()
            .map(|address| parsed(address))
            .collect::<Result<_, _>>()
            .map_err(Failed::Refused)?;
        let envelope = Envelope::new(Some(self.from.email.clone()), to)
            .map_err(|error| Failed::Refused(PostError::Message(error.to_string())))?;
        let sending = self.transport.send_raw(&envelope, message);
        match tokio::time::timeout(WHOLE, sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let text = PostError::Refused(error.to_string());
                if error.is_permanent() {
                    Err(Failed::Refused(text))
                } else {
                    Err(Failed::Other(text))
                }
            }
            Err(_) => Err(Failed::Other(PostError::Slow)),
        }
    }
}

/// How a handing in failed.
enum Failed {
    /// For good, perhaps for one recipient's sake.
    Refused(PostError),
    /// For now.
    Other(PostError),
}

impl From<Failed> for PostError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(error) | Failed::Other(error) => error,
        }
    }
}

fn parsed(address: &str) -> Result<Address, PostError> {
    address
        .parse()
        .map_err(|_| PostError::Address(address.to_owned()))
}

/// `mail.from`, else `sonnette` at the host of `public_url`.
fn sender(settings: &Settings) -> Result<Mailbox, PostError> {
    if let Some(from) = &settings.mail.from {
        return Ok(from.clone());
    }
    let public = settings.public_url.as_ref().and_then(|url| url.domain());
    let address = parsed(&format!("sonnette@{}", public.unwrap_or("localhost")))?;
    Ok(Mailbox::new(Some("Sonnette".to_owned()), address))
}

/// The system's authorities, and those of `extra_ca_file`.
fn trust(settings: &Settings, host: &str) -> Result<TlsParameters, PostError> {
    let wrong = |error: String| PostError::Authorities(error);
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = &settings.extra_ca_file {
        let pem = std::fs::read(file)
            .map_err(|error| wrong(format!("{} cannot be read: {error}", file.display())))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        builder = builder.add_root_certificate(authority);
    }
    builder
        .build()
        .map_err(|error| PostError::Refused(error.to_string()))
}

/// Keeps out-of-office answers away (RFC 3834).
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
