//! How long answers took, in sum: few bytes for any number of them.

use std::collections::BTreeMap;
use std::time::Duration;

/// What the first bins end at and go on from, in microseconds.
const FIRST: u64 = 250;
/// The last bin, which has no end: it begins at about 55 s.
const LAST: u8 = 72;
/// Where the quarters of an octave begin, in thousandths of its beginning.
const QUARTERS: [u64; 4] = [1_000, 1_189, 1_414, 1_682];

/// How many answers took how long, in fixed bins: four to an octave from 0.25 ms on, so that a time read out of it is at
/// most a fifth off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatencyHistogram {
    /// How many fell into each bin that is not empty.
    bins: BTreeMap<u8, u64>,
}

impl LatencyHistogram {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        self.count_in(bin_of(took), 1);
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (bin, count) in &other.bins {
            self.count_in(*bin, *count);
        }
    }

    fn count_in(&mut self, bin: u8, count: u64) {
        let sum = self.bins.entry(bin).or_default();
        *sum = sum.saturating_add(count);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.bins
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// What `percent` of 100 took no longer than, about: in the same bin as the exact value. None: nothing was counted.
    pub fn quantile(&self, percent: u8) -> Option<Duration> {
        let all = u128::from(self.count());
        let rank = (all * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut below = 0;
        for (bin, count) in &self.bins {
            let count = u128::from(*count);
            if rank <= below + count {
                // Those of a bin are taken to be spread evenly over it.
                let (from, to) = (beginning(*bin), beginning(bin + 1));
                let share = u128::from(to - from) * (2 * (rank - below) - 1) / (2 * count);
                let within = u64::try_from(share).unwrap_or_default();
                return Some(Duration::from_micros(from + within));
            }
            below += count;
        }
        None
    }

    /// For keeping: a few bytes for each bin that is not empty.
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

    /// What [`to_bytes`](Self::to_bytes) made; None for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut times = Self::default();
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
            let known = *bin <= LAST && count > 0;
            if !known || times.bins.insert(*bin, count).is_some() {
                return None;
            }
        }
        Some(times)
    }
}

fn low_bits(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

fn bin_of(took: Duration) -> u8 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let Some(octave) = (micros / FIRST).checked_ilog2() else {
        return 0;
    };
    let quarters = QUARTERS
        .iter()
        .filter(|thousandths| micros >= quarter(octave, **thousandths))
        .count();
    let bin = 4 * u64::from(octave) + quarters as u64;
    u8::try_from(bin).map_or(LAST, |bin| bin.min(LAST))
}

/// Where a bin begins, in microseconds; for the one after the last, where that is taken to end.
fn beginning(bin: u8) -> u64 {
    match bin.checked_sub(1) {
        None => 0,
        Some(at) => quarter(u32::from(at / 4), QUARTERS[usize::from(at % 4)]),
    }
}

fn quarter(octave: u32, thousandths: u64) -> u64 {
    (FIRST << octave.min(40)) * thousandths / 1_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(micros: &[u64]) -> LatencyHistogram {
        let mut times = LatencyHistogram::default();
        for micros in micros {
            times.add(Duration::from_micros(*micros));
        }
        times
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
            (60_000_000, LAST),
            (u64::MAX, LAST),
        ] {
            assert_eq!(bin_of(Duration::from_micros(micros)), bin, "{micros}");
        }
    }

    #[test]
    fn every_bin_begins_where_it_says() {
        for bin in 1..=LAST {
            let from = beginning(bin);
            assert_eq!(bin_of(Duration::from_micros(from)), bin);
            assert_eq!(bin_of(Duration::from_micros(from - 1)), bin - 1);
        }
    }

    #[test]
    fn nothing_has_no_quantile_and_no_bytes() {
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
        fn the_sum_of_two_is_all_of_both(
            one in prop::collection::vec(0..100_000_000_u64, 0..50),
            other in prop::collection::vec(0..100_000_000_u64, 0..50),
        ) {
            let mut sum = times(&one);
            sum.merge(&times(&other));
            prop_assert_eq!(sum, times(&[one, other].concat()));
        }

        #[test]
        fn bytes_hold_everything(bins in prop::collection::btree_map(0..=LAST, 1..=u64::MAX, 0..73)) {
            let times = LatencyHistogram { bins };
            let bytes = times.to_bytes();
            prop_assert_eq!(LatencyHistogram::from_bytes(&bytes), Some(times));
        }

        #[test]
        fn no_bytes_break_the_reading(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(times) = LatencyHistogram::from_bytes(&bytes) {
                times.quantile(50);
            }
        }
    }
}
