//! Style sheet, scripts and icon, which are part of the binary. Their URLs contain a fingerprint of the content, so that
//! browsers can cache them forever.

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
    /// The name in templates.
    name: &'static str,
    content_type: &'static str,
    body: &'static [u8],
    /// The path with the fingerprint.
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
    fn new(name: &'static str, content_type: &'static str, body: &'static [u8]) -> Self {
        let fingerprint = URL_SAFE_NO_PAD.encode(&digest(&SHA256, body).as_ref()[..9]);
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        let url = format!("/assets/{stem}.{fingerprint}.{extension}");
        Self {
            name,
            content_type,
            body,
            url,
        }
    }
}

/// The URL of the asset with this name.
pub(crate) fn url(name: &str) -> &'static str {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    found.map_or("", |asset| &asset.url)
}

/// The route of assets, with compression. Pages are not compressed: the length of a compressed page would tell about the
/// secrets in it (BREACH).
pub(crate) fn route() -> MethodRouter<AppState> {
    get(get_asset).layer(CompressionLayer::new())
}

/// Serves an asset, which browsers cache for a year.
async fn get_asset(Path(file): Path<String>) -> Response {
    let path = format!("/assets/{file}");
    let Some(asset) = ASSETS.iter().find(|asset| asset.url == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_TYPE, asset.content_type),
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
