//! The values beside a template of headers ([`super::header_template`]), as bytes.

/// Appends a number in LEB128, which has fewer bytes for smaller numbers.
pub(super) fn push_number(values: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        values.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    values.push((number & 0x7f) as u8);
}

/// Appends a number whose lowest bit is made its sign, so that small negative numbers have few bytes too.
pub(super) fn push_signed_number(values: &mut Vec<u8>, number: i64) {
    push_number(values, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Reads values one after the other. `None`: there are not so many.
pub(super) struct ValueReader<'a>(pub(super) &'a [u8]);

impl<'a> ValueReader<'a> {
    pub(super) fn read_bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn read_number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.read_bytes(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn read_signed_number(&mut self) -> Option<i64> {
        let number = self.read_number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}
