//! Exceptions from the address check, as an operator writes them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A target to which requests are sent although its address is not public: `--allow-target NETWORK|ADDRESS|HOST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowTarget {
    /// Every address of a network; a single address is a network of one.
    Network(IpNet),
    /// Every address that this host name resolves to. In lower case, without a trailing dot.
    Host(String),
}

/// The text is no network, address or host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no target: give a network (10.0.0.0/8), an address (192.168.1.20) or a host name (erp.internal) without scheme, port or path"
)]
pub struct InvalidAllowTarget {
    text: String,
}

impl AllowTarget {
    /// Whether `ip`, which `host` of a URL resolved to, is the exception. An IPv4-mapped address counts as IPv4 too.
    pub fn covers(&self, ip: IpAddr, host: &str) -> bool {
        match self {
            Self::Network(net) => net.contains(&ip) || net.contains(&ip.to_canonical()),
            Self::Host(name) => host
                .strip_suffix('.')
                .unwrap_or(host)
                .eq_ignore_ascii_case(name),
        }
    }
}

impl FromStr for AllowTarget {
    type Err = InvalidAllowTarget;

    fn from_str(text: &str) -> Result<Self, InvalidAllowTarget> {
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(ip.into()));
        }
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self::Network(net.trunc()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        // A name of digits only is a mistyped address.
        let numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !numeric && name.len() <= 253 && name.split('.').all(label) {
            Ok(Self::Host(name.to_ascii_lowercase()))
        } else {
            Err(InvalidAllowTarget {
                text: text.to_owned(),
            })
        }
    }
}

impl fmt::Display for AllowTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(net) => net.fmt(f),
            Self::Host(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_addresses_and_names_are_read() {
        let shown = |text: &str| text.parse::<AllowTarget>().map(|a| a.to_string());
        assert_eq!(shown("10.0.0.0/8").unwrap(), "10.0.0.0/8");
        assert_eq!(shown("10.1.2.3/8").unwrap(), "10.0.0.0/8");
        assert_eq!(shown("127.0.0.1").unwrap(), "127.0.0.1/32");
        assert_eq!(shown("::1").unwrap(), "::1/128");
        assert_eq!(shown("[::1]").unwrap(), "::1/128");
        assert_eq!(shown("fd00::/8").unwrap(), "fd00::/8");
        assert_eq!(shown("ERP.internal.").unwrap(), "erp.internal");
        assert_eq!(shown("localhost").unwrap(), "localhost");
        for wrong in [
            "",
            ".",
            "10.0.0",
            "10.0.0.0/33",
            "http://a",
            "a:80",
            "a/b",
            "a b",
            "a..b",
            "*.a",
            "1.2.3.4.5",
        ] {
            let error = shown(wrong).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{wrong:?} is no target")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_host_is_compared_without_case_or_last_dot() {
        let ip = "10.0.0.1".parse().unwrap();
        let host: AllowTarget = "erp.internal".parse().unwrap();
        assert!(host.covers(ip, "ERP.Internal"));
        assert!(host.covers(ip, "erp.internal."));
        assert!(!host.covers(ip, "xerp.internal"));
        assert!(!host.covers(ip, "10.0.0.1"));
    }

    #[test]
    fn a_network_of_ipv4_covers_mapped_addresses() {
        let net: AllowTarget = "10.0.0.0/8".parse().unwrap();
        assert!(net.covers("::ffff:10.0.0.1".parse().unwrap(), "x"));
        assert!(!net.covers("64:ff9b::a00:1".parse().unwrap(), "x"));
    }
}
