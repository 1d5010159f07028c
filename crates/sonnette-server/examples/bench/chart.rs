//! Bar charts as SVG, readable on light and dark pages.

use std::fmt::Write as _;

use crate::statistics::Rounds;

const WIDTH: f64 = 800.0;
const LABEL_WIDTH: f64 = 345.0;
const VALUE_WIDTH: f64 = 110.0;
const ROW_HEIGHT: f64 = 30.0;
const TITLE_HEIGHT: f64 = 44.0;

/// Horizontal bars: the median as a bar, the range as a line.
pub(crate) struct Chart {
    /// The name of the case, part of the file's name.
    pub(crate) case: &'static str,
    pub(crate) title: &'static str,
    pub(crate) decimals: usize,
    /// Follows each value.
    pub(crate) unit: &'static str,
    /// A value that is marked in all rows, such as a target.
    pub(crate) mark: Option<f64>,
    pub(crate) bars: Vec<(String, Rounds)>,
}

impl Chart {
    pub(crate) fn file_name(&self) -> String {
        format!("bench-{}.svg", self.case)
    }

    pub(crate) fn svg(&self) -> String {
        let height = TITLE_HEIGHT + ROW_HEIGHT * self.bars.len() as f64 + 12.0;
        let max = self.bars.iter().map(|(_, value)| value.max());
        let max = max.chain(self.mark).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / max;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             font-family=\"system-ui, sans-serif\" font-size=\"14\">\n<style>\n\
             text {{ fill: #1f2328 }} .bar {{ fill: #3b7dd8 }} .range {{ stroke: #1f2328 }} .mark {{ stroke: #b35900 }}\n\
             @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .range {{ stroke: #e6edf3 }} .mark {{ stroke: #f0a350 }} }}\n\
             </style>\n<title>{title}</title>\n<text x=\"8\" y=\"24\" font-weight=\"600\">{title}</text>\n",
            title = escape(self.title),
        );
        for (index, (label, value)) in self.bars.iter().enumerate() {
            let top = TITLE_HEIGHT + ROW_HEIGHT * index as f64;
            self.write_bar(&mut svg, top, scale, label, value);
        }
        if let Some(mark) = self.mark {
            let (x, bottom) = (LABEL_WIDTH + mark * scale, height - 8.0);
            // Writing to a string does not fail.
            let _ = writeln!(
                svg,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TITLE_HEIGHT}\" y2=\"{bottom:.1}\" stroke-dasharray=\"4 3\"/>"
            );
        }
        svg + "</svg>\n"
    }

    fn write_bar(&self, svg: &mut String, top: f64, scale: f64, label: &str, value: &Rounds) {
        let middle = top + ROW_HEIGHT / 2.0;
        let (median, min, max) = (value.median(), value.min(), value.max());
        let (decimals, unit) = (self.decimals, self.unit);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"bar\" x=\"{LABEL_WIDTH}\" y=\"{:.1}\" width=\"{:.1}\" height=\"18\" rx=\"2\"/>\n\
             <line class=\"range\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\">{median:.decimals$}{unit}</text>",
            LABEL_WIDTH - 10.0,
            middle + 5.0,
            escape(label),
            middle - 9.0,
            median * scale,
            LABEL_WIDTH + min * scale,
            LABEL_WIDTH + max * scale,
            LABEL_WIDTH + max * scale + 10.0,
            middle + 5.0,
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
