//! Pages of lists: `{"count", "next", "previous", "results"}`. Short lists have page numbers as in pretix, long lists a
//! cursor (`after`).

use axum::response::Response;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::drf::page_number::Page;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListJson<T> {
    /// The number of entries; null for long lists.
    #[schema(example = 1)]
    count: Option<usize>,
    /// The URL of the next page.
    #[schema(example = json!(null))]
    next: Option<String>,
    /// The URL of the previous page.
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
pub(crate) struct CursorParams {
    /// Only entries older than the one with this id.
    after: Option<i64>,
    /// Entries on a page, 1 to 200.
    #[param(example = 50)]
    page_size: Option<u32>,
}

/// A numbered page of a list that is in memory.
pub(crate) fn page_of_all<T: Serialize>(
    url: &RequestUrl,
    items: Vec<T>,
) -> Result<Response, ApiError> {
    let count = items.len();
    let page = Page::of(&url.query, count as u64)?;
    let (skip, size) = offset_and_limit(&page);
    let results = items.into_iter().skip(skip).take(size).collect();
    Ok(numbered_page(url, &page, count, results))
}

/// The number of entries before a page, and on it.
pub(crate) fn offset_and_limit(page: &Page) -> (usize, usize) {
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    (whole(page.offset), whole(page.size))
}

/// A numbered page of a list of `count` entries.
pub(crate) fn numbered_page<T: Serialize>(
    url: &RequestUrl,
    page: &Page,
    count: usize,
    results: Vec<T>,
) -> Response {
    let (next, previous) = page.links(&url.url, &url.query);
    response::ok(&ListJson {
        count: Some(count),
        next,
        previous,
        results,
    })
}

/// A page of a long list. `found` has one entry more than `size` if there is a next page; `id` is the cursor of an entry.
pub(crate) fn cursor_page<T, J: Serialize>(
    url: &RequestUrl,
    size: usize,
    found: Vec<T>,
    id: impl Fn(&T) -> i64,
    to_json: impl FnMut(&T) -> J,
) -> Response {
    page_of_scan(url, size, (found, None), id, to_json)
}

/// A page of a long list that was scanned only up to an id; the next page continues there.
pub(crate) fn page_of_scan<T, J: Serialize>(
    url: &RequestUrl,
    size: usize,
    (mut found, scanned_until): (Vec<T>, Option<i64>),
    id: impl Fn(&T) -> i64,
    to_json: impl FnMut(&T) -> J,
) -> Response {
    let has_more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| has_more).map(id);
    let next = last.or(scanned_until).map(|after| next_link(url, after));
    let results = found.iter().map(to_json).collect();
    response::ok(&ListJson {
        count: None,
        next,
        previous: None,
        results,
    })
}

fn next_link(url: &RequestUrl, after: i64) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = form_urlencoded::parse(url.raw_query.as_bytes()).filter(|(name, _)| name != "after");
    query
        .extend_pairs(kept)
        .append_pair("after", &after.to_string());
    format!("{}?{}", url.url, query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::query::Query;

    fn url(query: &str) -> RequestUrl {
        RequestUrl {
            url: "http://a/b/".to_owned(),
            raw_query: query.to_owned(),
            query: Query::new(query),
        }
    }

    #[test]
    fn links_keep_the_filters() {
        let link = next_link(&url("success=true&after=9&event=a%20b"), 4);
        assert_eq!(link, "http://a/b/?success=true&event=a+b&after=4");
    }
}
