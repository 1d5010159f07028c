//! A histogram of response times that takes few bytes for any number of them.

use std::collections::BTreeMap;
use std::time::Duration;

/// The end of the first bin, in microseconds.
const FIRST_BIN_END: u64 = 250;
/// The last bin, which has no end. It begins at about 55 s.
const LAST_BIN: u8 = 72;
/// The starts of the four bins of an octave, in thousandths of the octave's start.
const QUARTER_STARTS: [u64; 4] = [1_000, 1_189, 1_414, 1_682];

/// Counts of response times in fixed bins: four per octave from 0.25 ms on, so that a quantile is at most a fifth off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatencyHistogram {
    /// The counts of the bins that are not empty.
    bins: BTreeMap<u8, u64>,
}

impl LatencyHistogram {
    /// Adds one response time.
    pub fn add(&mut self, took: Duration) {
        self.count_in(bin_of(took), 1);
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (bin, count) in &other.bins {
            self.count_in(*bin, *count);
        }
    }

    fn count_in(&mut self, bin: u8, count: u64) {
        let sum = self.bins.entry(bin).or_default();
        *sum = sum.saturating_add(count);
    }

    /// The number of response times.
    pub fn count(&self) -> u64 {
        self.bins
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The response time that `percent` of all do not exceed, in the same bin as the exact value; `None` if empty.
    pub fn quantile(&self, percent: u8) -> Option<Duration> {
        let all = u128::from(self.count());
        let rank = (all * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut below = 0;
        for (bin, count) in &self.bins {
            let count = u128::from(*count);
            if rank <= below + count {
                // The times of a bin are assumed to be spread evenly.
                let (from, to) = (bin_start(*bin), bin_start(bin + 1));
                let share = u128::from(to - from) * (2 * (rank - below) - 1) / (2 * count);
                let within = u64::try_from(share).unwrap_or_default();
                return Some(Duration::from_micros(from + within));
            }
            below += count;
        }
        None
    }

    /// The stored form: a few bytes for each bin that is not empty.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(3 * self.bins.len());
        for (bin, count) in &self.bins {
            bytes.push(*bin);
            let mut rest = *count;
            while rest >= 0x80 {
                bytes.push(low_bits(rest) | 0x80);
                rest >>= 7;
            }
            bytes.push(low_bits(rest));
        }
        bytes
    }

    /// Reads the form of [`to_bytes`](Self::to_bytes); `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut histogram = Self::default();
        let mut bytes = bytes.iter();
        while let Some(bin) = bytes.next() {
            let mut count = 0_u64;
            for place in 0.. {
                let byte = bytes.next()?;
                let bits = u64::from(byte & 0x7f);
                count |= bits
                    .checked_shl(7 * place)
                    .filter(|b| b >> (7 * place) == bits)?;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let is_valid = *bin <= LAST_BIN && count > 0;
            if !is_valid || histogram.bins.insert(*bin, count).is_some() {
                return None;
            }
        }
        Some(histogram)
    }
}

fn low_bits(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

fn bin_of(took: Duration) -> u8 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let Some(octave) = (micros / FIRST_BIN_END).checked_ilog2() else {
        return 0;
    };
    let quarters = QUARTER_STARTS
        .iter()
        .filter(|thousandths| micros >= quarter(octave, **thousandths))
        .count();
    let bin = 4 * u64::from(octave) + quarters as u64;
    u8::try_from(bin).map_or(LAST_BIN, |bin| bin.min(LAST_BIN))
}

/// The start of a bin in microseconds. The start of the bin after the last is the assumed end of the last.
fn bin_start(bin: u8) -> u64 {
    match bin.checked_sub(1) {
        None => 0,
        Some(at) => quarter(u32::from(at / 4), QUARTER_STARTS[usize::from(at % 4)]),
    }
}

fn quarter(octave: u32, thousandths: u64) -> u64 {
    (FIRST_BIN_END << octave.min(40)) * thousandths / 1_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(micros: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for micros in micros {
            histogram.add(Duration::from_micros(*micros));
        }
        histogram
    }

    #[test]
    fn bins_are_quarters_of_octaves() {
        for (micros, bin) in [
            (0, 0),
            (249, 0),
            (250, 1),
            (296, 1),
            (297, 2),
            (353, 3),
            (420, 4),
            (499, 4),
            (500, 5),
            (30_000_000, 68),
            (60_000_000, LAST_BIN),
            (u64::MAX, LAST_BIN),
        ] {
            assert_eq!(bin_of(Duration::from_micros(micros)), bin, "{micros}");
        }
    }

    #[test]
    fn every_bin_begins_where_it_says() {
        for bin in 1..=LAST_BIN {
            let from = bin_start(bin);
            assert_eq!(bin_of(Duration::from_micros(from)), bin);
            assert_eq!(bin_of(Duration::from_micros(from - 1)), bin - 1);
        }
    }

    #[test]
    fn an_empty_histogram_has_no_quantile_and_no_bytes() {
        let none = LatencyHistogram::default();
        assert_eq!(none.quantile(50), None);
        assert_eq!(none.count(), 0);
        assert!(none.to_bytes().is_empty());
    }

    #[test]
    fn bytes_of_something_else_are_refused() {
        for bytes in [
            &[1][..],
            &[1, 0],
            &[73, 1],
            &[1, 1, 1, 1],
            &[1, 0x80],
            &[1; 3],
        ] {
            assert_eq!(LatencyHistogram::from_bytes(bytes), None, "{bytes:?}");
        }
        let mut too_large = vec![1];
        too_large.extend([0xff; 9]);
        too_large.push(2);
        assert_eq!(LatencyHistogram::from_bytes(&too_large), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_in_the_bin_of_the_exact_one(
            mut micros in prop::collection::vec(0..40_000_000_u64, 1..200),
            percent in 0..=100_u8,
        ) {
            let quantile = times(&micros).quantile(percent).unwrap();
            micros.sort_unstable();
            let rank = (micros.len() * usize::from(percent)).div_ceil(100).max(1);
            let exact = Duration::from_micros(micros[rank - 1]);
            prop_assert_eq!(bin_of(quantile), bin_of(exact), "{:?} for {:?}", quantile, exact);
        }

        #[test]
        fn merging_two_histograms_adds_their_counts(
            one in prop::collection::vec(0..100_000_000_u64, 0..50),
            other in prop::collection::vec(0..100_000_000_u64, 0..50),
        ) {
            let mut sum = times(&one);
            sum.merge(&times(&other));
            prop_assert_eq!(sum, times(&[one, other].concat()));
        }

        #[test]
        fn a_histogram_survives_its_stored_form(bins in prop::collection::btree_map(0..=LAST_BIN, 1..=u64::MAX, 0..73)) {
            let times = LatencyHistogram { bins };
            let bytes = times.to_bytes();
            prop_assert_eq!(LatencyHistogram::from_bytes(&bytes), Some(times));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(times) = LatencyHistogram::from_bytes(&bytes) {
                times.quantile(50);
            }
        }
    }
}
