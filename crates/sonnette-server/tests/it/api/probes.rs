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
