//! Variables with the prefix of Sonnette that are set by others.

use super::definitions::VARIABLE_PREFIX;

/// Whether a variable is never a setting: the receiver samples read `SONNETTE_SECRET`, and Kubernetes and Docker set the
/// others in containers beside a service or container whose name begins with `sonnette`.
pub(super) fn is_injected(name: &str, value: &str) -> bool {
    let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else {
        return false;
    };
    matches!(rest, "SECRET" | "PORT")
        || rest.ends_with("SERVICE_HOST")
        || rest.contains("SERVICE_PORT")
        || has_numbered_port(rest)
        || rest.ends_with("PORT") && (value.starts_with("tcp://") || value.starts_with("udp://"))
}

/// Whether the name contains `PORT_<n>_TCP` or `PORT_<n>_UDP`.
fn has_numbered_port(name: &str) -> bool {
    name.match_indices("PORT_").any(|(at, found)| {
        let after = &name[at + found.len()..];
        let protocol = after.trim_start_matches(|c: char| c.is_ascii_digit());
        protocol.len() < after.len()
            && (protocol.starts_with("_TCP") || protocol.starts_with("_UDP"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_services_and_links_are_injected() {
        for (name, value) in [
            ("SONNETTE_SECRET", "whsec_x"),
            ("SONNETTE_PORT", "8080"),
            ("SONNETTE_SERVICE_HOST", "10.0.0.1"),
            ("SONNETTE_MAIL_SERVICE_HOST", "10.0.0.1"),
            ("SONNETTE_SERVICE_PORT", "8080"),
            ("SONNETTE_WEB_SERVICE_PORT_HTTP", "8080"),
            ("SONNETTE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("SONNETTE_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("SONNETTE_DNS_PORT_53_UDP_PROTO", "udp"),
            ("SONNETTE_MAIL_PORT", "tcp://10.0.0.1:25"),
            ("SONNETTE_DNS_PORT", "udp://10.0.0.1:53"),
        ] {
            assert!(is_injected(name, value), "{name}");
        }
    }

    #[test]
    fn settings_and_misspelt_settings_are_not_injected() {
        for (name, value) in [
            ("SONNETTE_MAIL_PORT", "25"),
            ("SONNETTE_MAIL_HOST", "tcp://10.0.0.1"),
            ("SONNETTE_PORT_", ""),
            ("SONNETTE_PORT__TCP", ""),
            ("SONNETTE_PORT_80_HTTP", "tcp://10.0.0.1"),
            ("SONNETTE_SECRETS", ""),
            ("SONNETTE_LISTEN_PORT", "80"),
            ("SONNETTE", ""),
            ("PORT", ""),
        ] {
            assert!(!is_injected(name, value), "{name}");
        }
    }
}
