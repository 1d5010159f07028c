//! Page-number pagination.

use std::collections::BTreeMap;

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::DrfError;
use super::python;
use crate::edge::query::Query;

/// Entries on a page, by default and at most.
const PAGE_SIZE: u64 = 50;

/// What Python's `quote` leaves alone.
const PERCENT_ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~');

/// The query encoded again as Python does, sorted by name, with another `page`.
fn with_page(query: &Query, page: Option<u64>) -> String {
    let mut params: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in query.pairs().filter(|(name, _)| *name != "page") {
        params.entry(name).or_default().push(value.to_owned());
    }
    if let Some(page) = page {
        params.insert("page", vec![page.to_string()]);
    }
    let pairs: Vec<_> = params
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        .map(|(name, value)| format!("{}={}", quote(name), quote(value)))
        .collect();
    pairs.join("&")
}

fn quote(text: &str) -> String {
    utf8_percent_encode(text, PERCENT_ENCODED)
        .to_string()
        .replace("%20", "+")
}

/// One page of a list of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1.
    pub(crate) number: u64,
    /// Entries before it.
    pub(crate) offset: u64,
    /// Entries on it at most, 1 to 50.
    pub(crate) size: u64,
    /// The number of the last page, at least 1.
    pub(crate) last: u64,
}

impl Page {
    /// The page that `query` asks for, of a list with `count` entries.
    ///
    /// # Errors
    /// 404 for a page that does not exist.
    pub(crate) fn of(query: &Query, count: u64) -> Result<Self, DrfError> {
        let size = query
            .last("page_size")
            .and_then(python::int)
            .and_then(|size| u64::try_from(size).ok())
            .filter(|size| *size > 0)
            .map_or(PAGE_SIZE, |size| size.min(PAGE_SIZE));
        let last = count.div_ceil(size).max(1);
        let number = match query.last("page").unwrap_or_default() {
            "" => Some(1),
            "last" => Some(last),
            text => python::int(text).and_then(|number| u64::try_from(number).ok()),
        };
        let number = number
            .filter(|number| (1..=last).contains(number))
            .ok_or_else(|| DrfError::detail(StatusCode::NOT_FOUND, "Invalid page."))?;
        Ok(Self {
            number,
            offset: (number - 1) * size,
            size,
            last,
        })
    }

    /// `next` and `previous`, where `address` is the absolute URL of the list without its query.
    pub(crate) fn links(&self, address: &str, query: &Query) -> (Option<String>, Option<String>) {
        let link = |page: u64| {
            let params = with_page(query, (page > 1).then_some(page));
            if params.is_empty() {
                address.to_owned()
            } else {
                format!("{address}?{params}")
            }
        };
        let next = (self.number < self.last).then(|| link(self.number + 1));
        let previous = (self.number > 1).then(|| link(self.number - 1));
        (next, previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn pages_and_links_of_120_entries() {
        // Query; offset and size; parameters of `next` and `previous`.
        for (query, place, next, previous) in [
            ("", (0, 50), Some("?page=2"), None),
            ("page=", (0, 50), Some("?page=2"), None),
            ("page=1", (0, 50), Some("?page=2"), None),
            ("page=2", (50, 50), Some("?page=3"), Some("")),
            ("page=last", (100, 50), None, Some("?page=2")),
            ("page=+3", (100, 50), None, Some("?page=2")),
            ("page=02", (50, 50), Some("?page=3"), Some("")),
            ("page=2&page=1", (0, 50), Some("?page=2"), None),
            ("page_size=10", (0, 10), Some("?page=2&page_size=10"), None),
            ("page_size=007", (0, 7), Some("?page=2&page_size=007"), None),
            ("page_size=0", (0, 50), Some("?page=2&page_size=0"), None),
            ("page_size=-1", (0, 50), Some("?page=2&page_size=-1"), None),
            (
                "page_size=5.0",
                (0, 50),
                Some("?page=2&page_size=5.0"),
                None,
            ),
            ("page_size=", (0, 50), Some("?page=2&page_size="), None),
            (
                "page_size=1000",
                (0, 50),
                Some("?page=2&page_size=1000"),
                None,
            ),
            (
                "page_size=1&page_size=60",
                (0, 50),
                Some("?page=2&page_size=1&page_size=60"),
                None,
            ),
            (
                "page=2&page_size=99&b=%C3%A4+x&a=1&a=2&c=",
                (50, 50),
                Some("?a=1&a=2&b=%C3%A4+x&c=&page=3&page_size=99"),
                Some("?a=1&a=2&b=%C3%A4+x&c=&page_size=99"),
            ),
            (
                "z=~!*()'/:@-_.",
                (0, 50),
                Some("?page=2&z=~%21%2A%28%29%27%2F%3A%40-_."),
                None,
            ),
            (
                "x&b=%ff%&a+b=c%2Bd",
                (0, 50),
                Some("?a+b=c%2Bd&b=%EF%BF%BD%25&page=2&x="),
                None,
            ),
            ("page=2&&=1", (50, 50), Some("?=1&page=3"), Some("?=1")),
        ] {
            let decoded = Query::new(query);
            let page = Page::of(&decoded, 120).unwrap();
            assert_eq!((page.offset, page.size), place, "{query}");
            let full = |link: Option<&str>| link.map(|link| format!("http://h/w/{link}"));
            assert_eq!(
                page.links("http://h/w/", &decoded),
                (full(next), full(previous)),
                "{query}"
            );
        }
    }

    #[test]
    fn pages_that_do_not_exist() {
        for query in [
            "page=0",
            "page=-1",
            "page=4",
            "page=2.0",
            "page=%20",
            "page=x",
            "page=Last",
            "page=1e1",
        ] {
            let error = Page::of(&Query::new(query), 120).unwrap_err();
            assert_eq!(error.status, StatusCode::NOT_FOUND);
            assert_eq!(error.body["detail"], "Invalid page.", "{query}");
        }
        let empty = Page::of(&Query::new("page=last"), 0).unwrap();
        assert_eq!((empty.number, empty.last), (1, 1));
        assert!(Page::of(&Query::new("page=2"), 0).is_err());
        assert!(Page::of(&Query::new("page=99999999999999999999"), 120).is_err());
    }
}
