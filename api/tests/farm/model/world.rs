//! The real thing: the same deeds through the moves of the database, put together as `botflix_api::farm` does it.

use std::collections::BTreeMap;
use std::rc::Rc;

use botflix_api::db::tasks::attempts::End;
use botflix_api::db::tasks::graph::{self, Wanted};
use botflix_api::db::tasks::moves::{self, Fence};
use botflix_api::db::tasks::{self, NewTask, TaskHead, TaskState, pick};
use botflix_api::db::{Database, Write, renders};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::finding::FindingCounts;
use botflix_common::hash::TaskKey;
use botflix_common::http::{AttemptOutcome, RenderState};
use botflix_common::id::RenderId;
use botflix_common::problem::Problem;
use botflix_common::task::{AttemptId, Lane, Priority, TaskKind, TaskRecord};

use super::films::Films;
use super::machine::{Outcome, Render};
use super::steps::{Body, Deed, Report};

pub struct World {
    pub db: Database,
    pub fence: Fence,
    pub films: Rc<Films>,
}

impl World {
    pub async fn play(&self, tx: &mut Write, deed: &Deed, now_ms: i64) -> Outcome {
        let mut turn = Turn {
            world: self,
            tx,
            now_ms,
            outcome: Outcome::default(),
        };
        match deed {
            Deed::Submit { film, render } => turn.submit(*film, *render).await,
            Deed::Cancel { render } => turn.cancel(*render).await,
            Deed::Sweep { lane, room } => turn.sweep(*lane, *room).await,
            Deed::Enqueue { task } => turn.enqueue(task).await,
            Deed::Report(report) => turn.report(report).await,
            Deed::CancelTask { task } => {
                let canceled = moves::cancel(turn.tx, task, now_ms).await.unwrap();
                turn.outcome.made = canceled.is_some();
            }
            Deed::ReviveTask { task } => {
                let director = self.films.films[0].director;
                let revived = moves::revive(turn.tx, task, TaskState::Ready, director, now_ms);
                turn.outcome.made = revived.await.unwrap().is_made();
            }
        }
        turn.outcome
    }

    /// What everybody sees now. Of renders only those that run, and in the end all.
    pub async fn look(&self, renders: &[&Render]) -> Sight {
        let (mut sight, mut tx) = (Sight::default(), self.db.write().await.unwrap());
        for key in self.films.tasks.keys() {
            let head = tasks::head(&mut tx, key).await.unwrap();
            sight.tasks.extend(head.map(|head| (*key, head)));
        }
        for render in renders {
            let row = renders::find(&mut tx, render.id).await.unwrap().unwrap();
            let unfinished = graph::unfinished(&mut tx, render.id).await.unwrap();
            let unfinished = usize::try_from(unfinished).unwrap();
            sight
                .renders
                .insert(render.id, (row.state.name(), unfinished));
        }
        sight
    }

    /// The records that the dependents of a film's tasks would read, and its render.
    pub async fn records(&self, film: usize, render: RenderId) -> Vec<TaskRecord> {
        const ONCE: [TaskKind; 3] = [TaskKind::Assemble, TaskKind::Check, TaskKind::Package];
        let assemble = self.films.films[film].plan.only(TaskKind::Assemble);
        let input = tasks::input(&self.db, &assemble.unwrap().key).await;
        let (_, mut records) = input.unwrap().unwrap();
        let mut tx = self.db.write().await.unwrap();
        for kind in ONCE {
            records.extend(graph::record_of_kind(&mut tx, render, kind).await.unwrap());
        }
        records
    }
}

#[derive(Default)]
pub struct Sight {
    pub tasks: BTreeMap<TaskKey, TaskHead>,
    /// State, and how many tasks are not done.
    pub renders: BTreeMap<RenderId, (&'static str, usize)>,
}

/// One deed in its transaction.
struct Turn<'a> {
    world: &'a World,
    tx: &'a mut Write,
    now_ms: i64,
    outcome: Outcome,
}

impl Turn<'_> {
    async fn submit(&mut self, film: usize, id: RenderId) {
        let film = &self.world.films.films[film];
        let inserted = renders::insert(
            self.tx,
            id,
            film.director,
            renders::Place::default(),
            &film.manifest,
            &[],
            self.now_ms,
        );
        inserted.await.unwrap();
        self.enter(id, RenderState::Accepted, RenderState::Planning)
            .await;

        let keys: Vec<TaskKey> = film.plan.tasks.iter().map(|task| task.key).collect();
        let before = graph::states(self.tx, &keys).await.unwrap();
        let mut new = Vec::new();
        for task in &film.plan.tasks {
            let mut needs = task.spec.needs().into_iter();
            let can_run = needs.all(|need| before.get(&need) == Some(&TaskState::Done));
            let state = if can_run {
                TaskState::Ready
            } else {
                TaskState::Waiting
            };
            match before.get(&task.key) {
                None => new.push(NewTask {
                    key: task.key,
                    spec: &task.spec,
                    state,
                    weight: task.weight,
                    priority: Priority::default(),
                    director: film.director,
                }),
                Some(TaskState::Failed | TaskState::Canceled) => {
                    let revived =
                        moves::revive(self.tx, &task.key, state, film.director, self.now_ms);
                    assert!(revived.await.unwrap().is_made());
                }
                Some(_) => {}
            }
        }
        graph::insert(self.tx, &new, self.now_ms).await.unwrap();
        let wanted = film.plan.tasks.iter().map(|task| Wanted {
            task: task.key,
            shot: task.shot.clone(),
        });
        let wanted: Vec<Wanted> = wanted.collect();
        graph::want(self.tx, id, &wanted).await.unwrap();

        let running = renders::moves::run(self.tx, id, &film.plan, FindingCounts::of(&[]));
        assert!(running.await.unwrap().is_made());
        self.outcome.made = true;
        self.publish_if_complete(id).await;
    }

    async fn enter(&mut self, id: RenderId, from: RenderState, to: RenderState) {
        let entered = renders::moves::enter(self.tx, id, from, to).await.unwrap();
        assert!(entered.is_made(), "{id}: {from:?} to {to:?}");
    }

    async fn publish_if_complete(&mut self, id: RenderId) {
        if graph::unfinished(self.tx, id).await.unwrap() > 0 {
            return;
        }
        self.enter(id, RenderState::Running, RenderState::Publishing)
            .await;
        let published = renders::moves::publish(self.tx, id, self.now_ms);
        assert!(published.await.unwrap().is_made());
        self.ended(id, RenderState::Published);
    }

    fn ended(&mut self, id: RenderId, state: RenderState) {
        self.outcome.ended.insert(id, state.name());
    }

    async fn cancel(&mut self, id: RenderId) {
        let canceled = renders::moves::cancel(self.tx, id, self.now_ms);
        self.outcome.made = canceled.await.unwrap().is_made();
        self.ended(id, RenderState::Canceled);
        self.drop_unshared(id).await;
    }

    async fn drop_unshared(&mut self, id: RenderId) {
        for task in graph::unshared(self.tx, id).await.unwrap() {
            let before = moves::cancel(self.tx, &task.key, self.now_ms).await;
            let before = before.unwrap().unwrap();
            if before.is_in_flight() {
                self.outcome.called_off.insert(before.key, before.attempt);
            }
        }
    }

    async fn sweep(&mut self, lane: Lane, room: u64) {
        let mut left = room;
        for line in pick::lines(self.tx, lane).await.unwrap() {
            let everything = pick::Takes::EVERYTHING;
            let next = pick::line(
                self.tx,
                lane,
                line.director,
                (self.now_ms, &everything),
                left,
            );
            for turn in next.await.unwrap() {
                left -= 1;
                self.outcome.turns.push((turn.key, turn.ready_since_ms));
                self.enqueue(&turn.key).await;
            }
        }
    }

    async fn enqueue(&mut self, task: &TaskKey) {
        let queued: Option<AttemptId> = moves::enqueue(self.tx, task, self.now_ms).await.unwrap();
        self.outcome.made |= queued.is_some();
        self.outcome.queued.extend(queued);
    }

    async fn report(&mut self, report: &Report) {
        let (id, worker, now_ms) = (report.id, report.worker.as_str(), self.now_ms);
        let moved = match &report.body {
            Body::Started => moves::start(self.tx, id, worker, now_ms).await,
            Body::Progress(fraction) => {
                moves::progress(self.tx, id, worker, *fraction, now_ms).await
            }
            Body::Done(record) => {
                let (outcome, fence) = (AttemptOutcome::Done, self.world.fence);
                moves::finish(self.tx, id, record, outcome, now_ms, fence).await
            }
            Body::Failed => {
                let failure = failure();
                let end = End::of_failure(AttemptOutcome::Failed, &failure);
                moves::fail(self.tx, id, &failure, &end, now_ms).await
            }
            Body::Over { charge, wait_ms } => {
                let end = End::silent(AttemptOutcome::Released, "It is over.");
                moves::requeue(self.tx, id, *charge, &end, now_ms + wait_ms, now_ms).await
            }
        };
        self.outcome.made = moved.unwrap().is_made();
        if !self.outcome.made {
            return;
        }
        match &report.body {
            Body::Done(_) => {
                let released = moves::release_dependents(self.tx, &id.task, now_ms).await;
                self.outcome.released = released.unwrap();
                for (render, _) in graph::live_renders(self.tx, &id.task).await.unwrap() {
                    self.publish_if_complete(render).await;
                }
            }
            Body::Failed => {
                for (render, _) in graph::live_renders(self.tx, &id.task).await.unwrap() {
                    let problem = Problem::new(500, "broken", "Broken", "It is broken.");
                    let failed = renders::moves::fail(self.tx, render, &problem, now_ms).await;
                    assert!(failed.unwrap().is_made());
                    self.ended(render, RenderState::Failed);
                    self.drop_unshared(render).await;
                }
            }
            Body::Started | Body::Progress(_) | Body::Over { .. } => {}
        }
    }
}

fn failure() -> Failure {
    Failure::new(
        FailureClass::Permanent,
        WhoCanFix::Operator,
        "broken",
        "It is broken.",
    )
}
