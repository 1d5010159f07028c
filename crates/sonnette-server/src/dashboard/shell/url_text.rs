//! URLs in pages.

use std::fmt;

use askama::filters::{Escaper as _, Html, HtmlSafe};

/// A URL with line break opportunities after its parts, for narrow pages.
#[derive(Debug, Clone)]
pub(crate) struct BreakableUrl(pub(crate) String);

/// Characters after which a line may break.
const BREAK_AFTER: [char; 4] = ['/', '.', '?', '&'];

impl fmt::Display for BreakableUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split_inclusive(BREAK_AFTER).peekable();
        while let Some(part) = parts.next() {
            Html.write_escaped_str(&mut *f, part)?;
            // No break between two slashes, or at the end.
            if parts.peek().is_some_and(|next| *next != "/") {
                f.write_str("<wbr>")?;
            }
        }
        Ok(())
    }
}

// `fmt` escapes every part.
impl HtmlSafe for BreakableUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_pretty_json(url: &str) -> String {
        BreakableUrl(url.to_owned()).to_string()
    }

    #[test]
    fn lines_break_after_parts() {
        assert_eq!(
            to_pretty_json("https://erp.example/hook?a=1&b=2"),
            "https://<wbr>erp.<wbr>example/<wbr>hook?<wbr>a=1&#38;<wbr>b=2"
        );
        assert_eq!(
            to_pretty_json("https://a.example/"),
            "https://<wbr>a.<wbr>example/"
        );
        assert_eq!(to_pretty_json(""), "");
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            to_pretty_json("<script>.\"'"),
            "&#60;script&#62;.<wbr>&#34;&#39;"
        );
    }
}
