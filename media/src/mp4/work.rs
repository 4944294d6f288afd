//! Blocking work on a thread that may block, which tells how far it is and ends when nobody waits for it any more.

use std::io;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Context, MediaError, Progress};

/// What blocking work is given instead of a [`Context`].
pub(crate) struct Work {
    pub(crate) progress: Progress,
    cancel: CancellationToken,
}

impl Work {
    /// What a thread is given on behalf of `ctx`, and what ends its work when it is dropped.
    pub(crate) fn of(ctx: &Context) -> (Self, DropGuard) {
        let cancel = ctx.cancel.child_token();
        let guard = cancel.clone().drop_guard();
        let progress = ctx.progress.clone();
        (Self { progress, cancel }, guard)
    }

    /// To be asked at least once for every few megabytes that were worked on: whoever asks lives.
    pub(crate) fn go_on(&self) -> Result<(), MediaError> {
        self.progress.alive();
        if self.cancel.is_cancelled() {
            Err(MediaError::Canceled)
        } else {
            Ok(())
        }
    }
}

/// `doing` completes "while …".
pub(crate) async fn run<T: Send + 'static>(
    ctx: &Context,
    doing: &'static str,
    work: impl FnOnce(&Work) -> Result<T, MediaError> + Send + 'static,
) -> Result<T, MediaError> {
    // Ends the thread's work when this future is dropped, too.
    let (given, _ends_with_this_future) = Work::of(ctx);
    let done = tokio::task::spawn_blocking(move || work(&given)).await;
    done.map_err(|gone| MediaError::io(doing)(io::Error::other(gone)))?
}
