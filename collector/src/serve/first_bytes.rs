//! Looks at the first bytes of a connection as they are read: what is no HTTP is noted, for hyper ends it without a word.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Collector;
use crate::mistake::of_first_bytes;

/// A stream that tells the collector of its first bytes. After them a read costs one branch more.
pub(super) struct FirstBytes<S> {
    stream: S,
    /// Who is to be told, until it has been.
    tell: Option<(Arc<Collector>, SocketAddr)>,
}

impl<S> FirstBytes<S> {
    pub(super) fn new(stream: S, collector: Arc<Collector>, peer: SocketAddr) -> Self {
        FirstBytes { stream, tell: Some((collector, peer)) }
    }

    #[cold]
    fn look(&mut self, bytes: &[u8]) {
        let Some((collector, peer)) = self.tell.take() else { return };
        collector.note_first_bytes(peer, of_first_bytes(bytes));
    }
}

impl<S> Drop for FirstBytes<S> {
    /// A connection that ends without a byte is no longer waited for.
    fn drop(&mut self) {
        self.look(&[]);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if self.tell.is_some() && buf.filled().len() > before {
            self.look(&buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
