//! The report of a run: printed as it grows, and written into the documentation at the end.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::chart::Chart;

const BEGIN_MARKER: &str = "<!-- figures of make bench: begin -->";
const END_MARKER: &str = "<!-- figures of make bench: end -->";

/// The figures of one case.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// How the figures came about.
    pub(crate) description: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) chart: Option<Chart>,
}

/// A row with one figure.
pub(crate) fn figure(name: impl Into<String>, value: String) -> Vec<String> {
    vec![name.into(), value]
}

impl Section {
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.title, wrap(&self.description));
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let columns: Vec<String> = self.columns.iter().map(ToString::to_string).collect();
        text += &row(&columns);
        // Writing to a string does not fail.
        let _ = writeln!(text, "|{}", "---|".repeat(columns.len()));
        for cells in &self.rows {
            text += &row(cells);
        }
        if let Some(chart) = &self.chart {
            let _ = write!(
                text,
                "\n![{}](pictures/{})\n",
                chart.title,
                chart.file_name()
            );
        }
        text
    }
}

/// Replaces the figures in `docs/performance.md`, and writes the charts beside it.
pub(crate) fn write(docs: &Path, introduction: &str, sections: &[Section]) -> Result<()> {
    let file = docs.join("performance.md");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let (before, rest) = text
        .split_once(BEGIN_MARKER)
        .with_context(|| format!("{} has no line {BEGIN_MARKER}", file.display()))?;
    let (_, after) = rest
        .split_once(END_MARKER)
        .with_context(|| format!("{} has no line {END_MARKER}", file.display()))?;
    let mut figures = format!("{}\n", wrap(introduction));
    for section in sections {
        // Writing to a string does not fail.
        let _ = write!(figures, "\n{}", section.markdown());
        if let Some(chart) = &section.chart {
            let picture = docs.join("pictures").join(chart.file_name());
            std::fs::write(&picture, chart.svg()).with_context(|| picture.display().to_string())?;
        }
    }
    let text = format!("{before}{BEGIN_MARKER}\n\n{figures}\n{END_MARKER}{after}");
    std::fs::write(&file, text).with_context(|| file.display().to_string())
}

/// Breaks lines as the rest of the documentation does.
fn wrap(text: &str) -> String {
    const MAX_LINE_CHARS: usize = 120;
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let chars = word.chars().count();
        if length > 0 && length + 1 + chars > MAX_LINE_CHARS {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += chars;
    }
    lines
}
