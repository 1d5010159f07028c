//! Event streams of open pages.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use super::browser::{Browser, PAGES};
use crate::api::client::{Api, receiver};

/// The stream that a page of this browser opens.
fn watch(api: &Api, browser: &Browser<'_>, query: &str) -> BufReader<TcpStream> {
    let session = browser.cookie("sonnette_session").unwrap();
    let header = format!("Cookie: sonnette_session_{}={session}", api.port());
    api.watch_at(&format!("{PAGES}/live/{query}"), &header)
}

/// The name of the next event.
#[track_caller]
fn next(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "it has ended");
        if let Some(name) = line.strip_prefix("event: ") {
            return name.trim_end().to_owned();
        }
    }
}

#[test]
fn an_open_page_receives_changes() {
    let (api, target) = (Api::start(), receiver());
    let browser = Browser::of(&api, &["webhooks"]);
    let id = api.webhook(&target.url());
    let number = id.split('/').nth(1).unwrap();
    let mut all = watch(&api, &browser, "");
    let mut one = watch(&api, &browser, &format!("?webhook={number}"));
    // Whoever comes is told at once: something may have happened since the page was written.
    assert_eq!(
        (next(&mut all), next(&mut one)),
        ("changed".into(), "changed".into())
    );
    api.place_order("A1");
    assert_eq!(
        (next(&mut all), next(&mut one)),
        ("changed".into(), "changed".into())
    );
}

#[test]
fn a_stream_ends_with_the_session() {
    let (api, target) = (Api::start(), receiver());
    api.webhook(&target.url());
    let browser = Browser::of(&api, &["webhooks"]);
    let mut stream = watch(&api, &browser, "");
    assert_eq!(next(&mut stream), "changed");
    browser
        .submit(&format!("{PAGES}/webhooks/"), "/logout/", &[])
        .expect(303);
    api.place_order("A1");
    assert_eq!(next(&mut stream), "closed");
    assert_eq!(
        stream
            .lines()
            .last()
            .transpose()
            .unwrap()
            .unwrap_or_default(),
        ""
    );
}

#[test]
fn a_stream_requires_a_session() {
    let api = Api::start();
    let path = format!("{PAGES}/live/");
    Browser::new(&api).get(&path).expect(403);
    Browser::of(&api, &["publish"]).get(&path).expect(403);
    let browser = Browser::of(&api, &["webhooks"]);
    browser.get("/organizers/nobody/live/").expect(403);
    browser.get("/portal/bigevents/live/").expect(403);
}

#[test]
fn stopping_does_not_wait_for_open_pages() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let mut stream = watch(&api, &browser, "");
    assert_eq!(next(&mut stream), "changed");
    drop(browser);
    api.end();
}

#[test]
fn a_page_that_reloads_itself_is_not_redirected() {
    let api = Api::start();
    let browser = Browser::new(&api).with("HX-Request: true");
    browser.get(&format!("{PAGES}/webhooks/")).expect(401);
}

#[test]
fn streams_per_session_are_limited() {
    let api = Api::start();
    let browser = Browser::of(&api, &["webhooks"]);
    let path = format!("{PAGES}/live/");
    let mut streams: Vec<_> = (0..20).map(|_| watch(&api, &browser, "")).collect();
    for stream in &mut streams {
        assert_eq!(next(stream), "changed");
    }
    let refused = browser.get(&path).expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    let other = Browser::new(&api);
    other.log_in("webhooks@example.org");
    assert_eq!(next(&mut watch(&api, &other, "")), "changed");
}
