//! What may be saved, and will hardly work so, or not safely.

use std::net::{IpAddr, Ipv4Addr};

use sonnette::domain::TargetUrl;
use sonnette::engine::sender::{AllowTarget, address};

/// Ends of names that mean something on a local network only.
const LOCAL_ENDS: [&str; 3] = [".local", ".internal", ".home.arpa"];

/// The keys of what to warn of, the gravest last.
pub(super) fn of(target: &TargetUrl, allow: &[AllowTarget]) -> Vec<&'static str> {
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

/// What is told once after saving: that it is saved, and the warning.
pub(super) fn told(warning: &str) -> &'static str {
    match warning {
        "warning-plain" => "webhook-saved-plain",
        "warning-private" => "webhook-saved-private",
        _ => "webhook-saved-uncallable",
    }
}

/// Whether the host, as far as one sees without looking it up, is one that is not called.
fn is_local(host: &str, allow: &[AllowTarget]) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return address::check(ip, host, allow).is_err();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return address::check(Ipv4Addr::LOCALHOST.into(), host, allow).is_err();
    }
    // Which address such a name has only a look-up tells: it may be in a network that is excepted.
    let excepted = |target: &AllowTarget| match target {
        AllowTarget::Network(_) => true,
        AllowTarget::Host(_) => target.covers(Ipv4Addr::UNSPECIFIED.into(), host),
    };
    LOCAL_ENDS.iter().any(|end| name.ends_with(end)) && !allow.iter().any(excepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(url: &str, allow: &[&str]) -> Vec<&'static str> {
        let allow: Vec<AllowTarget> = allow.iter().map(|text| text.parse().unwrap()).collect();
        of(&url.parse().unwrap(), &allow)
    }

    #[test]
    fn warns_of_what_is_not_called() {
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
    fn exceptions_count() {
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
