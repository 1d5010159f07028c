//! Secrets as they are shown: not.

use serde_json::{Map, Value};
use sonnette::domain::ExtraHeader;

/// What is shown in place of a secret.
pub(crate) const MASK: &str = "***";

/// Extra headers with their values masked.
pub(crate) fn shown(headers: &[ExtraHeader]) -> Map<String, Value> {
    headers
        .iter()
        .map(|header| (header.name.clone(), MASK.into()))
        .collect()
}

/// `wanted`, where a masked value stands for the one stored under that name. The name of one that is not stored comes
/// back as the error.
pub(crate) fn unmasked(
    wanted: Vec<ExtraHeader>,
    stored: &[ExtraHeader],
) -> Result<Vec<ExtraHeader>, String> {
    let unmask = |header: ExtraHeader| {
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
    wanted.into_iter().map(unmask).collect()
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
        assert_eq!(shown(&stored)["X-Key"], MASK);
        let kept = unmasked(
            vec![header("x-key", MASK), header("X-New", "fresh")],
            &stored,
        )
        .unwrap();
        assert_eq!(kept, [header("x-key", "secret"), header("X-New", "fresh")]);
        assert_eq!(
            unmasked(vec![header("X-Other", MASK)], &stored),
            Err("X-Other".to_owned())
        );
    }
}
