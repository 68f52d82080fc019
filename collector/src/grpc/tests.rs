//! Framing of unary calls.

use bytes::Bytes;

use super::{Coding, is_grpc, unframe};
use crate::refusal::Refusal;

#[test]
fn content_types_of_grpc() {
    let cases = [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("Application/gRPC;x=1", true),
        ("application/grpc-web", false),
        ("application/grpcx", false),
        ("application/json", false),
        ("", false),
    ];
    for (content_type, expected) in cases {
        let headers = [("content-type".parse().unwrap(), content_type.parse().unwrap())].into_iter().collect();
        assert_eq!(is_grpc(&headers), expected, "{content_type}");
    }
}

#[test]
fn a_request_has_one_message_of_the_length_it_says() {
    let cases: [(&[u8], Coding, Option<Coding>); 9] = [
        (&[0, 0, 0, 0, 0], Coding::Identity, Some(Coding::Identity)),
        (&[0, 0, 0, 0, 1, 7], Coding::Gzip, Some(Coding::Identity)),
        (&[1, 0, 0, 0, 1, 7], Coding::Gzip, Some(Coding::Gzip)),
        (&[1, 0, 0, 0, 1, 7], Coding::Identity, None),
        (&[2, 0, 0, 0, 1, 7], Coding::Gzip, None),
        (&[], Coding::Identity, None),
        (&[0, 0, 0, 0], Coding::Identity, None),
        (&[0, 0xff, 0xff, 0xff, 0xff, 7], Coding::Identity, None),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Coding::Identity, None),
    ];
    for (body, declared, expected) in cases {
        match (unframe(Bytes::copy_from_slice(body), declared), expected) {
            (Ok((coding, message)), Some(expected)) => {
                assert_eq!((coding, &message[..]), (expected, &body[5..]));
            }
            (Err(Refusal::GrpcFrame(_)), None) => {}
            (other, _) => panic!("{body:?}: {other:?}"),
        }
    }
}
