//! Opening a connection: name lookup, address check, TCP and TLS.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::{connect_failure, handshake_failure};
use super::prepared_webhook::Origin;
use super::received_response::SendStage;
use super::resolver::Resolver;
use super::stream::Stream;
use super::{AllowTarget, address};
use crate::domain::{OrganizerId, SendFailure};

/// Opens connections to the addresses that are public or allowed.
pub(super) struct Connector {
    pub(super) allow: Vec<AllowTarget>,
    pub(super) tls: TlsConnector,
    pub(super) resolver: Resolver,
}

/// How long one address has before the next one is tried beside it.
const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

impl Connector {
    /// Connects to `origin`. The caller bounds the time. `stage` is set to what the connector is waiting for.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        organizer: OrganizerId,
        stage: &mut SendStage,
    ) -> Result<Stream, SendFailure> {
        *stage = SendStage::Resolving;
        let resolver = &self.resolver;
        let found = resolver
            .resolve(&origin.host, origin.port, organizer)
            .await?;
        let addresses = self.allowed_addresses(origin, found)?;
        *stage = SendStage::Connecting;
        let tcp = first_connection(&origin.host, &addresses).await?;
        // A request is written at once. Waiting for more to send would only delay it.
        let _ = tcp.set_nodelay(true);
        let Some(name) = &origin.tls else {
            return Ok(Stream::Plain(tcp));
        };
        *stage = SendStage::TlsHandshake;
        let tls = self.tls.connect(name.clone(), tcp).await;
        tls.map(|tls| Stream::Tls(Box::new(tls)))
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

/// Connects to the first address that accepts. The next one is tried after [`CONNECTION_ATTEMPT_DELAY`], or as
/// soon as one fails (RFC 8305).
async fn first_connection(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, SendFailure> {
    let mut failure = SendFailure::NoAddress {
        host: host.to_owned(),
    };
    if let [address] = addresses {
        let connected = TcpStream::connect(address).await;
        return connected.map_err(|error| connect_failure(*address, &error));
    }
    let mut rest = alternate_families(addresses).into_iter();
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = rest.next() {
            attempts.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let ended = if rest.len() == 0 {
            attempts.join_next().await
        } else {
            match timeout(CONNECTION_ATTEMPT_DELAY, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            None => return Err(failure),
            Some(Ok((_, Ok(tcp)))) => return Ok(tcp),
            Some(Ok((address, Err(error)))) => failure = connect_failure(address, &error),
            Some(Err(_)) => failure = SendFailure::InternalError,
        }
    }
}

/// The addresses in their order, but with the families of IPv6 and IPv4 in turn.
fn alternate_families(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == is_v6);
    let mut rest = second.into_iter();
    let mut ordered = Vec::with_capacity(addresses.len());
    for address in first {
        ordered.push(address);
        ordered.extend(rest.next());
    }
    ordered.extend(rest);
    ordered
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::super::tls;
    use super::*;
    use crate::engine::monotonic_clock;

    async fn refusing() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    /// A listener whose backlog is full, so that further connections get no answer.
    struct SilentListener {
        address: SocketAddr,
        _listener: TcpListener,
        _backlog: Vec<TcpStream>,
    }

    async fn silent_listener() -> SilentListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut backlog = Vec::new();
        while let Ok(tcp) = timeout(CONNECTION_ATTEMPT_DELAY, TcpStream::connect(address)).await {
            backlog.push(tcp.unwrap());
        }
        SilentListener {
            address,
            _listener: listener,
            _backlog: backlog,
        }
    }

    #[tokio::test]
    async fn the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let tcp = first_connection("a.test", &[refusing().await, good])
            .await
            .unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn a_silent_address_delays_the_next_one_only_a_little() {
        let silent = silent_listener().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let began = monotonic_clock::now();
        let tcp = first_connection("a.test", &[silent.address, good])
            .await
            .unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), good);
        assert!(
            began.elapsed() >= CONNECTION_ATTEMPT_DELAY,
            "{:?}",
            began.elapsed()
        );
    }

    #[test]
    fn families_alternate() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (a, b, c) = (parse("[::1]:1"), parse("[::2]:1"), parse("127.0.0.1:1"));
        assert_eq!(alternate_families(&[a, b, c]), [a, c, b]);
        assert_eq!(alternate_families(&[c, a, b]), [c, a, b]);
    }

    #[tokio::test]
    async fn the_last_refusal_is_reported() {
        let (one, two) = (refusing().await, refusing().await);
        let failure = first_connection("a.test", &[one, two]).await.unwrap_err();
        assert_eq!(failure, SendFailure::ConnectionRefused { address: two });
    }

    #[test]
    fn refused_addresses_are_skipped_while_others_are_left() {
        let rules = Connector {
            allow: Vec::new(),
            tls: tls::connector(None, tls::ALL_PROTOCOLS).unwrap(),
            resolver: Resolver::default(),
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
