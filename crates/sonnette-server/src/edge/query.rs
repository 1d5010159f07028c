//! The query string of a request, decoded.

/// A query string, decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes the text behind the `?`.
    pub(crate) fn new(query: &str) -> Self {
        Self(
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The last value of a parameter.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().rev().filter(|(key, _)| key == name);
        values.next().map(|(_, value)| value.as_str())
    }

    /// The `enabled` filter. Like pretix, it ignores an empty or invalid value.
    pub(crate) fn enabled(&self) -> Option<bool> {
        match self.last("enabled")?.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// Names and values in the order of the query.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enabled_filter() {
        for (query, enabled) in [
            ("enabled=true", Some(true)),
            ("enabled=TRUE", Some(true)),
            ("enabled=1", Some(true)),
            ("enabled=False", Some(false)),
            ("enabled=0", Some(false)),
            ("enabled=", None),
            ("enabled=yes", None),
            ("enabled=true&enabled=false", Some(false)),
            ("enabled=true&enabled=", None),
            ("Enabled=true", None),
            ("", None),
        ] {
            assert_eq!(Query::new(query).enabled(), enabled, "{query}");
        }
    }
}
