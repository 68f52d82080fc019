//! Tells a service when to end: at the end of standard input (its supervisor is gone, however it went) or at SIGTERM
//! and SIGINT.

use std::io::{self, Read};
use std::process;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long a service may take to end by itself once its supervisor is gone.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Returns when the service has to end.
///
/// With `stdin`, a thread of its own waits for the end of standard input, so that even a service whose event loop is
/// stuck ends: the thread ends the process when nothing else has within [`LAST_WORDS`].
pub(crate) async fn end_of_service(stdin: bool) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stdin_ended = stdin.then(watch_stdin);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = ended(stdin_ended) => {}
    }
    Ok(())
}

async fn ended(stdin_ended: Option<oneshot::Receiver<()>>) {
    match stdin_ended {
        // An error means that the thread is gone, and with it the only guard against outliving the supervisor.
        Some(receiver) => receiver.await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}

fn watch_stdin() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    let watch = move || {
        let mut buffer = [0_u8; 64];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(length) if length > 0 => {}
                Ok(_) | Err(_) => break,
            }
        }
        sender.send(()).ok();
        thread::sleep(LAST_WORDS);
        process::exit(1);
    };
    // When no thread can be had, the sender is dropped with the closure, and the service ends at once.
    drop(thread::Builder::new().name("lifeline".to_owned()).spawn(watch));
    receiver
}
