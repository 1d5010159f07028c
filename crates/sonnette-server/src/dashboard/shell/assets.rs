//! Style, scripts and the icon: part of the binary. The name of each carries its fingerprint, so that a browser may keep
//! it for ever, and asks for another when it changes.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, StatusCode, header};
use ring::digest::{SHA256, digest};
use tower_http::compression::CompressionLayer;

use crate::edge::AppState;

struct Asset {
    /// As templates name it.
    name: &'static str,
    kind: &'static str,
    body: &'static [u8],
    /// With its fingerprint.
    url: String,
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset::new($name, $kind, include_bytes!(concat!("assets/", $name)))
    };
}

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        asset!("style.css", "text/css; charset=utf-8"),
        asset!("htmx.min.js", "text/javascript; charset=utf-8"),
        asset!("hx-sse.min.js", "text/javascript; charset=utf-8"),
        asset!("sonnette.js", "text/javascript; charset=utf-8"),
        asset!("icon.svg", "image/svg+xml"),
    ]
});

impl Asset {
    fn new(name: &'static str, kind: &'static str, body: &'static [u8]) -> Self {
        let mark = URL_SAFE_NO_PAD.encode(&digest(&SHA256, body).as_ref()[..9]);
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        let url = format!("/assets/{stem}.{mark}.{extension}");
        Self {
            name,
            kind,
            body,
            url,
        }
    }
}

/// Where a page finds the asset with this name.
pub(crate) fn url(name: &str) -> &'static str {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    found.map_or("", |asset| &asset.url)
}

/// Assets, compressed where the browser takes it. Pages never are: how long one is would tell what secrets stand beside
/// what was sent to it.
pub(crate) fn route() -> MethodRouter<AppState> {
    get(get_asset).layer(CompressionLayer::new())
}

/// An asset, for a year.
async fn get_asset(Path(file): Path<String>) -> Response {
    let path = format!("/assets/{file}");
    let Some(asset) = ASSETS.iter().find(|asset| asset.url == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_a_fingerprint() {
        let url = url("htmx.min.js");
        assert!(
            url.starts_with("/assets/htmx.") && url.ends_with(".min.js"),
            "{url}"
        );
        assert_eq!(url.len(), "/assets/htmx.0123456789ab.min.js".len());
        assert_eq!(super::url("nothing.css"), "");
    }
}
