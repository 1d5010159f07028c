//! Prints the results of commands.

use std::io::{self, Write as _};

use anyhow::Result;
use serde_json::Value;

/// Writes a line to standard output.
///
/// # Errors
/// Standard output is closed, or cannot be written.
pub(super) fn print_line(text: impl std::fmt::Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Writes a list: a JSON array of objects, or a table with the keys as column names.
pub(super) fn print_list(entries: &[Value], json: bool) -> Result<()> {
    if json {
        return print_line(serde_json::to_string_pretty(entries)?);
    }
    let Some(Value::Object(first)) = entries.first() else {
        return Ok(());
    };
    let head: Vec<String> = first
        .keys()
        .map(|key| key.to_uppercase().replace('_', " "))
        .collect();
    let mut rows = vec![head];
    for entry in entries {
        rows.push(first.keys().map(|key| cell_text(&entry[key])).collect());
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..first.len()).map(width).collect();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        print_line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell_text).collect::<Vec<_>>().join(","),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key} ({})", cell_text(value)));
            entries.collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}
