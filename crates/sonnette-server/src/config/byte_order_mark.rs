//! The byte order mark that some editors write at the head of text files.

/// The text without the mark, if it begins with one.
pub(crate) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
