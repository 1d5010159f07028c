//! What a browser without scripts does: keeps cookies, opens pages, sends the forms that stand on them. It follows
//! nothing by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::api::client::{Api, ApiResponse};

/// Of every user of the tests.
pub(crate) const PASSWORD: &str = "correct horse";
/// What the paths of the organizer's pages begin with.
pub(crate) const PAGES: &str = "/organizers/bigevents";

/// A browser with its own cookies.
pub(crate) struct Browser<'a> {
    api: &'a Api,
    cookies: RefCell<BTreeMap<String, String>>,
    more: String,
}

/// A user of the organizer with these permissions; none given: those of a new token.
#[track_caller]
pub(crate) fn user(api: &Api, email: &str, permissions: &[&str]) {
    let mut args = vec!["user", "create", email, "--organizer", "bigevents"];
    for permission in permissions {
        args.extend(["--permission", permission]);
    }
    args.push("--password-stdin");
    api.place().run_fed(&args, &format!("{PASSWORD}\n")).done();
}

/// A user who may do everything everywhere.
#[track_caller]
pub(crate) fn operator(api: &Api, email: &str) {
    let args = ["user", "create", email, "--operator", "--password-stdin"];
    api.place().run_fed(&args, &format!("{PASSWORD}\n")).done();
}

impl<'a> Browser<'a> {
    /// Of somebody who has not been here before.
    pub(crate) fn new(api: &'a Api) -> Self {
        Self {
            api,
            cookies: RefCell::default(),
            more: String::new(),
        }
    }

    /// Of a new user with these permissions who has logged in; see [`user`].
    #[track_caller]
    pub(crate) fn of(api: &'a Api, permissions: &[&str]) -> Self {
        let name = if permissions.is_empty() {
            "anybody".to_owned()
        } else {
            permissions.join("-")
        };
        let email = format!("{name}@example.org");
        user(api, &email, permissions);
        let browser = Self::new(api);
        browser.log_in(&email);
        browser
    }

    /// Of a new operator who has logged in.
    #[track_caller]
    pub(crate) fn of_operator(api: &'a Api) -> Self {
        operator(api, "root@example.org");
        let browser = Self::new(api);
        browser.log_in("root@example.org");
        browser
    }

    /// Sends this header with every request from now on.
    pub(crate) fn with(mut self, header: &str) -> Self {
        self.more += header;
        self.more += "\r\n";
        self
    }

    /// The same in French.
    pub(crate) fn in_french(self) -> Self {
        self.with("Accept-Language: fr")
    }

    /// Keeps a cookie as if a page had set it.
    pub(crate) fn keep(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.insert(self.cookie_name(name), value.to_owned());
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(&self.cookie_name(name)).cloned()
    }

    /// The name of a cookie ends in the port of the server.
    fn cookie_name(&self, name: &str) -> String {
        format!("{name}_{}", self.api.port())
    }

    /// Logs in, or the test fails.
    #[track_caller]
    pub(crate) fn log_in(&self, email: &str) {
        let answer = self.try_log_in(email, PASSWORD).expect(303);
        assert_eq!(answer.header("location"), Some("/"));
        assert!(self.cookie("sonnette_session").is_some());
    }

    /// Sends the form to log in.
    #[track_caller]
    pub(crate) fn try_log_in(&self, email: &str, password: &str) -> ApiResponse {
        let fields = [("email", email), ("password", password)];
        self.submit("/login/", "/login/", &fields)
    }

    /// Opens a page, whatever comes of it.
    pub(crate) fn get(&self, path: &str) -> ApiResponse {
        self.send("GET", path, "", b"")
    }

    /// Opens a page that is there: what a reader sees of it, see [`words`].
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        words(&self.get(path).expect(200).text)
    }

    /// Opens what the answer leads to.
    #[track_caller]
    pub(crate) fn follow(&self, answer: &ApiResponse) -> ApiResponse {
        assert_eq!(answer.status, 303, "{}", answer.text);
        self.get(answer.header("location").unwrap())
    }

    /// Posts these fields, and no others.
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> ApiResponse {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", path, kind, body.as_bytes())
    }

    /// Opens a page, finds the form on it that is sent to `action`, and sends it with its hidden fields and these.
    #[track_caller]
    pub(crate) fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> ApiResponse {
        let html = self.get(page).expect(200).text;
        let hidden = hidden_fields(&html, action);
        let mut all: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &hidden {
            if fields.iter().all(|(known, _)| known != name) {
                all.push((name, value));
            }
        }
        all.extend(fields);
        self.post(action, &all)
    }

    fn send(&self, method: &str, path: &str, more: &str, body: &[u8]) -> ApiResponse {
        let mut head = format!("{method} {path} HTTP/1.1\r\n{}{more}", self.more);
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            head += "Cookie: ";
            head += &cookies.join("; ");
            head += "\r\n";
        }
        let answer = self.api.raw(&head, body);
        for line in answer.headers("set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let port = self.api.port();
            assert!(name.ends_with(&format!("_{port}")), "{line}");
            if value.is_empty() {
                self.cookies.borrow_mut().remove(name);
            } else {
                let mut cookies = self.cookies.borrow_mut();
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// Names and values of the hidden fields in the form that is sent to `action`; the page must have it.
#[track_caller]
pub(crate) fn hidden_fields(html: &str, action: &str) -> Vec<(String, String)> {
    let wanted = format!(" action=\"{action}\"");
    let form = html
        .split("<form ")
        .skip(1)
        .find(|form| format!(" {}", form.split('>').next().unwrap()).contains(&wanted))
        .unwrap_or_else(|| panic!("no form for {action} in {html}"));
    let form = form.split("</form>").next().unwrap();
    form.split("<input ")
        .skip(1)
        .map(|input| input.split('>').next().unwrap())
        .filter(|input| input.contains("type=\"hidden\""))
        .map(|input| (attribute(input, "name"), attribute(input, "value")))
        .collect()
}

fn attribute(tag: &str, name: &str) -> String {
    let after = tag.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    decoded(after.split('"').next().unwrap())
}

/// What a reader sees: no tags, white space as one blank.
pub(crate) fn words(html: &str) -> String {
    let mut text = String::new();
    // Where a word may be broken, it is still one.
    for part in html.replace("<wbr>", "").split('<') {
        text.push(' ');
        text += part.split_once('>').map_or(part, |(_, after)| after);
    }
    decoded(&text)
        .split_ascii_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    for (code, sign) in [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ] {
        text = text.replace(code, sign);
    }
    text
}
