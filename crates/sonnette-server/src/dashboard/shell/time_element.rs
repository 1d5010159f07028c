//! A time on a page.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;

/// A time as an element that a script may turn into the viewer's zone; without one it is in UTC, and says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeElement(pub(crate) Timestamp);

impl fmt::Display for TimeElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.0.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let people = self.0.strftime("%Y-%m-%d %H:%M:%S");
        write!(f, "<time datetime=\"{machine}\">{people} UTC</time>")
    }
}

// Digits, and what is written above.
impl HtmlSafe for TimeElement {}
