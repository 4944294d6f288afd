//! Why a worker does not start. Every message says what an operator can do.

use std::io;
use std::net::SocketAddr;

use botflix_common::queue::QueueError;
use botflix_common::storage::StorageError;
use botflix_media::MediaError;

use crate::scratch::ScratchError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("worker settings: {0}")]
    Config(String),
    #[error("ffmpeg on this machine does not do")]
    Engine(#[source] MediaError),
    #[error("scratch on this machine does not do")]
    Scratch(#[source] ScratchError),
    #[error(
        "object storage cannot be written, read and deleted: check --storage and its credentials"
    )]
    Storage(#[source] StorageError),
    #[error("the queue cannot be used: check --redis")]
    Queue(#[source] QueueError),
    #[error("metrics cannot be served on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("metrics cannot be counted")]
    Metrics(#[source] prometheus::Error),
}

impl StartError {
    /// Whether the same start may work later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_retryable(),
            Self::Queue(error) => error.is_retryable(),
            Self::Scratch(ScratchError::DiskFull { .. }) => true,
            Self::Config(_)
            | Self::Engine(_)
            | Self::Scratch(ScratchError::Unusable { .. })
            | Self::Listen { .. }
            | Self::Metrics(_) => false,
        }
    }
}
