//! The farm's workers, for operators: how they stand, and what is wanted of them.

use std::collections::BTreeMap;
use std::str::FromStr;

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use botflix_common::http::{
    Busy, IdleReason, Page, ProcessBody, StopRequest, StopWhen, WorkerBody, WorkerPatch,
};
use botflix_common::problem::FieldProblem;
use botflix_common::report::WorkerHello;
use botflix_common::worker::{
    IdleCode, MAX_SLOTS, MAX_TAG_CHARS, MAX_TAGS, WantedState, WorkerState,
};
use schemars::JsonSchema;

use super::AppState;
use super::extract::{JsonBody, Named, Operator, PathPart};
use crate::clock;
use crate::error::{ApiError, Thing};
use crate::farm::{Forgotten, KnownWorker, WorkersError};

/// A worker's name in a path.
#[derive(Clone, Debug, JsonSchema)]
#[serde(transparent)]
pub struct WorkerName(String);

impl WorkerName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkerName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Named for WorkerName {
    const PARAMETER: &'static str = "name";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::Worker)
    }
}

pub async fn list(
    State(app): State<AppState>,
    _: Operator,
) -> Result<Json<Page<WorkerBody>>, ApiError> {
    let workers = app.farm.workers().await?;
    Ok(Json(Page {
        data: workers.into_iter().map(body).collect(),
        next_cursor: None,
    }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listWorkers")
        .tag("workers")
        .summary("Every worker that was seen and not forgotten, by name, in one page")
}

pub async fn show(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
) -> Result<Json<WorkerBody>, ApiError> {
    let found = app.farm.worker(&name.0).await?;
    answer(found)
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getWorker")
        .tag("workers")
        .summary("How one worker stands, and why it is idle")
}

pub async fn patch(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
    JsonBody(patch): JsonBody<WorkerPatch>,
) -> Result<Json<WorkerBody>, ApiError> {
    let problems = problems_of(&patch);
    if !problems.is_empty() {
        return Err(ApiError::InvalidBody(problems));
    }
    let change = app
        .farm
        .change_worker(&name.0, |row, _| patch.apply(&mut row.settings));
    answer(change.await?)
}

pub fn patch_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("patchWorker")
        .tag("workers")
        .summary("Change a worker's settings")
        .description(
            "It follows within seconds, and also after it or anything else was started again.",
        )
}

pub async fn pause(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
) -> Result<Json<WorkerBody>, ApiError> {
    want(&app, &name, WantedState::Paused).await
}

pub fn pause_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("pauseWorker")
        .tag("workers")
        .summary("Take no new task; what runs goes on")
}

pub async fn drain(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
) -> Result<Json<WorkerBody>, ApiError> {
    want(&app, &name, WantedState::Draining).await
}

pub fn drain_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("drainWorker")
        .tag("workers")
        .summary("Take no new task and hand back what has not finished within the worker's grace; the process stays")
}

pub async fn resume(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
) -> Result<Json<WorkerBody>, ApiError> {
    want(&app, &name, WantedState::Active).await
}

pub fn resume_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("resumeWorker")
        .tag("workers")
        .summary("Take tasks again. A stop that a worker has begun is not taken back")
}

pub async fn stop(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
    JsonBody(request): JsonBody<StopRequest>,
) -> Result<Json<WorkerBody>, ApiError> {
    let wanted = match request.when {
        StopWhen::AfterCurrent => WantedState::StopAfterCurrent,
        StopWhen::Now => WantedState::StopNow,
    };
    want(&app, &name, wanted).await
}

pub fn stop_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("stopWorker")
        .tag("workers")
        .summary("End the worker's processes that are there, after what they run or now")
        .description("A process that is started afterwards works.")
}

pub async fn forget(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
) -> Result<StatusCode, ApiError> {
    match app.farm.forget_worker(&name.0).await? {
        Forgotten::Done => Ok(StatusCode::NO_CONTENT),
        Forgotten::NotKnown => Err(ApiError::NotFound(Thing::Worker)),
        Forgotten::StillHere => Err(ApiError::WorkerIsHere),
    }
}

pub fn forget_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("forgetWorker")
        .tag("workers")
        .summary("Forget a worker that is gone, with its settings")
        .response_with::<204, (), _>(|response| response.description("It is forgotten."))
}

async fn want(
    app: &AppState,
    name: &WorkerName,
    wanted: WantedState,
) -> Result<Json<WorkerBody>, ApiError> {
    let change = app.farm.change_worker(&name.0, |row, present| {
        row.wanted = wanted;
        row.stop = if wanted.is_stop() {
            present.iter().map(|hello| hello.instance.clone()).collect()
        } else {
            Vec::new()
        };
    });
    answer(change.await?)
}

pub(super) fn answer(found: Option<KnownWorker>) -> Result<Json<WorkerBody>, ApiError> {
    found
        .map(|worker| Json(body(worker)))
        .ok_or(ApiError::NotFound(Thing::Worker))
}

fn problems_of(patch: &WorkerPatch) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut refuse = |pointer: &str, message: String| {
        problems.push(FieldProblem::new(pointer, "out_of_range", message));
    };
    if let Some(Some(lanes)) = &patch.lanes
        && lanes.is_empty()
    {
        refuse(
            "/lanes",
            "Expected at least one of cpu, gpu, io.".to_owned(),
        );
    }
    if let Some(Some(slots)) = patch.slots
        && !(1..=MAX_SLOTS).contains(&slots)
    {
        refuse(
            "/slots",
            format!("Expected 1 to {MAX_SLOTS}; found {slots}."),
        );
    }
    let tags = patch.tags.as_deref().unwrap_or_default();
    if tags.len() > MAX_TAGS {
        refuse(
            "/tags",
            format!("Expected at most {MAX_TAGS}; found {}.", tags.len()),
        );
    }
    for (at, tag) in tags.iter().enumerate() {
        let fits = (1..=MAX_TAG_CHARS).contains(&tag.chars().count())
            && tag
                .chars()
                .all(|ch| ch.is_alphanumeric() || "-_.:".contains(ch));
        if !fits {
            refuse(
                &format!("/tags/{at}"),
                format!("Expected 1 to {MAX_TAG_CHARS} letters, digits or one of - _ . :"),
            );
        }
    }
    problems
}

fn body(worker: KnownWorker) -> WorkerBody {
    let KnownWorker { row, present } = worker;
    let mut kinds = BTreeMap::new();
    for (kind, count) in present.iter().flat_map(|hello| &hello.busy) {
        *kinds.entry(*kind).or_default() += count;
    }
    let busy = busy(kinds);
    // Of several processes, the one that stands best; they differ for seconds only.
    let best = present
        .iter()
        .min_by_key(|hello| (hello.state != WorkerState::Active, hello.idle.is_some()));
    let idle = match best {
        None => Some(IdleCode::Gone),
        Some(_) if busy.tasks > 0 => None,
        Some(best) => best.idle,
    };
    WorkerBody {
        state: best.map_or(WorkerState::Gone, |hello| hello.state),
        wanted: row.wanted,
        settings: row.settings,
        idle: idle.map(IdleReason::from),
        off: row.off,
        busy,
        first_seen_at: clock::rfc3339(row.first_seen_at_ms),
        last_seen_at: clock::rfc3339(row.last_seen_at_ms),
        name: row.name,
        processes: present.into_iter().map(process).collect(),
    }
}

fn process(hello: WorkerHello) -> ProcessBody {
    ProcessBody {
        instance: hello.instance,
        version: hello.version,
        engine: hello.engine,
        state: hello.state,
        lanes: hello.lanes,
        slots: hello.slots,
        busy: busy(hello.busy),
        idle: hello.idle.map(IdleReason::from),
        tags: hello.tags,
        cores: hello.cores,
        memory_bytes: hello.memory_bytes,
        load_percent: hello.load_percent,
        budget: hello.budget,
        in_use: hello.in_use,
        self_test: hello.self_test,
    }
}

fn busy(kinds: BTreeMap<botflix_common::task::TaskKind, u32>) -> Busy {
    Busy {
        tasks: kinds.values().sum(),
        kinds,
    }
}

impl From<WorkersError> for ApiError {
    fn from(error: WorkersError) -> Self {
        match error {
            WorkersError::Db(error) => error.into(),
            WorkersError::Queue(error) if error.is_retryable() => Self::unavailable("Redis", error),
            WorkersError::Queue(error) => Self::internal(error),
            WorkersError::Contended => Self::unavailable("The worker's row", error),
        }
    }
}
