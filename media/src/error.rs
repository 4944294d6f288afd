//! Every way in which the engine fails, and what each means for the task: try again or not, and who can help.
//!
//! A broken clip is not an error of inspection (it is facts with defects). What a director may read is in [`Failure::message`], and of
//! ffmpeg's stderr what [`Failure::quoting`] leaves of it; paths and the rest stay in [`Failure::internal`].

use std::io;
use std::time::Duration;

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};

/// `SIGKILL`: nobody here sent it (ours are told apart before), so it was the kernel short of memory, or an operator.
const SIGKILL: i32 = 9;

#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("{program} was not found; install ffmpeg or name its path")]
    EngineMissing { program: String },
    #[error("this ffmpeg cannot be used: {detail}")]
    EngineUnfit { detail: String, stderr_tail: String },
    #[error(
        "the sandbox for ffmpeg cannot be enforced on this host: {missing}. Run on a kernel that has it, or turn the sandbox off with the `sandbox = \"off\"` setting (ffmpeg then opens untrusted media unconfined)"
    )]
    SandboxUnavailable { missing: String },
    #[error("the sandbox could not be prepared: {doing}")]
    Sandbox {
        doing: String,
        #[source]
        source: io::Error,
    },
    #[error("{program} could not be started")]
    Spawn {
        program: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{program} failed ({})", ending(*exit_code, *signal))]
    Ffmpeg {
        program: &'static str,
        exit_code: Option<i32>,
        signal: Option<i32>,
        stderr_tail: String,
        /// The call opened material that we did not make.
        untrusted: bool,
    },
    #[error("{program} made no progress for {} s", limit.as_secs())]
    Stalled {
        program: &'static str,
        limit: Duration,
    },
    #[error("{program} was still running after {} s", limit.as_secs())]
    Deadline {
        program: &'static str,
        limit: Duration,
    },
    #[error("canceled")]
    Canceled,
    #[error("{program} wrote more than {limit_bytes} bytes where a short answer was expected")]
    TooMuchOutput {
        program: &'static str,
        limit_bytes: usize,
    },
    #[error("{doing}")]
    Io {
        doing: String,
        #[source]
        source: io::Error,
    },
    /// Decided by a step of ours, not by ffmpeg: the same input gives it again.
    #[error("{message}")]
    Permanent {
        /// A stable snake_case word.
        code: &'static str,
        /// For people outside: no paths, no stderr.
        message: String,
        who_can_fix: WhoCanFix,
        internal: Option<String>,
    },
}

impl MediaError {
    /// For `map_err`: `doing` completes "while …", without a path.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// What the farm should do about it.
    pub fn failure(&self) -> Failure {
        let (class, who, code) = self.classify();
        let message = match self {
            Self::Permanent { message, .. } => message.clone(),
            Self::Io { .. } | Self::Spawn { .. } | Self::Sandbox { .. } => {
                "the worker had trouble with its own machine".to_owned()
            }
            other => other.to_string(),
        };
        let mut failure = Failure::new(class, who, code, message);
        if let Self::Ffmpeg { stderr_tail, .. } = self {
            failure = failure.quoting(stderr_tail);
        }
        match self.internal() {
            Some(internal) => failure.with_internal(internal),
            None => failure,
        }
    }

    fn classify(&self) -> (FailureClass, WhoCanFix, &'static str) {
        use FailureClass::{Crash, Permanent, Retry};
        use WhoCanFix::{Director, Operator, Platform};
        match self {
            Self::EngineMissing { .. } => (Retry, Operator, "engine_missing"),
            Self::EngineUnfit { .. } => (Retry, Operator, "engine_unfit"),
            Self::SandboxUnavailable { .. } | Self::Sandbox { .. } => {
                (Retry, Operator, "sandbox_unavailable")
            }
            Self::Spawn { .. } => (Retry, Operator, "engine_not_started"),
            Self::Ffmpeg {
                signal: Some(SIGKILL),
                ..
            } => (Retry, Operator, "engine_killed"),
            Self::Ffmpeg { stderr_tail, .. } if stderr_tail.contains("No space left on device") => {
                (Retry, Operator, "disk_full")
            }
            Self::Ffmpeg {
                signal: Some(_), ..
            } => (Permanent, Platform, "engine_crashed"),
            Self::Ffmpeg {
                untrusted: true, ..
            } => (Permanent, Director, "engine_failed"),
            Self::Ffmpeg { .. } => (Permanent, Platform, "engine_failed"),
            Self::Stalled { .. } => (Crash, Platform, "engine_stalled"),
            Self::Deadline { .. } => (Crash, Platform, "engine_too_slow"),
            Self::Canceled => (Retry, Operator, "canceled"),
            Self::TooMuchOutput { .. } => (Permanent, Platform, "too_much_output"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                (Retry, Operator, "disk_full")
            }
            Self::Io { .. } => (Retry, Operator, "worker_io"),
            Self::Permanent {
                code, who_can_fix, ..
            } => (Permanent, *who_can_fix, code),
        }
    }

    fn internal(&self) -> Option<String> {
        match self {
            Self::Ffmpeg { stderr_tail, .. } | Self::EngineUnfit { stderr_tail, .. } => {
                Some(format!("{self}\n{stderr_tail}"))
            }
            Self::Sandbox { source, .. } | Self::Spawn { source, .. } | Self::Io { source, .. } => {
                Some(format!("{self}: {source}"))
            }
            Self::Permanent { internal, .. } => internal.clone(),
            Self::EngineMissing { .. }
            | Self::SandboxUnavailable { .. }
            | Self::Stalled { .. }
            | Self::Deadline { .. }
            | Self::Canceled
            | Self::TooMuchOutput { .. } => None,
        }
    }
}

fn ending(exit_code: Option<i32>, signal: Option<i32>) -> String {
    match (exit_code, signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_never_reach_what_directors_read() {
        let failure = MediaError::Ffmpeg {
            program: "ffmpeg",
            exit_code: Some(1),
            signal: None,
            stderr_tail: "[h264 @ 0x5581c0ffee00] no frame!\n/srv/secret/clip: Invalid data"
                .to_owned(),
            untrusted: true,
        }
        .failure();
        assert_eq!(failure.class, FailureClass::Permanent);
        assert_eq!(failure.who_can_fix, WhoCanFix::Director);
        assert!(!failure.message.contains("secret"));
        assert_eq!(failure.engine_said[..], ["[h264] no frame!"]);
        assert!(failure.internal.unwrap().contains("secret"));
    }

    #[test]
    fn a_full_disk_is_tried_again_and_is_the_operators() {
        let failure = MediaError::Ffmpeg {
            program: "ffmpeg",
            exit_code: Some(1),
            signal: None,
            stderr_tail: "av_interleaved_write_frame(): No space left on device".to_owned(),
            untrusted: true,
        }
        .failure();
        assert_eq!(
            (failure.class, failure.who_can_fix),
            (FailureClass::Retry, WhoCanFix::Operator)
        );
    }
}
