//! Paths of the dashboard.

/// The prefix of the pages that a platform embeds. They have a session and cookies of their own, apart from those of a
/// user in the same browser.
pub(crate) const PORTAL_PREFIX: &str = "/portal/";

/// Whether a path belongs to the portal.
pub(crate) fn is_portal(path: &str) -> bool {
    path.starts_with(PORTAL_PREFIX)
}

/// The path if it leads to a page of this server, else `/`. This prevents open redirects.
pub(crate) fn local_path(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_another_site_is_replaced() {
        assert_eq!(local_path("/login/?next=/a/"), "/login/?next=/a/");
        for elsewhere in [
            "//evil.example/",
            "https://evil.example",
            "/\\evil.example",
            "/a b",
            "",
        ] {
            assert_eq!(local_path(elsewhere), "/");
        }
    }
}
