//! Mails to servers on real sockets: one that takes them, with and without TLS, and those that refuse.

use std::sync::{Arc, Mutex};

use lettre::message::Mailbox;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::alerting::bodies::{Stored, sample};
use crate::alerting::outbox::prepare::{Outgoing, prepare};
use crate::alerting::{Email, Held, Kind, Networks};

/// 2026-09-01T10:00:00Z
const NOW: Nanos = 1_788_256_800 * SECOND;

/// How a server behaves.
#[derive(Clone, Default)]
struct Server {
    /// TLS of its own certificate, offered by STARTTLS or spoken from the start.
    acceptor: Option<TlsAcceptor>,
    is_wrapped: bool,
    /// Its answer to a command that begins with the text.
    refuses: Option<(&'static str, &'static str)>,
    /// What was said to it, the mail included, once TLS is there marked so.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = self.clone();
                tokio::spawn(async move {
                    let Some(acceptor) = server.acceptor.clone().filter(|_| server.is_wrapped) else {
                        if let Some(stream) = server.talk(stream, true).await {
                            let acceptor = server.acceptor.clone().unwrap();
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            server.talk(stream, false).await;
                        }
                        return;
                    };
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    stream.write_all(b"220 mail.test ready\r\n").await.unwrap();
                    server.talk(stream, false).await;
                });
            }
        });
        port
    }

    /// Talks SMTP; gives the stream back when TLS is to begin. `is_first`: nothing was said yet, and without TLS.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, is_first: bool) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if is_first && stream.write_all(b"220 mail.test ready\r\n").await.is_err() {
            return None;
        }
        let mut in_mail = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            let mark = if is_first { "" } else { "tls " };
            self.heard.lock().unwrap().push(format!("{mark}{line}"));
            let answer = match line.as_str() {
                _ if in_mail && line != "." => continue,
                "." => {
                    in_mail = false;
                    "250 taken"
                }
                line if self.refuses.is_some_and(|(command, _)| line.starts_with(command)) => self.refuses.unwrap().1,
                line if line.starts_with("EHLO") && is_first && self.acceptor.is_some() => {
                    "250-mail.test\r\n250 STARTTLS"
                }
                line if line.starts_with("EHLO") => "250-mail.test\r\n250 AUTH PLAIN",
                "STARTTLS" => {
                    stream.write_all(b"220 go\r\n").await.ok()?;
                    return Some(stream.into_inner());
                }
                "DATA" => {
                    in_mail = true;
                    "354 go on"
                }
                line if line.starts_with("AUTH") => "235 welcome",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A certificate for localhost, as PEM and as a server's.
fn certificate() -> (String, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    (cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn email() -> Email {
    let mailbox = |text: &str| text.parse::<Mailbox>().unwrap();
    Email {
        from: mailbox("Haechi <haechi@box.test>"),
        to: vec![mailbox("a@x.test"), mailbox("b@x.test")],
        login: None,
        ca_file: None,
        is_plain: false,
    }
}

async fn mail(email: Email, url: &str, networks: Networks) -> Answer {
    let timeout = Duration::from_secs(5);
    let receiver = Receiver { kind: Kind::Email(Box::new(email)), networks, timeout, ..Receiver::new("team", url) };
    let Ok(Outgoing::Mail(letter)) = prepare(&receiver, sample("team", "http://box", true, NOW), NOW) else {
        panic!("a mail is ready to be sent");
    };
    send(&receiver, &letter, "key-1", NOW).await.0
}

#[tokio::test]
async fn a_mail_says_what_the_notification_does() {
    let server = Server::default();
    let port = server.clone().start().await;
    let answer = mail(Email { is_plain: true, ..email() }, &format!("smtp://127.0.0.1:{port}"), Networks::Any).await;
    assert_eq!(answer, Answer::Delivered(250));
    let heard = server.heard();
    let has = |line: &str| assert!(heard.iter().any(|it| it == line), "{line}: {heard:#?}");
    for line in [
        "EHLO box.test",
        "MAIL FROM:<haechi@box.test>",
        "RCPT TO:<a@x.test>",
        "RCPT TO:<b@x.test>",
        "From: Haechi <haechi@box.test>",
        "To: a@x.test, b@x.test",
        "Subject: [FIRING:1] TestNotification haechi (info)",
        "Message-ID: <key-1@box.test>",
        "Date: Tue, 01 Sep 2026 10:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "A test of this receiver: nothing is wrong",
        "details: http://box/alerts",
    ] {
        has(line);
    }
    // All mails of one group refer to the same.
    let group = Stored::read(&sample("team", "http://box", true, NOW)).unwrap().group_key;
    has(&format!("References: <{:016x}@box.test>", xxh3_64(group.as_bytes())));
}

#[tokio::test]
async fn a_password_is_said_within_tls_only() {
    let dir = tempfile::tempdir().unwrap();
    let (pem, acceptor) = certificate();
    let (ca, password) = (dir.path().join("ca.pem"), dir.path().join("password"));
    std::fs::write(&ca, pem).unwrap();
    std::fs::write(&password, "hunter2\n").unwrap();
    let login = Some(("user".to_owned(), Held::File(password)));
    // AUTH PLAIN of RFC 4616: a zero, the user, a zero, the password.
    let spoken = "tls AUTH PLAIN AHVzZXIAaHVudGVyMg==";
    for (scheme, is_wrapped) in [("smtp", false), ("smtps", true)] {
        let server = Server { acceptor: Some(acceptor.clone()), is_wrapped, ..Server::default() };
        let port = server.clone().start().await;
        let url = format!("{scheme}://localhost:{port}");
        let trusting = Email { login: login.clone(), ca_file: Some(ca.clone()), ..email() };
        assert_eq!(mail(trusting, &url, Networks::Any).await, Answer::Delivered(250), "{scheme}");
        let heard = server.heard();
        assert!(heard.iter().any(|line| line == spoken), "{heard:#?}");
        assert!(heard.iter().all(|line| line.starts_with("tls ") || !line.contains("AUTH")), "{heard:#?}");

        // A certificate that nobody vouches for.
        let answer = mail(Email { login: login.clone(), ..email() }, &url, Networks::Any).await;
        let Answer::Again { error, code: None, .. } = answer else { panic!("{answer:?}") };
        assert!(error.contains("certificate") && !error.contains("hunter2"), "{error}");
    }
    // Without STARTTLS nothing is said at all.
    let server = Server::default();
    let port = server.clone().start().await;
    let answer = mail(Email { login, ..email() }, &format!("smtp://localhost:{port}"), Networks::Any).await;
    assert!(matches!(&answer, Answer::Again { error, .. } if error.contains("STARTTLS")), "{answer:?}");
    assert!(server.heard().iter().all(|line| !line.contains("AUTH") && !line.contains("MAIL")), "{:?}", server.heard());
}

#[tokio::test]
async fn refusals_are_final_or_tried_again_by_their_code() {
    let table = [
        ("RCPT", "550 no such user", "final", Some(550)),
        ("RCPT", "450 mailbox busy", "again", Some(450)),
        ("MAIL", "421 too many", "again", Some(421)),
        ("DATA", "554 spam", "final", Some(554)),
        ("EHLO", "not smtp at all", "again", None),
    ];
    for (command, said, expected, code) in table {
        let server = Server { refuses: Some((command, said)), ..Server::default() };
        let url = format!("smtp://127.0.0.1:{}", server.start().await);
        let (word, got, error) = match mail(Email { is_plain: true, ..email() }, &url, Networks::Any).await {
            Answer::Delivered(code) => ("delivered", Some(code), String::new()),
            Answer::Again { error, code, .. } => ("again", code, error),
            Answer::Final { error, code } => ("final", code, error),
        };
        assert_eq!((word, got), (expected, code), "{command}: {error}");
        assert!(code.is_none() || error.contains(&said[4..]), "{error}");
    }
}

#[tokio::test]
async fn servers_that_hang_are_gone_or_are_not_public_are_tried_again() {
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("smtp://{}", hangs.local_addr().unwrap());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let table = [
        (hanging.clone(), Networks::Any, "no answer within 5 s"),
        (format!("smtp://{gone}"), Networks::Any, "Connection error: "),
        (hanging, Networks::Public, "127.0.0.1 is not a public address"),
        ("smtp://nowhere.invalid".to_owned(), Networks::Any, "cannot find the address of nowhere.invalid"),
    ];
    for (url, networks, expected) in table {
        let answer = mail(email(), &url, networks).await;
        assert!(
            matches!(&answer, Answer::Again { error, code: None, .. } if error.starts_with(expected)),
            "{answer:?}"
        );
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"] {
        assert_eq!(check_authorities(text.as_bytes()).unwrap_err(), "has no certificate in PEM", "{text}");
    }
    assert_eq!(check_authorities(certificate().0.as_bytes()), Ok(()));
}
