//! Why a task did not succeed, and what that means: try again, give up, or neither. Decided where it happens, by whoever knows.

mod excerpt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::excerpt::excerpt;

/// Who can do something about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoCanFix {
    /// The agent that sent the manifest or the clip.
    Director,
    /// Who runs the farm: disk, ffmpeg, storage, Redis.
    Operator,
    /// The makers of BotFlix: a bug.
    Platform,
}

impl WhoCanFix {
    pub const ALL: [Self; 3] = [Self::Director, Self::Operator, Self::Platform];

    pub fn name(self) -> &'static str {
        match self {
            Self::Director => "director",
            Self::Operator => "operator",
            Self::Platform => "platform",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|who| who.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Infrastructure: storage away, disk full, ffmpeg killed by something else. Tried again, not charged to the task.
    Retry,
    /// The process that ran the task died or hung. Tried again; three of them end the task.
    Crash,
    /// The same input will fail again.
    Permanent,
}

impl FailureClass {
    pub const ALL: [Self; 3] = [Self::Retry, Self::Crash, Self::Permanent];

    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Crash => "crash",
            Self::Permanent => "permanent",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// A failed attempt, as the worker reports it. `message` is for people outside: no paths, no stderr.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub class: FailureClass,
    /// A stable snake_case word.
    pub code: String,
    pub message: String,
    pub who_can_fix: WhoCanFix,
    /// For operators only: the last lines of stderr, the error chain. Never shown to a director.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal: Option<String>,
    /// What ffmpeg said, as [`excerpt`] leaves it: for directors, too. Oldest line first.
    #[serde(default, skip_serializing_if = "no_lines")]
    pub engine_said: Box<[String]>,
}

impl Failure {
    pub fn new(
        class: FailureClass,
        who_can_fix: WhoCanFix,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            who_can_fix,
            internal: None,
            engine_said: Box::default(),
        }
    }

    /// The same with what ffmpeg said, as far as a director may read it.
    pub fn quoting(mut self, stderr: &str) -> Self {
        self.engine_said = excerpt(stderr).into_boxed_slice();
        self
    }

    /// The same with details for operators.
    pub fn with_internal(mut self, internal: impl Into<String>) -> Self {
        self.internal = Some(internal.into());
        self
    }
}

fn no_lines(lines: &[String]) -> bool {
    lines.is_empty()
}
