//! Frames of HTTP/2 made by hand, for what a client library would not do. Source: RFC 9113, sections 4 and 6.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep_until};

/// How long after the last PING its acknowledgement, or a GOAWAY, may take.
const PATIENCE: Duration = Duration::from_secs(5);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

/// What a receiver may keep of the frames before the connection is given up as not HTTP/2.
const LARGEST_FRAME: usize = 1 << 20;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 0], payload].concat()
}

/// Sends `n` PINGs, the first at once, on a connection without calls. An error says what the receiver did about it.
pub(crate) async fn ping(address: &str, every: Duration, n: u64) -> Result<(), String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot connect: {error}"))?;
    let (mut reader, mut writer) = stream.into_split();
    let gone = |error: std::io::Error| format!("the connection ended: {error}");
    writer.write_all(&[PREFACE, &frame(SETTINGS, 0, &[])].concat()).await.map_err(gone)?;

    // Reading is a task of its own: what has been read of a frame must not be lost when it is time for the next.
    let (frames, mut received) = tokio::sync::mpsc::channel(16);
    let reading = tokio::spawn(async move {
        while let Ok(frame) = read_frame(&mut reader).await {
            if frames.send(frame).await.is_err() {
                break;
            }
        }
    });
    let (mut n_sent, mut n_acknowledged) = (0u64, 0u64);
    let mut times = interval(every);
    let end = Instant::now() + every * u32::try_from(n.saturating_sub(1)).unwrap_or(u32::MAX) + PATIENCE;
    let outcome = loop {
        tokio::select! {
            () = sleep_until(end) => break Ok(()),
            _ = times.tick(), if n_sent < n => {
                n_sent += 1;
                if let Err(error) = writer.write_all(&frame(PING, 0, &n_sent.to_be_bytes())).await {
                    break Err(gone(error));
                }
            }
            frame = received.recv() => match frame {
                None => break Err(format!("the connection was closed after {n_sent} pings")),
                Some(frame) => match answer(&frame, &mut n_acknowledged) {
                    Ok(None) => {}
                    Ok(Some(reply)) => if let Err(error) = writer.write_all(&reply).await {
                        break Err(gone(error));
                    },
                    Err(error) => break Err(format!("{error} after {n_sent} pings")),
                },
            },
        }
    };
    reading.abort();
    outcome?;
    if n_acknowledged < n_sent {
        return Err(format!("{n_acknowledged} of {n_sent} pings were acknowledged"));
    }
    Ok(())
}

struct Received {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

/// What is to be sent for a frame. A GOAWAY is an error.
fn answer(received: &Received, n_acknowledged: &mut u64) -> Result<Option<Vec<u8>>, String> {
    let acknowledged = received.flags & ACK != 0;
    match received.kind {
        SETTINGS if !acknowledged => Ok(Some(frame(SETTINGS, ACK, &[]))),
        PING if !acknowledged => Ok(Some(frame(PING, ACK, &received.payload))),
        PING => {
            *n_acknowledged += 1;
            Ok(None)
        }
        GOAWAY => {
            let code =
                received.payload.get(4..8).map(|code| code.iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte)));
            let text = received.payload.get(8..).map(String::from_utf8_lossy).unwrap_or_default();
            Err(format!("GOAWAY with error code {} {text:?}", code.unwrap_or_default()))
        }
        _ => Ok(None),
    }
}

async fn read_frame(reader: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Received> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    if length > LARGEST_FRAME {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).await?;
    Ok(Received { kind: head[3], flags: head[4], payload })
}
