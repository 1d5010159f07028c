//! From a name to a connection: lookup, address rule, TCP, TLS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::Trouble;
use super::prepared_webhook::Origin;
use super::response::Stage;
use super::stream::Stream;
use super::{AllowTarget, address};
use crate::domain::FailureKind;
use crate::domain::fault::{NAME, NO_ADDRESS};

/// What decides whether and how a connection is made.
pub(super) struct Rules {
    pub(super) allow: Vec<AllowTarget>,
    pub(super) tls: TlsConnector,
}

/// The longest wait for one address while there is another to try.
const PATIENCE: Duration = Duration::from_secs(5);

impl Rules {
    /// Connects to `origin`. The time is the caller's to bound: at most `limit`; `stage` tells how far it came.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        limit: Duration,
        stage: &mut Stage,
    ) -> Result<Stream, Trouble> {
        *stage = Stage::Name;
        let addresses = self.permitted(origin, resolve(origin).await?)?;
        *stage = Stage::Connect;
        let tcp = first_connection(&addresses, limit).await?;
        // Whole requests are written at once: waiting for more only delays them.
        let _ = tcp.set_nodelay(true);
        let Some(name) = &origin.tls else {
            return Ok(Stream::plain(tcp));
        };
        *stage = Stage::Tls;
        let tls = self.tls.connect(name.clone(), tcp).await;
        tls.map(Stream::tls)
            .map_err(|error| Trouble::handshake(&error))
    }

    /// The addresses that may be called; trouble if none is left.
    fn permitted(&self, origin: &Origin, all: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Trouble> {
        let mut refusal = None;
        let mut permitted = Vec::with_capacity(all.len());
        for address in all {
            match address::check(address.ip(), &origin.host, &self.allow) {
                Ok(()) => permitted.push(address),
                Err(reason) => refusal = refusal.or(Some(reason)),
            }
        }
        match refusal {
            Some(reason) if permitted.is_empty() => Err(Trouble::new(FailureKind::Address, reason)),
            _ => Ok(permitted),
        }
    }
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, Trouble> {
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
        return Err(Trouble::new(
            FailureKind::Name,
            format!("{NAME}{host}{NO_ADDRESS}"),
        ));
    }
    Ok(addresses)
}

/// Tries the addresses in turn; a silent one may use up its share of the time only.
async fn first_connection(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Trouble> {
    let share = (limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1)).min(PATIENCE);
    let mut trouble = Trouble::new(FailureKind::Name, "the name has no address");
    for (at, address) in addresses.iter().enumerate() {
        let last = at + 1 == addresses.len();
        let wait = if last { limit } else { share };
        match timeout(wait, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => trouble = Trouble::connecting(*address, &error),
            Err(_) => {
                let reason = format!("no connection to {address} in time");
                trouble = Trouble::new(FailureKind::Timeout, reason);
            }
        }
    }
    Err(trouble)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::domain::{Fault, Outcome};

    const LIMIT: Duration = Duration::from_secs(5);

    async fn refusing() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    /// What the log makes of it.
    fn fault(Trouble { failure, reason }: Trouble) -> Fault {
        Fault::of(&Outcome::Failed { failure, reason }).unwrap()
    }

    #[tokio::test]
    async fn the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let tcp = first_connection(&[refusing().await, good], LIMIT)
            .await
            .unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_last_refusal_is_reported() {
        let (one, two) = (refusing().await, refusing().await);
        let trouble = first_connection(&[one, two], LIMIT).await.unwrap_err();
        let reason = format!("connection refused by {two}");
        assert_eq!(trouble, Trouble::new(FailureKind::Connect, reason));
        assert_eq!(fault(trouble), Fault::Refused { by: two });
    }

    #[test]
    fn refused_addresses_are_skipped_while_others_are_left() {
        let rules = Rules {
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
        let left = rules.permitted(&origin, vec![private, public, parse("[::1]:80")]);
        assert_eq!(left, Ok(vec![public]));
        let none = rules.permitted(&origin, vec![private]).unwrap_err();
        assert_eq!(none.failure, FailureKind::Address);
        let address = Some(private.ip());
        assert_eq!(fault(none), Fault::Address { address });
    }
}
