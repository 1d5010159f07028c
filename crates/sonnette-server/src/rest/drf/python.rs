//! Formats values as Python does, because pretix's messages quote them.

use std::fmt::Write as _;

use super::json::{Json, Text};

/// White space as `str.strip` sees it: Unicode's, and the four separators below the blank.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `int(text)`: blanks around it, a sign and single underscores between digits are fine. None beyond 64 bits, too.
pub(crate) fn int(text: &str) -> Option<i64> {
    let text = text.trim_matches(is_space);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits_between = unsigned
        .split('_')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !digits_between {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// `str(value)`.
pub(crate) fn str(value: &Json) -> String {
    match value {
        Json::Str(text) => text.chars.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub(crate) fn repr(value: &Json) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("None"),
        Json::Bool(true) => out.push_str("True"),
        Json::Bool(false) => out.push_str("False"),
        Json::Int(digits) => out.push_str(digits),
        Json::Float(number) => out.push_str(&float(*number)),
        Json::Str(text) => write_str(out, text),
        Json::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_repr(out, item);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_str(out, key);
                out.push_str(": ");
                write_repr(out, member);
            }
            out.push('}');
        }
    }
}

/// The shortest digits that mean this number, with an exponent below 1e-4 and from 1e16.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((digits, Ok(exponent))) = scientific
        .split_once('e')
        .map(|(digits, exponent)| (digits, exponent.parse::<i32>()))
    else {
        return scientific;
    };
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn write_str(out: &mut String, text: &Text) {
    let quote = if text.chars.contains('\'') && !text.chars.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => write_escape(out, u32::from(c)),
        }
    }
    out.push(quote);
}

fn write_escape(out: &mut String, code: u32) {
    let written = match code {
        0..=0xFF => write!(out, "\\x{code:02x}"),
        0x100..=0xFFFF => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// No control, format, private or separating character; unassigned ones are taken for printable, as there will be more
/// of them in every version of Unicode.
fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(
                c,
                '\u{ad}'
                    | '\u{600}'..='\u{605}'
                    | '\u{61c}'
                    | '\u{6dd}'
                    | '\u{70f}'
                    | '\u{180e}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{202a}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{e000}'..='\u{f8ff}'
                    | '\u{feff}'
                    | '\u{fff9}'..='\u{fffb}'
                    | '\u{1d173}'..='\u{1d17a}'
                    | '\u{e0000}'..='\u{e0fff}'
                    | '\u{f0000}'..='\u{10ffff}'
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (number, written) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e22, "1e+22"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float(number), written);
        }
    }

    #[test]
    fn strings_are_quoted_as_python_quotes_them() {
        for (text, written) in [
            ("a", "'a'"),
            ("a'b", "\"a'b\""),
            ("a\"b", "'a\"b'"),
            ("a'\"b", "'a\\'\"b'"),
            (
                "\\\n\r\t\0\u{7f}\u{a0}\u{200b}\u{e000}é😀",
                "'\\\\\\n\\r\\t\\x00\\x7f\\xa0\\u200b\\ue000é😀'",
            ),
        ] {
            assert_eq!(repr(&Json::Str(text.into())), written);
        }
    }

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, number) in [
            ("5", Some(5)),
            (" +5\n", Some(5)),
            ("-05", Some(-5)),
            ("1_0", Some(10)),
            ("1__0", None),
            ("_1", None),
            ("+-1", None),
            ("", None),
            ("1.0", None),
            ("0x1", None),
        ] {
            assert_eq!(int(text), number, "{text:?}");
        }
    }
}
