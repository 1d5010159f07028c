//! The probes, the metrics and the documentation.

use super::client::Api;

#[test]
fn probes_metrics_and_documentation_respond() {
    let api = Api::start();
    let get = |path: &str| {
        api.raw(&format!("GET {path} HTTP/1.1\r\n"), b"")
            .expect(200)
    };
    assert_eq!(get("/healthz").json()["status"], "ok");
    assert_eq!(get("/readyz").json()["status"], "ok");
    assert!(get("/metrics").text.contains("sonnette_publications_total"));
    let front = api.raw("GET / HTTP/1.1\r\n", b"").expect(303);
    assert_eq!(front.header("location"), Some("/login/?next=%2F"));
    assert!(get("/api/docs/").text.contains("swagger"));
    let document = get("/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn metrics_have_the_format_that_is_asked_for() {
    let api = Api::start();
    let get = |accept: &str| {
        let head = format!("GET /metrics HTTP/1.1\r\nAccept: {accept}\r\n");
        api.raw(&head, b"").expect(200)
    };
    let plain = get("text/plain; version=0.0.4");
    let kind = Some("text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(plain.header("content-type"), kind);
    assert!(
        plain
            .text
            .contains("# TYPE sonnette_publications_total counter\n")
    );
    assert!(!plain.text.contains("# EOF"));
    let open = get("application/openmetrics-text; version=1.0.0, text/plain;version=0.0.4;q=0.5");
    assert!(open.text.ends_with("# EOF\n"));
    let kind = open.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
}

#[test]
fn the_documentation_has_a_content_security_policy() {
    let api = Api::start();
    for path in ["/api/docs/", "/api/docs/swagger-ui.css"] {
        let page = api
            .raw(&format!("GET {path} HTTP/1.1\r\n"), b"")
            .expect(200);
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}
