//! What a director reads when a render fails. Never `Failure::internal`: that is for operators.

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::Sha;
use botflix_common::problem::{FieldProblem, MAX_FIELD_PROBLEMS, Problem};
use botflix_common::task::TaskKind;

/// The code of a clip whose inspection did not succeed.
const INSPECTION_FAILED: &str = "inspection_failed";
/// The code of a clip that an operator must release.
const CLIP_QUARANTINED: &str = "clip_quarantined";

/// Everything that keeps a manifest from becoming a film: the answer to a submission, or the end of a render whose clips turned out so.
pub fn invalid_manifest(mut errors: Vec<FieldProblem>) -> Problem {
    let count = errors.len();
    if count > MAX_FIELD_PROBLEMS {
        errors.truncate(MAX_FIELD_PROBLEMS - 1);
        let left = count - errors.len();
        errors.push(FieldProblem::new(
            "",
            "more_problems",
            format!("… and {left} more."),
        ));
    }
    let detail = match count {
        1 => "One problem keeps the manifest from becoming a film.".to_owned(),
        _ => format!("{count} problems keep the manifest from becoming a film."),
    };
    Problem {
        errors,
        ..Problem::new(
            422,
            "invalid_manifest",
            "The manifest cannot be made into a film",
            detail,
        )
    }
}

/// A use of a clip that the farm could not inspect.
pub(super) fn inspection_failed(pointer: &str) -> FieldProblem {
    FieldProblem::new(
        pointer,
        INSPECTION_FAILED,
        "The farm could not finish inspecting this clip.",
    )
    .fix("Send the clip again, or another file.")
}

/// A use of a clip that killed the attempts of a task.
pub(super) fn quarantined(pointer: &str, clip: &Sha) -> FieldProblem {
    FieldProblem::new(
        pointer,
        CLIP_QUARANTINED,
        format!(
            "The clip {clip} is in quarantine: several attempts to work on it died. Sending it again changes nothing; an operator can release it."
        ),
    )
    .fix("Encode the clip anew and send that file in its place, or ask the farm's operator to release it.")
}

/// A render failed because one of its tasks did.
pub(super) fn task_failed(kind: TaskKind, shot: Option<&str>, failure: &Failure) -> Problem {
    let status = match failure.who_can_fix {
        WhoCanFix::Director => 422,
        WhoCanFix::Operator | WhoCanFix::Platform => 500,
    };
    let of_shot = shot
        .map(|shot| format!(" of shot \"{shot}\""))
        .unwrap_or_default();
    Problem {
        who_can_fix: failure.who_can_fix,
        retryable: failure.class == FailureClass::Retry,
        ..Problem::new(
            status,
            &failure.code,
            "The film could not be made",
            format!("The {}{of_shot} failed: {}", kind.name(), failure.message),
        )
    }
}

/// A task whose attempts died too often.
pub(super) fn poison(crashes: u32) -> Failure {
    Failure::new(
        FailureClass::Crash,
        WhoCanFix::Platform,
        "poison_task",
        format!("{crashes} attempts ended with the death of their process; it is not tried again."),
    )
}

/// A record that does not fit its task: a worker that speaks another language.
pub(super) fn bad_record() -> Failure {
    Failure::new(
        FailureClass::Crash,
        WhoCanFix::Platform,
        "bad_record",
        "The worker's result does not belong to the task.",
    )
}

/// Something of the result was put away before the result was accepted; made again, it stays.
pub(super) fn swept() -> Failure {
    Failure::new(
        FailureClass::Retry,
        WhoCanFix::Platform,
        "artifact_swept",
        "A file of the result was put away as nobody's before the result was accepted; it is made again.",
    )
}

/// The stored manifest cannot be read: it is of another version of the farm.
pub(super) fn unreadable() -> Problem {
    Problem {
        who_can_fix: WhoCanFix::Platform,
        ..Problem::new(
            500,
            "unreadable_manifest",
            "The film could not be planned",
            "This version of the farm cannot read the manifest it was given; send it again.",
        )
    }
}

/// All tasks are done, yet something is missing of the film.
pub(super) fn incomplete(what: &str) -> Problem {
    Problem {
        who_can_fix: WhoCanFix::Platform,
        ..Problem::new(
            500,
            "incomplete_result",
            "The film could not be published",
            format!("Its tasks are done, but there is no {what}."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_operators_never_reaches_a_director() {
        let failure = Failure::new(
            FailureClass::Retry,
            WhoCanFix::Operator,
            "disk_full",
            "The disk is full.",
        )
        .with_internal("/var/lib/secret path");
        let problem = task_failed(TaskKind::Conform, Some("s1"), &failure);
        assert!(!serde_json::to_string(&problem).unwrap().contains("secret"));
        assert_eq!(problem.status, 500);
        assert!(problem.retryable);
        assert_eq!(
            problem.detail,
            "The conform of shot \"s1\" failed: The disk is full."
        );
    }

    #[test]
    fn more_problems_than_fit_are_counted_in_the_last_line() {
        let errors = (0..150)
            .map(|at| FieldProblem::new(format!("/shots/{at}"), "x", "y"))
            .collect();
        let problem = invalid_manifest(errors);
        assert_eq!(problem.errors.len(), MAX_FIELD_PROBLEMS);
        assert_eq!(problem.errors[99].message, "… and 51 more.");
    }
}
