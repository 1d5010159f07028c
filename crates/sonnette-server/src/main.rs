//! The program.

mod http;

fn main() {
    let _ = http::openapi();
}
