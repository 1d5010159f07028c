//! A URL on a page.

use std::fmt;

use askama::filters::{Escaper as _, Html, HtmlSafe};

/// A URL that a narrow page breaks where its parts end, rather than within a word.
#[derive(Debug, Clone)]
pub(crate) struct BreakableUrl(pub(crate) String);

/// What ends a part.
const ENDS: [char; 4] = ['/', '.', '?', '&'];

impl fmt::Display for BreakableUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split_inclusive(ENDS).peekable();
        while let Some(part) = parts.next() {
            Html.write_escaped_str(&mut *f, part)?;
            // Two slashes stay together, and after the last part there is nothing to break.
            if parts.peek().is_some_and(|next| *next != "/") {
                f.write_str("<wbr>")?;
            }
        }
        Ok(())
    }
}

// Every part is escaped above.
impl HtmlSafe for BreakableUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_pretty_json(url: &str) -> String {
        BreakableUrl(url.to_owned()).to_string()
    }

    #[test]
    fn parts_may_stand_on_lines_of_their_own() {
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
    fn what_strangers_write_is_text() {
        assert_eq!(
            to_pretty_json("<script>.\"'"),
            "&#60;script&#62;.<wbr>&#34;&#39;"
        );
    }
}
