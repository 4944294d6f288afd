//! How the program ends: three exit codes, and what is said about a failure.

use std::error::Error;
use std::process::{ExitCode, Termination};

use botflix_common::problem::{FieldProblem, Problem};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// The same call fails again.
    Failed,
    /// The same call may succeed later.
    TryAgain,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::TryAgain => 2,
        })
    }
}

/// A failure as a person is told it.
#[derive(Debug)]
pub struct Fault {
    exit: Exit,
    /// One line, then perhaps lines of details.
    text: String,
    hint: Option<String>,
}

impl Fault {
    pub fn permanent(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            text: text.into(),
            hint: None,
        }
    }

    pub fn retryable(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::TryAgain,
            ..Self::permanent(text)
        }
    }

    /// Worth trying again, or not.
    pub fn of(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            ..Self::permanent(text)
        }
    }

    /// Adds the cause and its causes.
    #[must_use]
    pub fn because(mut self, cause: impl Error) -> Self {
        self.text.push_str(&format!(": {cause}"));
        let mut source = cause.source();
        while let Some(cause) = source {
            self.text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        self
    }

    /// What to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[cfg(test)]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Every problem of a document at once.
    pub fn problems(what: &str, problems: &[FieldProblem]) -> Self {
        Self::permanent(format!("{what}\n{}", lines(problems)))
    }

    /// A server's refusal.
    pub fn refused(problem: &Problem) -> Self {
        let exit = if problem.retryable {
            Exit::TryAgain
        } else {
            Exit::Failed
        };
        let mut text = format!("{} ({}): {}", problem.title, problem.code, problem.detail);
        if !problem.errors.is_empty() {
            text.push('\n');
            text.push_str(&lines(&problem.errors));
        }
        if let Some(id) = &problem.request_id {
            text.push_str(&format!("\n  request {id}"));
        }
        Self::of(exit, text)
    }

    /// What happened, in a line or some.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says it on stderr.
    pub fn tell(&self) -> Exit {
        eprintln!("botflix: {}", self.text);
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        self.exit
    }
}

/// One line for each problem, with its pointer first.
pub fn lines(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(line).collect();
    lines.join("\n")
}

fn line(problem: &FieldProblem) -> String {
    let pointer = if problem.pointer.is_empty() {
        "(document)"
    } else {
        &problem.pointer
    };
    let mut line = format!("  {pointer}: {} [{}]", problem.message, problem.code);
    if let Some(meant) = &problem.did_you_mean {
        line.push_str(&format!(" Did you mean \"{meant}\"?"));
    }
    if let Some(fix) = &problem.fix {
        line.push_str(&format!(" {fix}"));
    }
    line
}
