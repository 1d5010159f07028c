//! The pages for people.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "no page shows the samples so far")
)]
pub(crate) mod samples;
