//! What holds of any two looks at the rows, one after the other, whatever happened in between. Must not know the model: it could be wrong
//! in the same way as the database.

use std::collections::BTreeMap;

use botflix_api::db::tasks::TaskState::{Canceled, Done, Failed, Queued, Ready, Running, Waiting};
use botflix_api::db::tasks::{TaskHead, TaskState};
use botflix_common::hash::TaskKey;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::films::Films;

pub type Heads = BTreeMap<TaskKey, TaskHead>;
pub type Edge = (TaskState, TaskState);

/// Every way from one state to another. Nothing leads out of `done`, and what failed had all it needs.
pub const DIAGRAM: [Edge; 16] = [
    (Waiting, Ready),
    (Ready, Queued),
    (Queued, Running),
    // Its start was never heard of.
    (Queued, Done),
    (Running, Done),
    (Queued, Ready),
    (Running, Ready),
    (Queued, Failed),
    (Running, Failed),
    (Waiting, Canceled),
    (Ready, Canceled),
    (Queued, Canceled),
    (Running, Canceled),
    (Failed, Ready),
    (Canceled, Ready),
    (Canceled, Waiting),
];

/// The edges that were taken.
pub fn hold(films: &Films, before: &Heads, after: &Heads) -> Result<Vec<Edge>, TestCaseError> {
    for key in before.keys() {
        prop_assert!(after.contains_key(key), "{key} is gone");
    }
    let mut edges = Vec::new();
    for (key, head) in after {
        let done = |need: &TaskKey| after.get(need).is_some_and(|need| need.state == Done);
        let needs = films.needs(key);
        by_itself(head, needs.iter().all(done))?;
        if let Some(earlier) = before.get(key) {
            since(earlier, head)?;
            if earlier.state != head.state {
                edges.push((earlier.state, head.state));
            }
        }
    }
    Ok(edges)
}

fn by_itself(head: &TaskHead, can_run: bool) -> Result<(), TestCaseError> {
    match head.state {
        Waiting => prop_assert!(!can_run, "waits for nothing: {head:?}"),
        Ready | Queued | Running | Done | Failed => {
            prop_assert!(can_run, "before what it needs: {head:?}");
        }
        Canceled => {}
    }
    let held = matches!(head.state, Running | Done);
    prop_assert_eq!(head.worker.is_some(), held, "whose? {:?}", head);
    prop_assert!((0.0..=1.0).contains(&head.progress), "{head:?}");
    prop_assert!(head.state != Done || head.progress == 1.0, "{head:?}");
    prop_assert!(!held || head.attempt > 0, "never queued: {head:?}");
    Ok(())
}

fn since(before: &TaskHead, after: &TaskHead) -> Result<(), TestCaseError> {
    if before.state == Done {
        prop_assert_eq!(before, after, "done is done");
        return Ok(());
    }
    let edge = (before.state, after.state);
    if before.state != after.state {
        prop_assert!(DIAGRAM.contains(&edge), "{before:?} became {after:?}");
    }
    let queued = u32::from(edge == (Ready, Queued));
    prop_assert_eq!(
        before.attempt + queued,
        after.attempt,
        "an attempt is one way into the queue: {:?} became {:?}",
        before,
        after
    );
    if before.is_in_flight() && after.is_in_flight() {
        prop_assert!(
            before.progress <= after.progress,
            "{before:?} fell back to {after:?}"
        );
    }
    let revived = matches!(before.state, Failed | Canceled);
    let charged = (before.crashes, before.retries) <= (after.crashes, after.retries);
    prop_assert!(revived || charged, "{before:?} was forgiven: {after:?}");
    prop_assert!(
        before.updated_at_ms <= after.updated_at_ms,
        "time went back"
    );
    Ok(())
}
