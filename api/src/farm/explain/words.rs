//! The reasons for which a render waits, as directors read them. Pure.

use botflix_common::http::WaitReason;
use botflix_common::task::Lane;

pub(super) fn message(
    reason: WaitReason,
    lane: Lane,
    position: Option<u64>,
    own_line: bool,
) -> String {
    let lane = lane.name();
    match reason {
        WaitReason::NoWorker => format!("No worker serves the lane {lane}: it goes on when one joins."),
        WaitReason::WorkersTooOld => format!(
            "The workers of the lane {lane} do not understand tasks of this version of the farm: it goes on when one of them was upgraded."
        ),
        WaitReason::WorkersAway => format!(
            "The workers of the lane {lane} take no tasks at the moment: paused, draining, asleep, or their disks are full."
        ),
        WaitReason::TooLarge => format!("It needs more memory than any worker of the lane {lane} has."),
        WaitReason::WorkersOff => format!(
            "Every worker of the lane {lane} was taken off this kind of task for failing at it: it goes on when one passes its self-test, or an operator reinstates one."
        ),
        WaitReason::LaneBusy => match position {
            Some(0) | None => format!("All places of the lane {lane} are taken; it is next."),
            Some(1) => format!("All places of the lane {lane} are taken; about one task goes before it."),
            Some(before) => {
                format!("All places of the lane {lane} are taken; about {before} tasks go before it.")
            }
        },
        WaitReason::Limit if !own_line => {
            "A task that another director asked for first is needed, and that director is at its limit.".to_owned()
        }
        WaitReason::Limit => {
            "As many of your tasks are at work as you may have at once: it goes on when one is done.".to_owned()
        }
        WaitReason::RetryPause => {
            "A task failed for a reason that may pass, and is tried again after a pause. A retry tries it at once.".to_owned()
        }
        WaitReason::Starting => "It is handed out: a worker takes it any moment.".to_owned(),
    }
}

/// One that needs more memory than any worker of its lane has.
pub(super) fn too_large(lane: Lane, needs_bytes: u64, most_bytes: u64) -> String {
    format!(
        "It needs more memory than any worker that takes tasks now has: about {} MiB, and the largest of the lane {} gives {} MiB to them. It goes on when a larger one joins; \
         a smaller picture needs less.",
        needs_bytes >> 20,
        lane.name(),
        most_bytes >> 20
    )
}
