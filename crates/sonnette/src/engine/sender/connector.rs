//! Opening a connection: name lookup, address check, TCP and TLS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::{connect_failure, handshake_failure};
use super::prepared_webhook::Origin;
use super::received_response::SendStage;
use super::stream::Stream;
use super::{AllowTarget, address};
use crate::domain::SendFailure;

/// Opens connections to the addresses that are public or allowed.
pub(super) struct Connector {
    pub(super) allow: Vec<AllowTarget>,
    pub(super) tls: TlsConnector,
}

/// The longest wait for one address while another one is left to try.
const MAX_CONNECT_WAIT: Duration = Duration::from_secs(5);

impl Connector {
    /// Connects to `origin`. The caller bounds the time to `limit`. `stage` is set to what the connector is waiting for.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        limit: Duration,
        stage: &mut SendStage,
    ) -> Result<Stream, SendFailure> {
        *stage = SendStage::Resolving;
        let addresses = self.allowed_addresses(origin, resolve(origin).await?)?;
        *stage = SendStage::Connecting;
        let tcp = first_connection(&origin.host, &addresses, limit).await?;
        // A request is written at once. Waiting for more to send would only delay it.
        let _ = tcp.set_nodelay(true);
        let Some(name) = &origin.tls else {
            return Ok(Stream::plain(tcp));
        };
        *stage = SendStage::TlsHandshake;
        let tls = self.tls.connect(name.clone(), tcp).await;
        tls.map(Stream::tls)
            .map_err(|error| handshake_failure(&error))
    }

    /// The addresses that are public or allowed.
    fn allowed_addresses(
        &self,
        origin: &Origin,
        all: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, SendFailure> {
        let mut refusal = None;
        let mut allowed_addresses = Vec::with_capacity(all.len());
        for address in all {
            match address::check(address.ip(), &origin.host, &self.allow) {
                Ok(()) => allowed_addresses.push(address),
                Err(failure) => refusal = refusal.or(Some(failure)),
            }
        }
        match refusal {
            Some(failure) if allowed_addresses.is_empty() => Err(failure),
            _ => Ok(allowed_addresses),
        }
    }
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, SendFailure> {
    let Origin { host, port, .. } = origin;
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, *port)]);
    }
    let addresses: Vec<_> = match lookup_host((host.as_str(), *port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            tracing::debug!(host, %error, "name lookup failed");
            Vec::new()
        }
    };
    if addresses.is_empty() {
        return Err(SendFailure::NoAddress { host: host.clone() });
    }
    Ok(addresses)
}

/// Tries the addresses of `host` in turn, with an equal share of the time for each but the last.
async fn first_connection(
    host: &str,
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<TcpStream, SendFailure> {
    let share =
        (limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1)).min(MAX_CONNECT_WAIT);
    let mut failure = SendFailure::NoAddress {
        host: host.to_owned(),
    };
    for (at, &address) in addresses.iter().enumerate() {
        let last = at + 1 == addresses.len();
        let wait = if last { limit } else { share };
        match timeout(wait, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => failure = connect_failure(address, &error),
            Err(_) => failure = SendFailure::AddressTimeout { address },
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn refusing() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let tcp = first_connection("a.test", &[refusing().await, good], LIMIT)
            .await
            .unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_last_refusal_is_reported() {
        let (one, two) = (refusing().await, refusing().await);
        let failure = first_connection("a.test", &[one, two], LIMIT)
            .await
            .unwrap_err();
        assert_eq!(failure, SendFailure::ConnectionRefused { address: two });
    }

    #[test]
    fn refused_addresses_are_skipped_while_others_are_left() {
        let rules = Connector {
            allow: Vec::new(),
            tls: super::super::tls::connector(None).unwrap(),
        };
        let origin = Origin {
            host: "a.test".to_owned(),
            port: 80,
            tls: None,
        };
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (private, public) = (parse("10.0.0.1:80"), parse("8.8.8.8:80"));
        let left = rules.allowed_addresses(&origin, vec![private, public, parse("[::1]:80")]);
        assert_eq!(left, Ok(vec![public]));
        let none = rules.allowed_addresses(&origin, vec![private]).unwrap_err();
        let host = Some("a.test".to_owned());
        let address = private.ip();
        assert_eq!(none, SendFailure::ForbiddenAddress { address, host });
    }
}
