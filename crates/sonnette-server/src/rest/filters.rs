//! Reads the filters of a list.

use jiff::Timestamp;
use sonnette::domain::{InvalidChoice, UtcDateTime};
use sonnette::store::TimeRange;

use super::violation_text::violation_text;
use crate::admin::validation::Violation;
use crate::edge::error::{ApiError, FieldMessages};
use crate::edge::links::RequestUrl;
use crate::edge::query::Query;

/// Entries on a page of a long list, by default.
const DEFAULT_PAGE_SIZE: usize = 50;
/// Entries on a page of a long list.
const MAX_PAGE_SIZE: usize = 200;

/// Reads the filters of a list from the query, and collects what is wrong with them.
pub(crate) struct Filters<'a> {
    query: &'a Query,
    messages: FieldMessages,
}

impl<'a> Filters<'a> {
    /// The filters of a request.
    pub(crate) fn new(url: &'a RequestUrl) -> Self {
        Self {
            query: &url.query,
            messages: FieldMessages::new(),
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.query.last(name).filter(|text| !text.is_empty())
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        message: &str,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(text);
        if value.is_none() {
            self.messages
                .push((name.to_owned(), vec![message.to_owned()]));
        }
        value
    }

    /// A boolean.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        self.parsed(name, parse, &violation_text(&Violation::NotBoolean))
    }

    /// An id.
    pub(crate) fn id<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        self.parsed(
            name,
            |text| text.parse().ok(),
            "A valid integer is required.",
        )
    }

    /// One of these words, all of which `parse` knows.
    pub(crate) fn choice<T>(
        &mut self,
        name: &str,
        choices: &'static [&'static str],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name).unwrap_or_default().to_owned();
        let violation = Violation::NotChoice(InvalidChoice { text, choices });
        self.parsed(name, parse, &violation_text(&violation))
    }

    /// `since` and `until`.
    pub(crate) fn time_range(&mut self) -> TimeRange {
        TimeRange {
            since: self.time("since"),
            until: self.time("until"),
        }
    }

    fn time(&mut self, name: &str) -> Option<Timestamp> {
        // An unescaped `+` of an offset is decoded as a blank.
        let parse = |text: &str| {
            let at = text.replace(' ', "+").parse::<UtcDateTime>();
            at.or_else(|_| text.parse())
                .ok()
                .map(UtcDateTime::to_timestamp)
        };
        self.parsed(name, parse, &violation_text(&Violation::NotTime))
    }

    /// The number of entries on a page.
    pub(crate) fn page_size(&mut self) -> usize {
        let parse = |text: &str| {
            text.parse()
                .ok()
                .filter(|size| (1..=MAX_PAGE_SIZE).contains(size))
        };
        self.parsed(
            "page_size",
            parse,
            &format!("Enter a whole number from 1 to {MAX_PAGE_SIZE}."),
        )
        .unwrap_or(DEFAULT_PAGE_SIZE)
    }

    /// Fails with all messages if there is one.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.messages.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Fields(self.messages))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &str) -> RequestUrl {
        RequestUrl {
            url: "http://a/b/".to_owned(),
            raw_query: query.to_owned(),
            query: Query::new(query),
        }
    }

    #[test]
    fn errors_name_the_parameter() {
        let url = url("success=maybe&since=2026-11-21T18:00:00+01:00&until=x&page_size=0&event=");
        let mut filters = Filters::new(&url);
        assert_eq!(filters.boolean("success"), None);
        assert_eq!(filters.text("event"), None);
        let span = filters.time_range();
        assert_eq!(span.since, "2026-11-21T17:00:00Z".parse().ok());
        assert_eq!(filters.page_size(), 50);
        let Err(ApiError::Fields(errors)) = filters.finish() else {
            panic!("no errors")
        };
        let names: Vec<_> = errors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["success", "until", "page_size"]);
    }

    #[test]
    fn a_page_has_up_to_200_entries() {
        let page_size = |query: &str| {
            let url = url(query);
            let mut filters = Filters::new(&url);
            let size = filters.page_size();
            filters.finish().map(|()| size)
        };
        assert_eq!(page_size("page_size=200"), Ok(200));
        let refused = ApiError::field("page_size", "Enter a whole number from 1 to 200.");
        assert_eq!(page_size("page_size=201"), Err(refused));
    }
}
