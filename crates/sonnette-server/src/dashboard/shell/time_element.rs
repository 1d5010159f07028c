//! Times in pages.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;

/// A `<time>` element in UTC. A script shows it in the user's time zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeElement(pub(crate) Timestamp);

impl fmt::Display for TimeElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine_readable = self.0.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let text = self.0.strftime("%Y-%m-%d %H:%M:%S");
        write!(f, "<time datetime=\"{machine_readable}\">{text} UTC</time>")
    }
}

// The output contains only digits and the markup above.
impl HtmlSafe for TimeElement {}
