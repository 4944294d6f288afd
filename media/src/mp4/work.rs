//! Blocking work on a thread that may block, which tells how far it is and ends when nobody waits for it any more.

use std::io;

use tokio_util::sync::CancellationToken;

use crate::{Context, MediaError, Progress};

/// What blocking work is given instead of a [`Context`].
pub(crate) struct Work {
    pub(crate) progress: Progress,
    cancel: CancellationToken,
}

impl Work {
    /// To be asked at least once for every few megabytes.
    pub(crate) fn go_on(&self) -> Result<(), MediaError> {
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
    let cancel = ctx.cancel.child_token();
    // Ends the thread's work when this future is dropped, too.
    let _ends_with_this_future = cancel.clone().drop_guard();
    let given = Work {
        progress: ctx.progress.clone(),
        cancel,
    };
    let done = tokio::task::spawn_blocking(move || work(&given)).await;
    done.map_err(|gone| MediaError::io(doing)(io::Error::other(gone)))?
}
