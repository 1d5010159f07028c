//! Lists: `{"count", "next", "previous", "results"}`. Short ones by page number as pretix's, long ones by `after`.

use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use sonnette::store::TimeRange;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::violation_text::violation_text;
use crate::admin::validation::Violation;
use crate::edge::error::{ApiError, Messages};
use crate::edge::links::Address;
use crate::edge::response;
use crate::rest::drf::page_number::Page;

const PAGE_SIZE: usize = 50;
const MOST: usize = 200;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// How many entries there are; null for long lists.
    #[schema(example = 1)]
    count: Option<usize>,
    /// The address of the next page.
    #[schema(example = json!(null))]
    next: Option<String>,
    /// The address of the previous page.
    #[schema(example = json!(null))]
    previous: Option<String>,
    /// The entries.
    results: Vec<T>,
}

/// Which page of a short list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct PageNumber {
    /// From 1; or `last`.
    #[param(example = 1)]
    page: Option<String>,
    /// Entries on a page, at most 50.
    #[param(example = 50)]
    page_size: Option<u32>,
}

/// Which page of a long list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct PageAfter {
    /// Only entries older than the one with this id.
    after: Option<i64>,
    /// Entries on a page, 1 to 200.
    #[param(example = 50)]
    page_size: Option<u32>,
}

/// A page of a short list that is all in memory.
pub(crate) fn numbered<T: Serialize>(
    address: &Address,
    items: Vec<T>,
) -> Result<Response, ApiError> {
    let count = items.len();
    let page = Page::of(&address.query, count as u64)?;
    let (skip, size) = span(&page);
    let results = items.into_iter().skip(skip).take(size).collect();
    Ok(numbered_page(address, &page, count, results))
}

/// How many entries to skip, and how many to show.
pub(crate) fn span(page: &Page) -> (usize, usize) {
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    (whole(page.offset), whole(page.size))
}

/// A page of a short list of `count` entries.
pub(crate) fn numbered_page<T: Serialize>(
    address: &Address,
    page: &Page,
    count: usize,
    results: Vec<T>,
) -> Response {
    let (next, previous) = page.links(&address.url, &address.query);
    response::ok(&Listing {
        count: Some(count),
        next,
        previous,
        results,
    })
}

/// A page of a long list. `found` holds one entry more than fits if there is a next page; `id` is what `after` names.
pub(crate) fn after<T, J: Serialize>(
    address: &Address,
    size: usize,
    found: Vec<T>,
    id: impl Fn(&T) -> i64,
    shown: impl FnMut(&T) -> J,
) -> Response {
    looked(address, size, (found, None), id, shown)
}

/// The same of a list that was looked through only so far: the next page goes on there.
pub(crate) fn looked<T, J: Serialize>(
    address: &Address,
    size: usize,
    (mut found, until): (Vec<T>, Option<i64>),
    id: impl Fn(&T) -> i64,
    shown: impl FnMut(&T) -> J,
) -> Response {
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| more).map(id);
    let next = last.or(until).map(|after| next_link(address, after));
    let results = found.iter().map(shown).collect();
    response::ok(&Listing {
        count: None,
        next,
        previous: None,
        results,
    })
}

fn next_link(address: &Address, after: i64) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept =
        form_urlencoded::parse(address.raw_query.as_bytes()).filter(|(name, _)| name != "after");
    query
        .extend_pairs(kept)
        .append_pair("after", &after.to_string());
    format!("{}?{}", address.url, query.finish())
}

/// Reads filters from a query; what makes no sense is an error that names the parameter.
pub(crate) struct Filters<'a> {
    address: &'a Address,
    errors: Messages,
}

impl<'a> Filters<'a> {
    /// The filters of a request.
    pub(crate) fn new(address: &'a Address) -> Self {
        Self {
            address,
            errors: Messages::new(),
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.address
            .query
            .last(name)
            .filter(|text| !text.is_empty())
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        otherwise: &str,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(text);
        if value.is_none() {
            self.errors
                .push((name.to_owned(), vec![otherwise.to_owned()]));
        }
        value
    }

    /// `true` or `false`.
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

    /// One of some words.
    pub(crate) fn word<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name).unwrap_or_default().to_owned();
        self.parsed(name, parse, &violation_text(&Violation::NotChoice(text)))
    }

    /// `since` and `until`.
    pub(crate) fn span(&mut self) -> TimeRange {
        TimeRange {
            since: self.time("since"),
            until: self.time("until"),
        }
    }

    fn time(&mut self, name: &str) -> Option<Timestamp> {
        // An unescaped `+` of an offset arrives as a blank.
        let parse = |text: &str| {
            text.replace(' ', "+")
                .parse()
                .ok()
                .or_else(|| text.parse().ok())
        };
        self.parsed(name, parse, &violation_text(&Violation::NotTime))
    }

    /// How many entries a page has.
    pub(crate) fn page_size(&mut self) -> usize {
        let parse = |text: &str| text.parse().ok().filter(|size| (1..=MOST).contains(size));
        self.parsed("page_size", parse, "Enter a whole number from 1 to 200.")
            .unwrap_or(PAGE_SIZE)
    }

    /// Whether all of it made sense.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Fields(self.errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::query::Query;

    fn address(query: &str) -> Address {
        Address {
            url: "http://a/b/".to_owned(),
            raw_query: query.to_owned(),
            query: Query::new(query),
        }
    }

    #[test]
    fn links_keep_the_filters() {
        let link = next_link(&address("success=true&after=9&event=a%20b"), 4);
        assert_eq!(link, "http://a/b/?success=true&event=a+b&after=4");
    }

    #[test]
    fn filters_name_what_is_wrong() {
        let address =
            address("success=maybe&since=2026-11-21T18:00:00+01:00&until=x&page_size=0&event=");
        let mut filters = Filters::new(&address);
        assert_eq!(filters.boolean("success"), None);
        assert_eq!(filters.text("event"), None);
        let span = filters.span();
        assert_eq!(span.since, "2026-11-21T17:00:00Z".parse().ok());
        assert_eq!(filters.page_size(), 50);
        let Err(ApiError::Fields(errors)) = filters.finish() else {
            panic!("no errors")
        };
        let names: Vec<_> = errors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["success", "until", "page_size"]);
    }
}
