//! Workers that do whatever comes to them: finish twice, hand back and finish all the same, crash, fall silent, report out of order, while
//! renders that share tasks are sent and canceled. However it goes, every render ends, every task of a published one was done once, and what
//! comes later changes nothing. [`crate::model`] does the same to the tables alone, a thousand times as often.
//!
//! `PROPTEST_RNG_SEED=<seed>` draws something else, as `make soak` does. With the same seed the order of reports is the same, the moments at
//! which the farm's loops run are not.

use std::collections::{HashMap, HashSet};

use botflix_api::db::episodes::{self, EpisodeFilter};
use botflix_api::db::tasks::{self, TaskHead, TaskState};
use botflix_api::farm::{Order, Submitted};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::TaskKey;
use botflix_common::http::{RenderEvent, RenderEventKind, RenderState};
use botflix_common::id::RenderId;
use botflix_common::manifest::ShotManifest;
use botflix_common::plan;
use botflix_common::report::ReportBody;
use botflix_testkit::deadline;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::facts::{clip, facts_of, manifest_of_width};
use crate::model::seeded;
use crate::rig::{Base, LIMIT, Rig, suspicious};
use crate::script::{Hands, Taken};

/// Rounds of films, all on one farm.
const ROUNDS: usize = 4;
const CLIPS: [&str; 4] = ["a", "b", "c", "d"];

crate::on_both_databases!(whatever_workers_do_every_task_of_a_published_render_is_done_once);

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Finishes,
    /// Two workers have it, and each makes something else of it.
    FinishesTwice,
    FinishesBeforeItStarts,
    HandsBack,
    /// And finishes when everything is over.
    HandsBackAndFinishes,
    FailsForNow,
    Crashes,
    /// Nobody hears of it again until everything is over.
    FallsSilent,
}

#[derive(Clone, Debug)]
struct Round {
    /// The clips of each film.
    films: Vec<Vec<&'static str>>,
    /// Films that are canceled as soon as so many attempts were taken.
    cancels: Vec<(usize, usize)>,
    /// Of each attempt in the order in which they are taken; from then on all finish.
    manners: Vec<Manner>,
}

fn round() -> impl Strategy<Value = Round> {
    let manner = prop_oneof![
        4 => Just(Manner::Finishes),
        3 => Just(Manner::FinishesTwice),
        2 => Just(Manner::FinishesBeforeItStarts),
        2 => Just(Manner::HandsBack),
        2 => Just(Manner::HandsBackAndFinishes),
        2 => Just(Manner::FailsForNow),
        1 => Just(Manner::Crashes),
        1 => Just(Manner::FallsSilent),
    ];
    let film = subsequence(CLIPS.to_vec(), 1..=3);
    let cancel = (select(vec![0_usize, 1, 2]), 0..20_usize);
    (vec(film, 3), vec(cancel, 0..=1), vec(manner, 10..=30)).prop_map(
        |(films, cancels, manners)| Round {
            films,
            cancels,
            manners,
        },
    )
}

async fn whatever_workers_do_every_task_of_a_published_render_is_done_once(base: Base) {
    let rig = base.rig_with(suspicious()).await;
    let (config, seed) = seeded();
    let mut chance = TestRunner::new(config);
    eprintln!("PROPTEST_RNG_SEED={seed} plays it again");
    let mut published = 0;
    for nth in 0..ROUNDS {
        let round = round().new_tree(&mut chance).unwrap().current();
        eprintln!("round {nth}: {round:?}");
        // Again in every round: where chance has crashed an inspection too often, it is made anew.
        rig.send_clips(&CLIPS).await;
        published += Play::of(&rig, nth, round).await.until_all_end().await;
    }
    assert!(published > 0, "not one film came of it");
    let all = episodes::page(rig.farm.database(), &EpisodeFilter::default(), None, 1000).await;
    assert_eq!(all.unwrap().len(), published);
}

/// One round on its way.
struct Play<'a> {
    rig: &'a Rig,
    round: Round,
    renders: Vec<(RenderId, ShotManifest)>,
    /// Two workers, of which the first takes everything.
    hands: [Hands; 2],
    taken: usize,
    /// Reports that come when everything is over.
    late: Vec<(Taken, ReportBody)>,
}

impl<'a> Play<'a> {
    async fn of(rig: &'a Rig, nth: usize, round: Round) -> Self {
        let mut renders = Vec::new();
        for (film, clips) in round.films.iter().enumerate() {
            // Another width than the rounds before: nothing of it is there.
            let mut manifest = manifest_of_width(320 + 2 * nth, clips);
            manifest.title = format!("Film {film}");
            let submitted = rig
                .farm
                .submit_render(Order::new(rig.director, &manifest))
                .await;
            match submitted.unwrap() {
                Submitted::New(id) => renders.push((id, manifest)),
                other => unreachable!("{other:?}"),
            }
        }
        Self {
            rig,
            round,
            renders,
            hands: [Hands::of(rig, "w0"), Hands::of(rig, "w1")],
            taken: 0,
            late: Vec::new(),
        }
    }

    /// Returns how many films were published.
    async fn until_all_end(mut self) -> usize {
        deadline::until("every render ends", LIMIT, async || {
            for taken in self.hands[0].take_all().await? {
                self.cancel_what_is_to_be().await;
                let manner = self.round.manners.get(self.taken).copied();
                self.taken += 1;
                self.treat(taken, manner.unwrap_or(Manner::Finishes)).await;
            }
            // Chance may hold up the inspection of a clip that no film needs.
            let mut over = self.rig.are_decided(&CLIPS).await?;
            for (id, _) in &self.renders {
                over &= self.rig.state(*id).await.is_final();
            }
            Ok(over.then_some(()))
        })
        .await
        .unwrap();
        self.rig.reports_are_taken().await;
        let before = (self.tasks().await, self.logs().await);
        for (taken, body) in std::mem::take(&mut self.late) {
            self.hands[1].report(taken.id, body.clone()).await;
            self.hands[1].report(taken.id, body).await;
        }
        self.rig.reports_are_taken().await;
        assert_eq!((self.tasks().await, self.logs().await), before);
        self.nothing_is_left().await;
        self.published(&before.0, &before.1).await
    }

    async fn cancel_what_is_to_be(&self) {
        let cancels = self.round.cancels.iter();
        for (film, _) in cancels.filter(|(_, after)| *after == self.taken) {
            let id = self.renders[*film].0;
            self.rig.farm.cancel_render(id).await.unwrap();
        }
    }

    async fn treat(&mut self, taken: Taken, manner: Manner) {
        let [one, two] = &self.hands;
        let id = taken.id;
        if manner != Manner::FinishesBeforeItStarts {
            one.report(id, ReportBody::Started).await;
        }
        match manner {
            Manner::Finishes => one.report(id, taken.done_by("w0")).await,
            Manner::FinishesTwice => {
                one.report(id, taken.done_by("w0")).await;
                two.report(id, taken.done_by("w1")).await;
                two.report(id, ReportBody::Released).await;
            }
            Manner::FinishesBeforeItStarts => {
                one.report(id, taken.done_by("w0")).await;
                one.report(id, half()).await;
                one.report(id, ReportBody::Started).await;
            }
            Manner::HandsBack => one.report(id, ReportBody::Released).await,
            Manner::HandsBackAndFinishes => {
                one.report(id, half()).await;
                one.report(id, ReportBody::Released).await;
                self.late.push((taken.clone(), taken.done_by("late")));
            }
            Manner::FailsForNow => one.report(id, failure(FailureClass::Retry)).await,
            Manner::Crashes => {
                one.report(id, failure(FailureClass::Crash)).await;
                one.report(id, failure(FailureClass::Crash)).await;
            }
            Manner::FallsSilent => {
                self.late.push((taken, failure(FailureClass::Permanent)));
            }
        }
    }

    /// Every task of the round that there is.
    async fn tasks(&self) -> HashMap<TaskKey, TaskHead> {
        let mut found = HashMap::new();
        for key in self.renders.iter().flat_map(|(_, film)| keys(film)) {
            let head = tasks::find(self.rig.farm.database(), &key).await.unwrap();
            found.extend(head.map(|head| (key, head)));
        }
        found
    }

    async fn logs(&self) -> HashMap<RenderId, Vec<RenderEvent>> {
        let mut logs = HashMap::new();
        for (id, _) in &self.renders {
            logs.insert(*id, self.rig.events(*id).await);
        }
        logs
    }

    async fn nothing_is_left(&self) {
        let census = tasks::census(self.rig.farm.database()).await.unwrap();
        assert_eq!(census, [], "tasks of renders that have ended");
        self.rig.lanes_are_empty().await;
    }

    async fn published(
        &self,
        tasks: &HashMap<TaskKey, TaskHead>,
        logs: &HashMap<RenderId, Vec<RenderEvent>>,
    ) -> usize {
        let mut published = 0;
        for (id, film) in &self.renders {
            let mut done = HashSet::new();
            for event in &logs[id] {
                if let (RenderEventKind::TaskDone, Some(task)) = (event.kind, &event.task) {
                    let first = done.insert((task.kind, task.shot.clone()));
                    assert!(first, "{id}: done twice: {task:?}");
                }
            }
            if self.rig.state(*id).await == RenderState::Published {
                published += 1;
                for key in keys(film) {
                    assert_eq!(tasks[&key].state, TaskState::Done);
                }
            }
        }
        published
    }
}

/// The tasks of a film.
fn keys(film: &ShotManifest) -> Vec<TaskKey> {
    let facts = CLIPS.map(clip).map(|sha| (sha, facts_of(&sha)));
    let plan = plan::plan(film, &facts.into_iter().collect()).unwrap();
    plan.tasks.iter().map(|task| task.key).collect()
}

fn half() -> ReportBody {
    ReportBody::Progress {
        fraction: 0.5,
        speed: None,
    }
}

fn failure(class: FailureClass) -> ReportBody {
    ReportBody::Failed {
        failure: Failure::new(class, WhoCanFix::Operator, "disk_full", "The disk is full."),
    }
}
