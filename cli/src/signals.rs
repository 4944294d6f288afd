//! SIGINT and SIGTERM: the first asks for a clean stop, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Fault;

/// 128 + SIGINT, what shells expect of a process that was interrupted.
const INTERRUPTED: i32 = 130;

/// Waits for the first signal, for what has nothing to finish.
pub async fn interrupted() -> Result<(), Fault> {
    let failed = |error| Fault::permanent("signals cannot be received").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Canceled by the first signal. The second one does not wait for anything.
pub fn stop_requested() -> Result<CancellationToken, Fault> {
    let failed = |error| Fault::permanent("signals cannot be received").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        for clean in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if clean {
                eprintln!("botflix: stopping (once more to stop at once)");
                told.cancel();
            } else {
                std::process::exit(INTERRUPTED);
            }
        }
    });
    Ok(stop)
}
