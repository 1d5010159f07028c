//! The pages for people.

pub(crate) mod samples;
