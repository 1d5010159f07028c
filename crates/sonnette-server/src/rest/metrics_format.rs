//! The two text formats of the metrics, and which of them a client prefers.

use http::{HeaderMap, header};

/// The media type of `OpenMetrics`.
pub(crate) const OPEN_METRICS_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of Prometheus's own format.
pub(crate) const PROMETHEUS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text format of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricsFormat {
    /// `OpenMetrics`, the default.
    OpenMetrics,
    /// Prometheus's own, version 0.0.4.
    Prometheus,
}

impl MetricsFormat {
    /// The format that `Accept` prefers.
    pub(crate) fn accepted_by(headers: &HeaderMap) -> Self {
        let accepts: Vec<&str> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let quality = |media: &str| {
            let ranges = accepts.iter().filter_map(|range| {
                let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
                name.trim()
                    .eq_ignore_ascii_case(media)
                    .then(|| quality_of(parameters))
            });
            ranges.fold(0.0, f32::max)
        };
        if quality("text/plain") > quality("application/openmetrics-text") {
            Self::Prometheus
        } else {
            Self::OpenMetrics
        }
    }
}

fn quality_of(parameters: &str) -> f32 {
    let mut parameters = parameters.split(';').map(str::trim);
    let quality = parameters.find_map(|parameter| parameter.strip_prefix("q=")?.parse().ok());
    quality.unwrap_or(1.0)
}

/// `OpenMetrics` text in Prometheus's own format: without units and the end mark, and with the suffix `_total` in the name
/// of a counter's family.
pub(crate) fn prometheus_text(open_metrics: &str) -> String {
    let counters: Vec<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let comment = ["# HELP ", "# TYPE "]
            .into_iter()
            .find_map(|prefix| Some((prefix, line.strip_prefix(prefix)?.split_once(' ')?)));
        match comment {
            Some((prefix, (name, rest))) if counters.contains(&name) => {
                text.extend([prefix, name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_preferred_format_is_chosen() {
        use MetricsFormat::{OpenMetrics, Prometheus};
        for (accept, format) in [
            ("", OpenMetrics),
            ("*/*", OpenMetrics),
            ("text/plain; version=0.0.4", Prometheus),
            ("Text/Plain", Prometheus),
            (
                "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.3, text/plain;version=0.0.4;q=0.4",
                Prometheus,
            ),
        ] {
            let value = HeaderValue::from_static(accept);
            let headers = HeaderMap::from_iter([(header::ACCEPT, value)]);
            assert_eq!(MetricsFormat::accepted_by(&headers), format, "{accept}");
        }
    }

    #[test]
    fn counters_keep_their_type() {
        let open = "# HELP a_seconds Age.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n\
                    # HELP n Number.\n# TYPE n counter\nn_total{x=\"y\"} 2\n# EOF\n";
        let expected = "# HELP a_seconds Age.\n# TYPE a_seconds gauge\na_seconds 1\n\
                        # HELP n_total Number.\n# TYPE n_total counter\nn_total{x=\"y\"} 2\n";
        assert_eq!(prometheus_text(open), expected);
    }
}
