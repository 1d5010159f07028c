use proptest::prelude::*;

use super::*;

fn accepted(text: &str) -> bool {
    text.parse::<TargetUrl>().is_ok()
}

fn url(text: &str) -> TargetUrl {
    text.parse().unwrap_or_else(|_| panic!("{text} is refused"))
}

#[test]
fn accepts_what_pretix_accepts() {
    for text in [
        "http://example.com/hook",
        "https://user:secret@example.com/path/",
        "http://localhost/hook",
        "http://LOCALHOST",
        "http://127.0.0.1:9000/hook",
        "http://10.1.2.3/hook",
        "http://0.0.0.0/",
        "http://[::1]:8080/",
        "http://[::ffff:1.2.3.4]/",
        "http://user:secret@[::1]:8080/",
        "https://example.com/hook?a=1&b=%20#frag",
        "https://müller.de/ä",
        "https://example.com?a=b",
        "https://example.com#frag",
        "ftp://example.com/hook",
        "FTPS://example.com",
        "HtTp://Example.COM",
        "http://user@example.com",
        "http://user:@example.com",
        "http://us%40er:p%2Fw@example.com",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:99999",
        "http://example.com./",
        "http://a-b.c--d.example/",
        "http://1.2.3.example/",
        "http://例え.テスト/",
        "http://example.xn--p1ai/",
        "http://example.XN--P1AI/",
        "http://example.co-op/",
        "http://example.com/a|b\\c\"<>^`{}",
        "http://example.com?x@y",
        "http://example.com/😀",
        "http://a?b@example.com/",
        "http://a[b]@example.com/",
    ] {
        assert!(accepted(text), "{text}");
        assert_eq!(url(text).as_unredacted_str(), text);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn refuses_what_pretix_refuses() {
    let long_label = format!("https://{}.com/", "a".repeat(64));
    let long_host = format!("https://{}example.com/", "a.".repeat(122));
    for text in [
        "",
        "foo.bar",
        "//example.com/hook",
        "http://",
        "http:///",
        "http:/example.com",
        "javascript:alert(1)",
        "gopher://example.com/",
        "http://256.1.1.1/",
        "http://1.2.3/",
        "http://01.2.3.4/",
        "http://1.2.3.4.5/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://intranet/hook",
        "http://localhost./",
        "https://example..com/",
        "https://.example.com/",
        "https://example.com../",
        "https://-a.example.com/",
        "https://a-.example.com/",
        "https://b.-a.example.com/",
        "https://b.a-.example.com/",
        "https://example.c/",
        "https://example.c0m/",
        "https://example.-com/",
        "https://example.com-/",
        "https://a_b.example.com/",
        "https://example.xn--/",
        "https://example.xn--a_b/",
        "https://example.com:abc/",
        "https://example.com:/",
        "https://example.com:123456/",
        "https://example.com:80x/",
        "https://example.com/a b",
        "https://exa mple.com/",
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/a\tb",
        "https://example.com/a\u{a0}b",
        "https://example.com/a\u{1c}b",
        "https://example.com/\n",
        "https://@example.com/",
        "https://:secret@example.com/",
        "https://a:b:c@example.com/",
        "https://a@b@example.com/",
        "https://a:b/c@example.com/",
        "http://[::1/",
        "http://[::g]/",
        "http://[1.2.3.4]/",
        "http://[]/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://a[b@example.com/",
        "http://😀.example/",
        "http://example／evil.com/",
        "http://example.com\\a/",
        long_label.as_str(),
        long_host.as_str(),
    ] {
        assert!(!accepted(text), "{text}");
    }
}

#[test]
fn lengths_are_counted_in_characters() {
    let of = |chars: usize| format!("http://example.com/{}", "ä".repeat(chars - 19));
    assert!(accepted(&of(2048)));
    assert!(!accepted(&of(2049)));
    let host = |labels: usize| format!("http://{}example.com/", "ä.".repeat(labels));
    assert!(accepted(&host(121)));
    assert!(!accepted(&host(122)));
}

#[test]
fn a_url_is_split_into_its_parts() {
    let whole = url("HTTPS://us%40er:p%2Fw%3A@Example.com:8443/a?b#c");
    assert_eq!(whole.scheme(), "https");
    assert!(whole.is_https());
    assert_eq!(whole.host(), "Example.com");
    assert_eq!(whole.port(), Some(8443));
    assert_eq!(whole.credentials(), Some(("us@er".into(), "p/w:".into())));
    assert_eq!(whole.redacted(), "HTTPS://Example.com:8443/a?b#c");
    assert_eq!(url("http://[::1]:80").host(), "::1");
    assert_eq!(url("http://user@example.com").credentials(), None);
    assert_eq!(
        url("http://user:@example.com").credentials(),
        Some(("user".into(), String::new()))
    );
    assert_eq!(url("http://example.com").credentials(), None);
    assert_eq!(url("http://example.com?u:p@y").credentials(), None);
}

#[test]
fn masks_user_information_only() {
    for (given, shown) in [
        ("https://u:p@a.example/b?c@d", "https://***@a.example/b?c@d"),
        ("HTTP://token@a.example:81", "HTTP://***@a.example:81"),
        ("http://a?b@example.com/", "http://***@example.com/"),
        ("https://a.example/?u:p@b", "https://a.example/?u:p@b"),
    ] {
        assert_eq!(url(given).with_masked_credentials("***"), shown);
    }
    assert_eq!(url("https://***@a.example/").user_info(), Some("***"));
}

#[test]
fn two_servers_have_different_origins() {
    let same = |one: &str, other: &str| url(one).has_same_origin(&url(other));
    assert!(same("https://u:p@a.example/b", "HTTPS://A.example:443?c"));
    assert!(same("http://[::1]:80/", "http://[::1]"));
    for other in [
        "http://a.example/",
        "https://b.example/",
        "https://a.example:444/",
        "https://a.example./",
        "https://a.example@b.example/",
    ] {
        assert!(!same("https://a.example/", other), "{other}");
    }
}

#[test]
fn debug_shows_no_credentials() {
    assert_eq!(
        format!("{:?}", url("http://user:secret@example.com/")),
        "TargetUrl(http://example.com/)"
    );
}

#[test]
fn the_request_is_normalised() {
    for (given, called) in [
        ("http://example.com", "http://example.com/"),
        ("http://example.com?a=1", "http://example.com/?a=1"),
        ("http://example.com/a?b=%20#c", "http://example.com/a?b=%20"),
        ("http://example.com#c", "http://example.com/"),
        ("HTTP://EXAMPLE.com/A", "http://example.com/A"),
        ("https://u:p@example.com:443/", "https://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
        (
            "https://müller.de/ä?ö=ü",
            "https://xn--mller-kva.de/%C3%A4?%C3%B6=%C3%BC",
        ),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://127.0.0.1:00080/x", "http://127.0.0.1/x"),
        ("http://example.com/a\\b", "http://example.com/a%5Cb"),
        ("http://example.com/%41%2f", "http://example.com/%41%2f"),
        (
            "http://example.com/x?filter=a|b",
            "http://example.com/x?filter=a%7Cb",
        ),
        (
            "http://example.com/{a}?q={id}&r=[1]",
            "http://example.com/%7Ba%7D?q=%7Bid%7D&r=%5B1%5D",
        ),
        (
            "http://example.com/100%?a=5%2",
            "http://example.com/100%25?a=5%252",
        ),
        (
            "http://example.com/a/../b/./it's?it's",
            "http://example.com/a/../b/./it's?it's",
        ),
    ] {
        assert_eq!(url(given).uri().unwrap().to_string(), called, "{given}");
    }
}

#[test]
fn says_why_a_url_cannot_be_called() {
    for (given, reason) in [
        ("ftp://example.com/", UnsupportedTarget::Scheme),
        ("ftps://example.com/", UnsupportedTarget::Scheme),
        ("http://example.com:0/", UnsupportedTarget::Port),
        ("http://example.com:65536/", UnsupportedTarget::Port),
        ("http://example.com:00000/", UnsupportedTarget::Port),
        ("http://a?b@example.com/", UnsupportedTarget::UserInfo),
    ] {
        assert_eq!(url(given).uri(), Err(reason), "{given}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,80}") {
        let _ = text.parse::<TargetUrl>().map(|url| (url.uri(), url.credentials(), url.redacted()));
    }

    #[test]
    fn almost_valid_urls_never_panic(text in "(https?|ftp)://[a-z:@.\\[\\]0-9ä/?#%\\\\-]{0,24}") {
        if let Ok(url) = text.parse::<TargetUrl>() {
            prop_assert_eq!(url.as_unredacted_str(), &text);
            prop_assert!(accepted(&url.redacted()), "{}", url.redacted());
            let _ = url.uri();
        }
    }

    #[test]
    fn a_url_built_from_valid_parts_is_accepted(
        scheme in "https?",
        user in "[a-z%]{1,8}",
        password in proptest::option::of("[a-z0-9%]{0,8}"),
        host in "([a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?\\.){1,3}[a-z]{2,6}",
        port in proptest::option::of(1_u16..),
        rest in "(/[a-z0-9ä]{0,5}){0,3}",
    ) {
        let user_info = password.as_ref().map_or(user.clone(), |p| format!("{user}:{p}"));
        let port_text = port.map(|p| format!(":{p}")).unwrap_or_default();
        let text = format!("{scheme}://{user_info}@{host}{port_text}{rest}");
        let url = url(&text);
        prop_assert_eq!(url.host(), &host);
        prop_assert_eq!(url.port(), port.map(u32::from));
        prop_assert_eq!(url.credentials().is_some(), password.is_some());
        prop_assert_eq!(url.redacted(), format!("{scheme}://{host}{port_text}{rest}"));
        if !host.contains("xn--") {
            let uri = url.uri().expect("callable");
            prop_assert_eq!(uri.host(), Some(host.as_str()));
            prop_assert!(uri.path().starts_with('/'));
        }
    }
}
