//! Warnings about targets that can be saved but are not safe or will not work.

use std::net::{IpAddr, Ipv4Addr};

use sonnette::domain::TargetUrl;
use sonnette::engine::sender::{AllowTarget, address};

/// Suffixes of names that resolve only on a local network.
const LOCAL_SUFFIXES: [&str; 3] = [".local", ".internal", ".home.arpa"];

/// The keys of the warnings, the most serious last.
pub(super) fn warning_keys(target: &TargetUrl, allow: &[AllowTarget]) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if target.scheme() == "http" {
        warnings.push("warning-plain");
    }
    if is_local(target.host(), allow) {
        warnings.push("warning-private");
    }
    if target.uri().is_err() {
        warnings.push("warning-uncallable");
    }
    warnings
}

/// The key of the flash message for a webhook that is saved with a warning.
pub(super) fn flash_key(warning: &str) -> &'static str {
    match warning {
        "warning-plain" => "webhook-saved-plain",
        "warning-private" => "webhook-saved-private",
        _ => "webhook-saved-uncallable",
    }
}

/// Whether requests to the host are refused, as far as its name tells without a DNS lookup.
fn is_local(host: &str, allow: &[AllowTarget]) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return address::check(ip, host, allow).is_err();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return address::check(Ipv4Addr::LOCALHOST.into(), host, allow).is_err();
    }
    // The address of such a name is not known here; it may be in a network that is allowed.
    let may_be_allowed = |target: &AllowTarget| match target {
        AllowTarget::Network(_) => true,
        AllowTarget::Host(_) => target.covers(Ipv4Addr::UNSPECIFIED.into(), host),
    };
    LOCAL_SUFFIXES.iter().any(|end| name.ends_with(end)) && !allow.iter().any(may_be_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(url: &str, allow: &[&str]) -> Vec<&'static str> {
        let allow: Vec<AllowTarget> = allow.iter().map(|text| text.parse().unwrap()).collect();
        warning_keys(&url.parse().unwrap(), &allow)
    }

    #[test]
    fn warns_of_targets_that_are_refused() {
        for url in [
            "https://10.1.2.3/",
            "https://[::1]/",
            "https://localhost/",
            "https://LOCALHOST:8080/",
            "https://printer.local/",
            "https://erp.internal./",
            "https://169.254.169.254/",
        ] {
            assert_eq!(warned(url, &[]), ["warning-private"], "{url}");
        }
        assert_eq!(warned("ftp://a.example/", &[]), ["warning-uncallable"]);
        assert_eq!(warned("https://a.example/", &[]), [""; 0]);
        assert_eq!(warned("https://8.8.8.8/", &[]), [""; 0]);
        assert_eq!(
            warned("http://127.0.0.1/", &[]),
            ["warning-plain", "warning-private"]
        );
    }

    #[test]
    fn does_not_warn_of_allowed_targets() {
        assert_eq!(warned("https://localhost/", &["127.0.0.0/8"]), [""; 0]);
        assert_eq!(warned("https://10.1.2.3/", &["10.0.0.0/8"]), [""; 0]);
        assert_eq!(warned("https://erp.internal/", &["erp.internal"]), [""; 0]);
        assert_eq!(warned("https://erp.internal/", &["10.0.0.0/8"]), [""; 0]);
        assert_eq!(
            warned("https://erp.internal/", &["crm.internal"]),
            ["warning-private"]
        );
    }
}
