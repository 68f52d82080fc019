//! Clients that are refused before all of their body is there: they read why.

use super::*;

#[tokio::test]
async fn a_client_that_sends_too_much_still_reads_why() {
    let server = server(Limits { max_body: 1 << 20, ..Limits::default() }).await;
    let head = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";
    let answer = http1(server.address, head, &vec![b' '; 3 << 19]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_is_refused_before_its_body_is_read_still_reads_why() {
    let server = server(Limits { max_in_progress: 1 << 20, ..Limits::default() }).await;
    let body = vec![b' '; 24 << 20];
    let table = [
        ("POST /v1/log HTTP/1.1\r\ncontent-type: application/json", "404"),
        ("PUT /v1/logs HTTP/1.1\r\ncontent-type: application/json", "405"),
        ("POST /v1/logs HTTP/1.1\r\ncontent-type: text/csv", "415"),
        ("POST /v1/logs HTTP/1.1\r\ncontent-type: application/json\r\ncontent-encoding: br", "415"),
        ("POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", "429"),
        ("POST /api/v1/write HTTP/1.1\r\ncontent-type: application/x-protobuf", "503"),
        ("POST /x HTTP/1.1\r\ncontent-type: application/grpc", "200"),
    ];
    for (head, status) in table {
        let answer = http1(server.address, head, &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_a_body_is_refused_without_it() {
    let server = server(Limits { max_body: 1 << 20, ..Limits::default() }).await;
    for (path, length, status) in [("/v1/log", 9, "404"), ("/v1/logs", 2 << 20, "413")] {
        let head = format!(
            "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\nexpect: 100-continue\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}
