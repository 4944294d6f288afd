//! What each deed does to the model, written from the diagram in `db::tasks` and not from its SQL.

use std::rc::Rc;

use botflix_api::db::tasks::TaskState;
use botflix_api::db::tasks::moves::Charge;
use botflix_common::hash::TaskKey;
use botflix_common::http::RenderState;
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::task::{AttemptId, Lane};

use super::machine::{Machine, Outcome, Render, Task};
use super::steps::{Body, Deed, Report};

impl Task {
    /// Every move ends the work of whoever had it.
    fn enter(&mut self, state: TaskState, now_ms: i64) {
        self.state = state;
        self.worker = None;
        self.updated_at_ms = now_ms;
    }
}

impl Machine {
    pub fn play(&mut self, deed: &Deed) -> Outcome {
        let mut outcome = Outcome::default();
        match deed {
            Deed::Submit { film, render } => self.submit(*film, *render, &mut outcome),
            Deed::Cancel { render } => {
                outcome.made = true;
                self.end(*render, RenderState::Canceled, &mut outcome);
            }
            Deed::Sweep { lane, room } => self.sweep(*lane, *room, &mut outcome),
            Deed::Enqueue { task } => self.enqueue(task, &mut outcome),
            Deed::Report(report) => self.report(report, &mut outcome),
            // Too late, and too early.
            Deed::CancelTask { .. } | Deed::ReviveTask { .. } => {}
        }
        outcome
    }

    /// New tasks are laid, lost ones live again, all others are shared as they are.
    fn submit(&mut self, film: usize, render: RenderId, outcome: &mut Outcome) {
        let (films, now_ms) = (Rc::clone(&self.films), self.now_ms);
        let director = films.films[film].director;
        for planned in &films.films[film].plan.tasks {
            let before = self.tasks.get(&planned.key);
            let attempt = match before.map(|task| (task.state, task.attempt)) {
                None => 0,
                Some((TaskState::Failed | TaskState::Canceled, attempt)) => attempt,
                Some(_) => continue,
            };
            let can_run = self.can_run(&planned.key);
            let task = Task {
                state: if can_run {
                    TaskState::Ready
                } else {
                    TaskState::Waiting
                },
                attempt,
                crashes: 0,
                retries: 0,
                worker: None,
                progress: 0.0,
                record: None,
                director,
                created_at_ms: now_ms,
                due_at_ms: now_ms,
                updated_at_ms: now_ms,
            };
            self.tasks.insert(planned.key, task);
        }
        outcome.made = true;
        self.renders.push(Render {
            id: render,
            film,
            state: RenderState::Running,
        });
        self.publish_complete(outcome);
    }

    fn publish_complete(&mut self, outcome: &mut Outcome) {
        let complete: Vec<RenderId> = self
            .running()
            .filter(|render| self.unfinished(render.film) == 0)
            .map(|render| render.id)
            .collect();
        for id in complete {
            self.set_render(id, RenderState::Published, outcome);
        }
    }

    fn set_render(&mut self, id: RenderId, state: RenderState, outcome: &mut Outcome) -> usize {
        let mut renders = self.renders.iter_mut();
        let render = renders.find(|render| render.id == id).unwrap();
        render.state = state;
        outcome.ended.insert(id, state.name());
        render.film
    }

    /// Without its film: what nobody else wants is canceled.
    fn end(&mut self, id: RenderId, state: RenderState, outcome: &mut Outcome) {
        let (film, now_ms) = (self.set_render(id, state, outcome), self.now_ms);
        for key in self.keys(Task::is_open) {
            let shared = self.running().any(|other| self.wants(other.film, &key));
            if shared || !self.wants(film, &key) {
                continue;
            }
            let task = self.tasks.get_mut(&key).unwrap();
            if task.is_in_flight() {
                outcome.called_off.insert(key, task.attempt);
            }
            task.enter(TaskState::Canceled, now_ms);
        }
    }

    /// One director after the other, each one's own in order of age, cost and key. Whose turn it is, is the dispatcher's business.
    fn sweep(&mut self, lane: Lane, room: u64, outcome: &mut Outcome) {
        let mut directors: Vec<DirectorId> =
            self.films.films.iter().map(|film| film.director).collect();
        directors.sort_by_key(ToString::to_string);
        directors.dedup();
        let mut turns = Vec::new();
        for director in directors {
            let own = |task: &&Task| task.director == director;
            let mut ready: Vec<(&TaskKey, &Task)> = self
                .tasks
                .iter()
                .filter(|(key, task)| own(task) && self.films.tasks[*key].spec.lane() == lane)
                .filter(|(_, task)| task.state == TaskState::Ready && task.due_at_ms <= self.now_ms)
                .collect();
            let cost = |key: &TaskKey| self.films.tasks[key].weight;
            ready.sort_by(|(a, one), (b, other)| {
                let older = one.created_at_ms.cmp(&other.created_at_ms);
                older.then(cost(b).total_cmp(&cost(a))).then(a.cmp(b))
            });
            turns.extend(ready.into_iter().map(|(key, task)| {
                let since_ms = task.due_at_ms.max(task.updated_at_ms);
                (*key, since_ms)
            }));
        }
        turns.truncate(usize::try_from(room).unwrap());
        outcome.turns = turns;
        for (key, _) in outcome.turns.clone() {
            self.enqueue(&key, outcome);
        }
    }

    fn enqueue(&mut self, key: &TaskKey, outcome: &mut Outcome) {
        let now_ms = self.now_ms;
        let task = self.tasks.get_mut(key).unwrap();
        if task.state != TaskState::Ready {
            return;
        }
        task.enter(TaskState::Queued, now_ms);
        task.attempt += 1;
        task.progress = 0.0;
        outcome.made = true;
        outcome.queued.push(AttemptId {
            task: *key,
            attempt: task.attempt,
        });
    }

    fn report(&mut self, report: &Report, outcome: &mut Outcome) {
        let (key, now_ms) = (report.id.task, self.now_ms);
        let task = self.tasks.get_mut(&key).unwrap();
        if report.id.attempt != task.attempt || !task.is_in_flight() {
            return;
        }
        match &report.body {
            Body::Started => {
                if task.state == TaskState::Running {
                    return;
                }
                task.enter(TaskState::Running, now_ms);
                task.worker = Some(report.worker.clone());
            }
            Body::Progress(fraction) => {
                if *fraction <= task.progress {
                    return;
                }
                task.enter(TaskState::Running, now_ms);
                task.worker = Some(report.worker.clone());
                task.progress = *fraction;
            }
            Body::Done(record) => {
                task.enter(TaskState::Done, now_ms);
                task.worker = Some(record.worker.clone());
                task.progress = 1.0;
                task.record = Some((**record).clone());
                self.release(&key, outcome);
                self.publish_complete(outcome);
            }
            Body::Failed => {
                task.enter(TaskState::Failed, now_ms);
                let lost: Vec<RenderId> = self
                    .running()
                    .filter(|render| self.wants(render.film, &key))
                    .map(|render| render.id)
                    .collect();
                for id in lost {
                    self.end(id, RenderState::Failed, outcome);
                }
            }
            Body::Over { charge, wait_ms } => {
                task.enter(TaskState::Ready, now_ms);
                task.progress = 0.0;
                task.due_at_ms = now_ms + wait_ms;
                match charge {
                    Charge::Nothing => {}
                    Charge::Retry => task.retries += 1,
                    Charge::Crash => task.crashes += 1,
                }
            }
        }
        outcome.made = true;
    }

    fn release(&mut self, done: &TaskKey, outcome: &mut Outcome) {
        let now_ms = self.now_ms;
        for key in self.keys(|task| task.state == TaskState::Waiting) {
            if self.films.needs(&key).contains(done) && self.can_run(&key) {
                let task = self.tasks.get_mut(&key).unwrap();
                task.enter(TaskState::Ready, now_ms);
                task.due_at_ms = now_ms;
                outcome.released += 1;
            }
        }
    }
}
