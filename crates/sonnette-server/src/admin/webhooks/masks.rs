//! The mask that stands for a secret in what is shown.

use serde_json::{Map, Value};
use sonnette::domain::ExtraHeader;

/// What is shown in place of a secret.
pub(crate) const MASK: &str = "***";

/// Extra headers with their values masked.
pub(crate) fn mask_headers(headers: &[ExtraHeader]) -> Map<String, Value> {
    headers
        .iter()
        .map(|header| (header.name.clone(), MASK.into()))
        .collect()
}

/// Replaces each masked value by the one that is stored under the same name.
///
/// # Errors
/// The first name with a masked value and no stored one.
pub(crate) fn unmask(
    headers: Vec<ExtraHeader>,
    stored: &[ExtraHeader],
) -> Result<Vec<ExtraHeader>, String> {
    let replace = |header: ExtraHeader| {
        if header.value != MASK {
            return Ok(header);
        }
        let known = stored
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(&header.name));
        match known {
            Some(known) => Ok(ExtraHeader {
                name: header.name,
                value: known.value.clone(),
            }),
            None => Err(header.name),
        }
    };
    headers.into_iter().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> ExtraHeader {
        ExtraHeader {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn a_masked_value_keeps_what_is_stored() {
        let stored = [header("X-Key", "secret"), header("X-Old", "gone")];
        assert_eq!(mask_headers(&stored)["X-Key"], MASK);
        let kept = unmask(
            vec![header("x-key", MASK), header("X-New", "fresh")],
            &stored,
        )
        .unwrap();
        assert_eq!(kept, [header("x-key", "secret"), header("X-New", "fresh")]);
        assert_eq!(
            unmask(vec![header("X-Other", MASK)], &stored),
            Err("X-Other".to_owned())
        );
    }
}
