//! Times in pages.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use sonnette::domain::UtcDateTime;

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

/// The same for a time that may lie beyond the last [`Timestamp`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct DateTimeElement(pub(crate) UtcDateTime);

impl fmt::Display for DateTimeElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date_time = self.0.date_time();
        let machine_readable = date_time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let text = date_time.strftime("%Y-%m-%d %H:%M:%S");
        write!(f, "<time datetime=\"{machine_readable}\">{text} UTC</time>")
    }
}

// The output contains only digits and the markup above.
impl HtmlSafe for TimeElement {}

// As above.
impl HtmlSafe for DateTimeElement {}
