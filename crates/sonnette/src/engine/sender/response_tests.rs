//! Arbitrary bytes as a response: nothing panics, and the result does not depend on how they arrive.

use proptest::prelude::*;

use super::received_response::ReceivedResponse;
use super::response_body::BodyProgress;
use super::response_head::HeadParser;
use crate::domain::SendFailure;

/// How many bytes of a body are kept.
const LIMIT: usize = 64;

/// What was read of a response: its status, headers, body, and whether it has ended.
type ReadResponse = (u16, String, Vec<u8>, Result<bool, ()>);

/// Reads a response that arrives in pieces which end at `ends`, and then with the end of the connection.
fn read(bytes: &[u8], ends: &[usize]) -> Result<Option<ReadResponse>, SendFailure> {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut parser = HeadParser::default();
    let mut ends: Vec<_> = ends.iter().map(|end| *end.min(&bytes.len())).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut ends = ends.into_iter();
    let (head, mut arrived) = loop {
        let Some(end) = ends.next() else {
            return Ok(None);
        };
        if let Some(head) = parser.parse(&bytes[..end])? {
            break (head, end);
        }
    };
    let mut received = ReceivedResponse::new(LIMIT);
    received.set_status(head.status());
    head.for_each_field(|name, value| received.add_header(name, value, now));
    let (mut decoder, _) = head.body();
    let mut start = head.end();
    let mut body = Vec::new();
    let end = loop {
        let progress = decoder.decode(&bytes[start..arrived], |data| {
            body.extend_from_slice(data);
            received.push(data)
        });
        match progress {
            BodyProgress::Ended { consumed } => {
                assert!(start + consumed <= arrived);
                break Ok(true);
            }
            BodyProgress::Exceeded => break Ok(true),
            BodyProgress::Invalid => break Err(()),
            BodyProgress::Incomplete => {}
        }
        start = arrived;
        match ends.next() {
            Some(end) => arrived = end,
            None => break Ok(decoder.may_end_with_connection()),
        }
    };
    let (headers, kept) = received.into_headers_and_body();
    assert!(body.starts_with(&kept) && kept.len() <= LIMIT);
    Ok(Some((head.status(), headers, kept.to_vec(), end)))
}

/// Bytes that resemble a response in parts.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        proptest::sample::select(vec![
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 103 Early\n\n",
            "HTTP/1.0 404\r\n",
            "\r\n",
            "\n",
            "\r\n\r\n",
            "content-length: 5\r\n",
            "content-length: 18446744073709551615\r\n",
            "Transfer-Encoding: chunked\r\n",
            "transfer-encoding: gzip\r\n",
            "retry-after: 7\r\n",
            "X: y\r\n folded\r\n",
            "5\r\nhello\r\n",
            "ffffffffffffffff\r\n",
            "40;x\r\n0123456789012345678901234567890123456789",
            "0\r\n",
            "é: é\r\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_response_is_parsed_alike_however_it_is_split(
        bytes in response(),
        begins_well: bool,
        ends in proptest::collection::vec(0..200_usize, 0..8),
    ) {
        let mut response = Vec::new();
        if begins_well {
            response.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        }
        response.extend_from_slice(&bytes);
        let whole = read(&response, &[]);
        prop_assert_eq!(&read(&response, &ends), &whole);
        let each: Vec<_> = (0..response.len()).collect();
        prop_assert_eq!(&read(&response, &each), &whole);
    }
}

#[test]
fn a_head_of_exactly_the_limit_is_read() {
    let start = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ";
    for (length, is_read) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let filling = "x".repeat(length - start.len() - "\r\n\r\n".len());
        let response = format!("{start}{filling}\r\n\r\n");
        for ends in [vec![], vec![17, 64 * 1024], vec![64 * 1024 - 1]] {
            let result = read(response.as_bytes(), &ends);
            assert_eq!(
                result.is_ok_and(|r| r.is_some()),
                is_read,
                "{length} {ends:?}"
            );
        }
    }
}
