//! The body of an HTTP/1 response.

use super::received_response::BodySpace;

/// The most bytes of the extensions of all chunks, and of the trailers.
const MAX_SKIPPED_BYTES: usize = 16 * 1024;
/// The most digits of the size of a chunk.
const MAX_CHUNK_SIZE_DIGITS: u32 = 16;

/// Finds the body in what is received, and its end.
#[derive(Debug)]
pub(super) struct BodyDecoder {
    state: State,
    /// Bytes of extensions and trailers so far.
    skipped: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// This many bytes are left.
    Length(u64),
    UntilClose,
    ChunkSize {
        size: u64,
        digits: u32,
    },
    /// Behind the size of a chunk, up to the line feed.
    ChunkExtension {
        size: u64,
    },
    /// This many bytes of the chunk are left.
    ChunkData(u64),
    /// The line break after a chunk.
    ChunkEnd {
        has_carriage_return: bool,
    },
    /// Behind the last chunk. `is_line_empty`: since the last line feed, nothing but carriage returns.
    Trailers {
        is_line_empty: bool,
    },
}

/// What the decoder found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyProgress {
    /// All was body or belongs to it, and there is more to come.
    Incomplete,
    /// The body ends after this many bytes.
    Ended { consumed: usize },
    /// It is not read to its end, because it is larger than what is kept, or its trailers are too large.
    Exceeded,
    /// It cannot be read.
    Invalid,
}

impl BodyDecoder {
    pub(super) fn of_length(length: u64) -> Self {
        Self::new(State::Length(length))
    }

    pub(super) fn until_close() -> Self {
        Self::new(State::UntilClose)
    }

    pub(super) fn chunked() -> Self {
        Self::new(State::ChunkSize { size: 0, digits: 0 })
    }

    fn new(state: State) -> Self {
        Self { state, skipped: 0 }
    }

    /// Whether the body is complete if the connection is closed now.
    pub(super) fn may_end_with_connection(&self) -> bool {
        matches!(self.state, State::UntilClose) || self.has_all_data()
    }

    /// Whether nothing but trailers can follow.
    pub(super) fn has_all_data(&self) -> bool {
        matches!(self.state, State::Trailers { .. })
    }

    /// Passes the parts of the body in `input` to `push`.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        mut push: impl FnMut(&[u8]) -> BodySpace,
    ) -> BodyProgress {
        let mut rest = input;
        loop {
            let left = match self.state {
                State::Length(0) => return ended(input, rest),
                State::Length(left) | State::ChunkData(left) => left,
                State::UntilClose => u64::MAX,
                _ => {
                    let Some((first, others)) = rest.split_first() else {
                        return BodyProgress::Incomplete;
                    };
                    rest = others;
                    match self.step(*first) {
                        Step::Next(state) => self.state = state,
                        Step::End => return ended(input, rest),
                        Step::Exceeded => return BodyProgress::Exceeded,
                        Step::Invalid => return BodyProgress::Invalid,
                    }
                    continue;
                }
            };
            if rest.is_empty() {
                return BodyProgress::Incomplete;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (data, others) = rest.split_at(count);
            rest = others;
            if push(data) == BodySpace::Exceeded {
                return BodyProgress::Exceeded;
            }
            let left = left - count as u64;
            self.state = match self.state {
                State::Length(_) => State::Length(left),
                State::ChunkData(_) if left == 0 => State::ChunkEnd {
                    has_carriage_return: false,
                },
                State::ChunkData(_) => State::ChunkData(left),
                other => other,
            };
        }
    }

    /// Takes one byte that is not data.
    fn step(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (State::ChunkSize { size, digits: 1.. } | State::ChunkExtension { size }, b'\n') => {
                Step::Next(after_size(size))
            }
            (State::ChunkSize { size, digits: 1.. }, b'\r' | b';' | b' ' | b'\t') => {
                Step::Next(State::ChunkExtension { size })
            }
            (State::ChunkSize { size, digits }, digit) => match char::from(digit).to_digit(16) {
                Some(value) if digits < MAX_CHUNK_SIZE_DIGITS => Step::Next(State::ChunkSize {
                    size: size << 4 | u64::from(value),
                    digits: digits + 1,
                }),
                _ => Step::Invalid,
            },
            (State::ChunkEnd { .. }, b'\n') => Step::Next(State::ChunkSize { size: 0, digits: 0 }),
            (
                State::ChunkEnd {
                    has_carriage_return: false,
                },
                b'\r',
            ) => Step::Next(State::ChunkEnd {
                has_carriage_return: true,
            }),
            (
                State::Trailers {
                    is_line_empty: true,
                },
                b'\n',
            ) => Step::End,
            (State::ChunkExtension { .. }, _) if self.skip() => Step::Next(self.state),
            (State::Trailers { is_line_empty }, _) if self.skip() => Step::Next(State::Trailers {
                is_line_empty: byte == b'\n' || (is_line_empty && byte == b'\r'),
            }),
            (State::Trailers { .. }, _) => Step::Exceeded,
            _ => Step::Invalid,
        }
    }

    /// Counts a byte that is skipped. Returns whether the limit allows it.
    fn skip(&mut self) -> bool {
        self.skipped += 1;
        self.skipped <= MAX_SKIPPED_BYTES
    }
}

enum Step {
    Next(State),
    End,
    /// The trailers are too large. The body itself is complete.
    Exceeded,
    Invalid,
}

fn after_size(size: u64) -> State {
    if size == 0 {
        State::Trailers {
            is_line_empty: true,
        }
    } else {
        State::ChunkData(size)
    }
}

fn ended(input: &[u8], rest: &[u8]) -> BodyProgress {
    BodyProgress::Ended {
        consumed: input.len() - rest.len(),
    }
}
