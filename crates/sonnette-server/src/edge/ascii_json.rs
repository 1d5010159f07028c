//! Serializes compact JSON with every character beyond ASCII escaped, as pretix does.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut chars = rest[at..].chars();
            if let Some(c) = chars.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// `value` as compact ASCII JSON.
///
/// # Errors
/// For values that [`serde_json`] cannot serialize, such as maps whose keys are not strings.
pub(crate) fn to_vec(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut out, Ascii))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_beyond_ascii() {
        let value = serde_json::json!({"ä": ["é😀/\"\n\u{1}\u{7f}"], "b": 1.5});
        let expected = "{\"\\u00e4\":[\"\\u00e9\\ud83d\\ude00/\\\"\\n\\u0001\u{7f}\"],\"b\":1.5}";
        assert_eq!(
            String::from_utf8(to_vec(&value).unwrap()).unwrap(),
            expected
        );
    }

    proptest! {
        #[test]
        fn any_text_survives_escaping(text: String) {
            let written = to_vec(&text).unwrap();
            prop_assert!(written.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<String>(&written).unwrap(), text);
        }
    }
}
