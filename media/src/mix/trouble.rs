//! What can go wrong while the mix is rendered: the task's own troubles, and clips that ffmpeg must decode after all.

use botflix_common::hash::Sha;

use crate::MediaError;
use crate::aac::AacError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Its sound could not be decoded in process.
    #[error("clip {clip}: {detail}")]
    Stumbled { clip: Sha, detail: String },
}

impl Trouble {
    pub(super) fn of_clip(clip: Sha) -> impl FnOnce(AacError) -> Self {
        move |error| match error {
            AacError::Io(source) => {
                Self::Media(MediaError::io("reading the sound of a clip")(source))
            }
            AacError::Stumbled(detail) => Self::Stumbled { clip, detail },
        }
    }
}
