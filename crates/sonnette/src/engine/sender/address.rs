//! Which addresses requests are sent to: globally reachable unicast addresses, and those that the operator allows.
//!
//! The tables are IANA's special-purpose registries for IPv4 and IPv6. They are looked at after name resolution, at each
//! connection, so that a name cannot point to a public address first and to a private one later.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::AllowTarget;
use crate::domain::SendFailure;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    let ip = Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    Ipv6Net::new_assert(ip, prefix)
}

/// IPv4 networks that are not globally reachable unicast.
const REFUSED_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),       // RFC 791, 1122: this network
    v4(10, 0, 0, 0, 8),      // RFC 1918: private
    v4(100, 64, 0, 0, 10),   // RFC 6598: shared between a carrier and its customers
    v4(127, 0, 0, 0, 8),     // RFC 1122: loopback
    v4(169, 254, 0, 0, 16),  // RFC 3927: link-local, cloud metadata among it
    v4(172, 16, 0, 0, 12),   // RFC 1918: private
    v4(192, 0, 0, 0, 24),    // RFC 6890: protocol assignments, anycast in the near network
    v4(192, 0, 2, 0, 24),    // RFC 5737: documentation
    v4(192, 88, 99, 0, 24),  // RFC 7526: withdrawn 6to4 relays
    v4(192, 168, 0, 0, 16),  // RFC 1918: private
    v4(198, 18, 0, 0, 15),   // RFC 2544: benchmarks
    v4(198, 51, 100, 0, 24), // RFC 5737: documentation
    v4(203, 0, 113, 0, 24),  // RFC 5737: documentation
    v4(224, 0, 0, 0, 4),     // RFC 5771: multicast
    v4(240, 0, 0, 0, 4),     // RFC 1112: reserved; 255.255.255.255 of RFC 919 and 8190
];

/// The only part of IPv6 from which global unicast addresses are given out (RFC 4291, 3587).
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Networks within [`GLOBAL_V6`] that are not globally reachable unicast, unless in [`REACHABLE_V6`].
///
/// Outside of it, and so refused without an entry: `::/128` and `::1/128` (RFC 4291), IPv4-compatible `::/96` (RFC 4291),
/// `64:ff9b:1::/48` (RFC 8215), `100::/64` (RFC 6666), `100:0:0:1::/64` (RFC 9780), `5f00::/16` (RFC 9602), `fc00::/7`
/// (RFC 4193), `fe80::/10` (RFC 4291), `fec0::/10` (RFC 3879), `ff00::/8` (RFC 4291).
const REFUSED_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // RFC 2928: protocol assignments, Teredo (RFC 4380) among them
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // RFC 3849: documentation
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // RFC 9637: documentation
];

/// Assignments within `2001::/23` that are reachable; the anycast ones are left out, as with IPv4.
const REACHABLE_V6: &[Ipv6Net] = &[
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32),     // RFC 7450: AMT
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48), // RFC 7535: AS112
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28),  // RFC 7343: ORCHIDv2
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28),  // RFC 9374: drone identifiers
];

/// RFC 6052: an IPv4 address behind a translator, in the last 32 bits.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// RFC 3056: an IPv4 address in bits 16 to 47.
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

/// Whether `ip` is globally reachable unicast, looking through IPv4-mapped, NAT64 and 6to4 addresses.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !REFUSED_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [.., w, x, y, z] = ip.octets();
    if NAT64.contains(&ip) {
        return is_public(Ipv4Addr::new(w, x, y, z).into());
    }
    let [_, _, w, x, y, z, ..] = ip.octets();
    if SIX_TO_FOUR.contains(&ip) {
        return is_public(Ipv4Addr::new(w, x, y, z).into());
    }
    let listed = |table: &[Ipv6Net]| table.iter().any(|net| net.contains(&ip));
    GLOBAL_V6.contains(&ip) && (!listed(REFUSED_V6) || listed(REACHABLE_V6))
}

/// Whether `ip`, which `host` of the URL resolved to, may be called.
///
/// # Errors
///
/// [`SendFailure::ForbiddenAddress`].
pub fn check(ip: IpAddr, host: &str, allow: &[AllowTarget]) -> Result<(), SendFailure> {
    if is_public(ip) || allow.iter().any(|exception| exception.covers(ip, host)) {
        return Ok(());
    }
    Err(SendFailure::ForbiddenAddress {
        address: ip,
        host: (host.parse() != Ok(ip)).then(|| host.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn both_ends_of_every_refused_network_are_refused() {
        for net in REFUSED_V4 {
            assert!(!is_public(net.network().into()), "{net}");
            assert!(!is_public(net.broadcast().into()), "{net}");
        }
        for net in REFUSED_V6 {
            assert!(!is_public(net.network().into()), "{net}");
            assert!(!is_public(net.broadcast().into()), "{net}");
        }
        for net in REACHABLE_V6 {
            assert!(is_public(net.network().into()), "{net}");
            assert!(is_public(net.broadcast().into()), "{net}");
        }
    }

    #[test]
    fn the_neighbours_of_refused_networks_are_public() {
        for ip in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "192.31.196.1",
            "192.52.193.1",
            "192.175.48.1",
            "8.8.8.8",
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2606:4700::1111",
            "2620:4f:8000::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
            "2001:4:112::1",
        ] {
            assert!(public(ip), "{ip}");
        }
    }

    #[test]
    fn special_addresses_are_refused() {
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.0.9",
            "192.0.0.170",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::808:808",
            "64:ff9b:1::808:808",
            "100::1",
            "100:0:0:1::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
            "2001::1",
            "2001:0:808:808::f7f7:f7f7",
            "2001:1::1",
            "2001:1::2",
            "2001:1::3",
            "2001:2::1",
            "2001:4:113::1",
            "2001:10::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "1fff::1",
        ] {
            assert!(!public(ip), "{ip}");
        }
    }

    #[test]
    fn a_refusal_names_address_and_host() {
        let ip = "10.0.0.1".parse().unwrap();
        assert_eq!(
            check(ip, "example.test", &[]).unwrap_err().to_string(),
            "the address 10.0.0.1 of example.test is not publicly reachable; only the server setting allow_target makes an \
             exception"
        );
        assert_eq!(
            check(ip, "10.0.0.1", &[]).unwrap_err().to_string(),
            "the address 10.0.0.1 is not publicly reachable; only the server setting allow_target makes an exception"
        );
        let allow = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(check(ip, "example.test", &allow), Ok(()));
    }

    fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
        (0..REFUSED_V4.len(), any::<u32>()).prop_map(|(at, bits)| {
            let net = REFUSED_V4[at];
            Ipv4Addr::from_bits(net.network().to_bits() | (bits & net.hostmask().to_bits()))
        })
    }

    proptest! {
        #[test]
        fn every_embedded_form_of_a_refused_address_is_refused(ip in refused_v4(), rest: u128) {
            let low = u128::from(ip.to_bits());
            let teredo = (0x2001_u128 << 112) | (low << 64) | (rest >> 64);
            let teredo_client = (0x2001_u128 << 112) | (0x0808_0808 << 64) | (low ^ 0xffff_ffff);
            let forms = [
                low,                                            // IPv4-compatible
                0xffff_u128 << 32 | low,                        // IPv4-mapped
                0x0064_ff9b_u128 << 96 | low,                   // NAT64
                0x0064_ff9b_0001_u128 << 80 | low,              // local NAT64
                0x2002_u128 << 112 | low << 80 | (rest >> 48),  // 6to4
                teredo,
                teredo_client,
            ];
            prop_assert!(!is_public(ip.into()));
            for form in forms {
                let form = Ipv6Addr::from_bits(form);
                prop_assert!(!is_public(form.into()), "{form} holds {ip}");
            }
        }

        #[test]
        fn a_public_address_is_public_through_a_translator(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            for form in [0xffff_u128 << 32 | low, 0x0064_ff9b_u128 << 96 | low, 0x2002_u128 << 112 | low << 80] {
                prop_assert_eq!(is_public(ip.into()), is_public(Ipv6Addr::from_bits(form).into()));
            }
        }
    }
}
