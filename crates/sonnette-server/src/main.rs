//! The webhook server sonnette.

mod http;

fn main() {}
