//! From a thread that plays the mix to a process that encodes it: a channel of a few blocks, read as a stream of bytes.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::trouble::Trouble;
use crate::MediaError;

/// Blocks of 32 KiB on their way.
const BLOCKS: usize = 8;

pub(super) struct Feed {
    blocks: mpsc::Receiver<Vec<u8>>,
    block: Vec<u8>,
    /// Bytes of `block` that were read.
    read: usize,
}

impl Feed {
    pub(super) fn channel() -> (mpsc::Sender<Vec<u8>>, Self) {
        let (sender, blocks) = mpsc::channel(BLOCKS);
        let feed = Self {
            blocks,
            block: Vec::new(),
            read: 0,
        };
        (sender, feed)
    }
}

/// Waits for a place. Blocking.
pub(super) fn give(sender: &mpsc::Sender<Vec<u8>>, bytes: &[u8]) -> Result<(), Trouble> {
    if bytes.is_empty() {
        return Ok(());
    }
    sender
        .blocking_send(bytes.to_owned())
        .map_err(|_gone| MediaError::io(FEEDING)(std::io::ErrorKind::BrokenPipe.into()).into())
}

const FEEDING: &str = "feeding the encoder";

/// The encoder ended before it had everything.
pub(super) fn refused(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Media(MediaError::Io { doing, .. }) if doing == FEEDING)
}

impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.read == self.block.len() {
            match ready!(self.blocks.poll_recv(context)) {
                Some(block) => (self.block, self.read) = (block, 0),
                // The end of the sound.
                None => return Poll::Ready(Ok(())),
            }
        }
        let rest = self.block.get(self.read..).unwrap_or_default();
        let now = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..now).unwrap_or_default());
        self.read += now;
        Poll::Ready(Ok(()))
    }
}
