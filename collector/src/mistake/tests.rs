use super::*;

fn arrival(method: &str, path: &str, headers: &[(&str, &str)]) -> Arrival {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Arrival::of(&request.body(()).unwrap())
}

#[test]
fn each_mistake_of_a_request_is_told_with_what_to_change() {
    let grpc = [("content-type", "application/grpc")];
    let text = [("content-type", "text/plain")];
    let form = [("content-type", "application/grpc-web+proto")];
    let lz4 = [("grpc-encoding", "lz4")];
    let gzip = [("content-encoding", "gzip")];
    let prometheus = [("x-prometheus-remote-write-version", "0.1.0")];
    let json = [("content-type", "application/json")];
    let malformed = || Refusal::Malformed(crate::otlp::Malformed::new(String::new(), "x"));
    let table = [
        ("POST", "/", &[][..], Refusal::NoSuchPath, "without its path"),
        ("POST", "/v1/trace", &[], Refusal::NoSuchPath, "/v1/trace is not the path; it is /v1/traces"),
        ("POST", "/V1/Logs", &[], Refusal::NoSuchPath, "it is /v1/logs"),
        ("POST", "/otlp/v1/metrics", &[], Refusal::NoSuchPath, "it is /v1/metrics"),
        ("POST", "/v1/traces/v1/traces", &[], Refusal::NoSuchPath, "there twice"),
        ("POST", "/api/v2/spans", &[], Refusal::NoSuchPath, "Zipkin"),
        ("POST", "/loki/api/v1/push", &[], Refusal::NoSuchPath, "Loki's own format"),
        ("POST", "/api/v1/push", &[], Refusal::NoSuchPath, "Remote-Write is received at /api/v1/write"),
        ("POST", "/prom", &prometheus, Refusal::NoSuchPath, "/prom is not the path; Prometheus Remote-Write is"),
        ("POST", "/api/v1/write", &[], malformed(), "message of Remote-Write"),
        ("POST", "/nope", &[], Refusal::NoSuchPath, "Nothing is received at /nope"),
        (
            "POST",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            &[],
            Refusal::NoSuchPath,
            "over HTTP/1.1. A proxy",
        ),
        ("POST", "/v1/traces", &grpc, Refusal::NoSuchGrpcMethod, "gRPC was sent to a path of OTLP/HTTP"),
        ("POST", "/a.B/C", &grpc, Refusal::NoSuchGrpcMethod, "not a method of OTLP"),
        ("GET", "/v1/traces", &[], Refusal::Method, "It was GET"),
        ("POST", "/v1/traces", &text, Refusal::ContentType, "It was text/plain"),
        ("POST", "/v1/traces", &[], Refusal::ContentType, "no content-type"),
        ("POST", "/v1/traces", &form, Refusal::ContentType, "gRPC-Web"),
        ("POST", "/v1/traces", &lz4, Refusal::GrpcEncoding, "It was lz4"),
        ("POST", "/v1/traces", &json, malformed(), "not OTLP in JSON"),
        ("POST", "/v1/traces", &[], malformed(), "each signal to its own path"),
        ("POST", "/v1/traces", &[], Refusal::Disguised(Disguise::Compressed("zstd")), "Send content-encoding: zstd"),
        ("POST", "/v1/traces", &gzip, Refusal::Disguised(Disguise::Compressed("gzip")), "compressed twice"),
        ("POST", "/a.B/C", &grpc, Refusal::Disguised(Disguise::Compressed("gzip")), "Send grpc-encoding: gzip"),
        ("POST", "/a.B/C", &grpc, Refusal::Disguised(Disguise::Json), "protobuf alone"),
        ("POST", "/v1/traces", &[], Refusal::Disguised(Disguise::Json), "content-type: application/json"),
        ("POST", "/v1/traces", &json, Refusal::Disguised(Disguise::Protobuf), "content-type: application/x-protobuf"),
        ("POST", "/v1/traces", &gzip, Refusal::CutShort("gzip"), "is missing"),
        ("POST", "/v1/traces", &gzip, Refusal::ZstdWindow, "--long"),
    ];
    for (method, path, headers, refusal, words) in table {
        let mistake = arrival(method, path, headers).mistake(&refusal);
        assert!(mistake.fix.contains(words), "{method} {path} {refusal}: {}", mistake.fix);
        assert_eq!(mistake.step, Step::Request, "{path}");
    }
    let full = Refusal::Store(AppendError::Full { free: 1, reserve: 2 });
    assert_eq!(arrival("POST", "/v1/traces", &[]).mistake(&full).step, Step::Storing);
}

#[test]
fn what_is_repeated_of_a_request_is_cut() {
    let path = format!("/{}", "x".repeat(5_000));
    let arrival = arrival("POST", &path, &[]);
    assert!(arrival.mistake(&Refusal::NoSuchPath).fix.len() < 300 && arrival.words().len() < 300);
}

#[test]
fn the_first_bytes_tell_what_is_no_http() {
    let table: [(&[u8], &str); 7] = [
        (&[0x16, 0x03, 0x01, 0x02, 0x00], "the client speaks TLS"),
        (b"PROXY TCP4 10.0.0.1", "PROXY protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n", "PROXY protocol"),
        (b"<14>Nov 23 host app: hello", "neither HTTP nor gRPC"),
        (&[0x80, 0x01, 0, 1], "neither HTTP nor gRPC"),
        (b"POST /v1/traces HTTP/1.1", ""),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
    ];
    for (bytes, words) in table {
        let found = of_first_bytes(bytes).map_or("", |(what, _)| what);
        assert!(found.contains(words) && found.is_empty() == words.is_empty(), "{bytes:?}: {found}");
    }
}
