//! The webhook server sonnette.

mod http;

fn main() {
    let _ = (http::router, http::openapi);
}
