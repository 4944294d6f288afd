//! From a manifest to an episode, and what is not done twice.

use std::collections::HashMap;

use botflix_api::db::episodes::EpisodeFilter;
use botflix_api::db::{episodes, events, renders};
use botflix_api::farm::{Idempotency, Order, Submitted};
use botflix_common::hash::Sha;
use botflix_common::http::{RenderEvent, RenderEventKind, RenderState};
use botflix_common::id::RenderId;
use botflix_common::plan::UNKNOWN_CLIP;
use botflix_common::report::ReportBody;
use botflix_common::task::TaskKind;
use botflix_testkit::deadline;

use crate::facts::{clip, manifest};
use crate::rig::{Base, LIMIT, Rig, director};
use crate::script::{Hands, Script};

crate::on_both_databases!(
    a_render_sent_before_its_clips_are_inspected_is_published_once,
    progress_reaches_the_render_and_never_falls,
    the_same_film_again_runs_nothing,
    two_renders_that_need_the_same_tasks_share_them,
    changing_one_shot_runs_that_shot_and_the_joining_again,
    an_idempotency_key_stands_for_one_render,
    twenty_parallel_submissions_with_one_key_make_one_render,
    a_clip_of_another_director_is_unknown,
);

impl Rig {
    pub async fn send_clips(&self, names: &[&str]) {
        for name in names {
            self.farm
                .clip_arrived(self.director, clip(name), 1000)
                .await
                .unwrap();
        }
    }

    pub async fn submit(&self, title: &str, clips: &[&str]) -> RenderId {
        let manifest = manifest(title, clips);
        match self
            .farm
            .submit_render(Order::new(self.director, &manifest))
            .await
            .unwrap()
        {
            Submitted::New(id) => id,
            other => unreachable!("{other:?}"),
        }
    }

    pub async fn state(&self, id: RenderId) -> RenderState {
        renders::get(self.farm.database(), id)
            .await
            .unwrap()
            .unwrap()
            .state
    }

    /// Follows a render as the HTTP side does, until it ends.
    pub async fn ends(&self, id: RenderId) -> renders::RenderRow {
        let mut watch = self.farm.watch_render(id);
        deadline::until("the render ends", LIMIT, async || {
            let row = renders::get(self.farm.database(), id).await?.unwrap();
            if row.state.is_final() {
                return Ok(Some(row));
            }
            watch.changed(LIMIT).await;
            Ok(None)
        })
        .await
        .unwrap()
    }

    pub async fn events(&self, id: RenderId) -> Vec<RenderEvent> {
        events::after(self.farm.database(), id, 0, 10_000)
            .await
            .unwrap()
    }
}

pub fn states(events: &[RenderEvent]) -> Vec<RenderState> {
    events
        .iter()
        .filter(|event| event.kind == RenderEventKind::State)
        .map(|event| event.state)
        .collect()
}

async fn a_render_sent_before_its_clips_are_inspected_is_published_once(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let id = rig.submit("First", &["a", "b", "a"]).await;
    assert_eq!(rig.state(id).await, RenderState::Accepted);

    let script = Script::start(&rig);
    let row = rig.ends(id).await;
    assert_eq!(
        (row.state, row.progress),
        (RenderState::Published, 1.0),
        "{:?}",
        row.problem
    );

    let events = rig.events(id).await;
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=row.event_seq).collect::<Vec<_>>());
    assert_eq!(
        states(&events),
        [
            RenderState::Accepted,
            RenderState::Planning,
            RenderState::Running,
            RenderState::Publishing,
            RenderState::Published
        ]
    );
    assert!(events.is_sorted_by(|a, b| a.progress <= b.progress));

    let db = rig.farm.database();
    let parts = renders::parts(db, id).await.unwrap().unwrap();
    let stages: Vec<(&str, u32, u32)> = parts
        .stages
        .iter()
        .map(|stage| (stage.kind.name(), stage.total, stage.done))
        .collect();
    // The first and the last shot are the same segment.
    let expected = [
        ("conform", 2, 2),
        ("mix", 1, 1),
        ("assemble", 1, 1),
        ("check", 1, 1),
        ("package", 1, 1),
    ];
    assert_eq!(stages, expected);
    let episode = parts.episode.unwrap();
    assert_eq!(episode.director_name, "Ida");
    assert_eq!(episode.film.frames, 144);
    let roles: Vec<&str> = episode.artifacts.keys().map(String::as_str).collect();
    assert_eq!(roles, ["film", "poster"]);
    let page = episodes::page(db, &EpisodeFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(page, [episode]);
    assert_eq!(script.ran().len(), 2 + 6);
    rig.farm.stop().await;
}

async fn progress_reaches_the_render_and_never_falls(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "w");
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    let task = hands.take(TaskKind::Conform).await;
    hands.report(task.id, ReportBody::Started).await;
    let mut highest = 0.0;
    for fraction in [0.25, 0.75, 0.5] {
        let speed = None;
        hands
            .report(task.id, ReportBody::Progress { fraction, speed })
            .await;
        rig.reports_are_taken().await;
        let row = renders::get(rig.farm.database(), id)
            .await
            .unwrap()
            .unwrap();
        assert!(row.progress >= highest && row.progress < 1.0);
        highest = row.progress;
    }
    assert!(highest > 0.0);
    let told: Vec<f64> = rig
        .events(id)
        .await
        .iter()
        .filter(|event| event.kind == RenderEventKind::TaskProgress)
        .filter_map(|event| event.task.as_ref().map(|task| task.progress))
        .collect();
    assert_eq!(told, [0.25, 0.75], "what falls is not told");
    // The next attempt begins at nothing; the render stays where it was.
    hands.report(task.id, ReportBody::Released).await;
    rig.reports_are_taken().await;
    let row = renders::get(rig.farm.database(), id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.progress, highest);
}

async fn the_same_film_again_runs_nothing(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let script = Script::start(&rig);
    let first = rig.submit("Film", &["a"]).await;
    rig.ends(first).await;
    let ran = script.ran().len();

    let second = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.state(second).await, RenderState::Published);
    assert_eq!(script.ran().len(), ran);
    let all = EpisodeFilter::default();
    let page = episodes::page(rig.farm.database(), &all, None, 10)
        .await
        .unwrap();
    let renders: Vec<RenderId> = page.iter().map(|row| row.render_id).collect();
    assert_eq!(renders, [second, first]);
}

async fn two_renders_that_need_the_same_tasks_share_them(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let one = rig.submit("Film", &["a", "b"]).await;
    let two = rig.submit("Film", &["a", "b"]).await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(one).await.state, RenderState::Published);
    assert_eq!(rig.ends(two).await.state, RenderState::Published);
    let mut runs: HashMap<_, u32> = HashMap::new();
    for taken in script.ran() {
        *runs.entry(taken.id.task).or_default() += 1;
    }
    assert_eq!(runs.len(), 2 + 6);
    assert!(runs.values().all(|count| *count == 1), "{runs:?}");
    for id in [one, two] {
        assert!(
            rig.events(id)
                .await
                .iter()
                .any(|event| event.kind == RenderEventKind::TaskDone)
        );
    }
}

async fn changing_one_shot_runs_that_shot_and_the_joining_again(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b", "c"]).await;
    let script = Script::start(&rig);
    let first = rig.submit("Film", &["a", "b", "c"]).await;
    rig.ends(first).await;
    rig.send_clips(&["d"]).await;
    let before = script.ran().len();
    let second = rig.submit("Film", &["a", "d", "c"]).await;
    assert_eq!(rig.ends(second).await.state, RenderState::Published);
    let mut kinds = script.kinds().split_off(before);
    kinds.sort_unstable();
    // The clips are silent: the sound is the same silence and is not made again.
    assert_eq!(
        kinds,
        ["assemble", "check", "conform", "inspect", "package"]
    );
}

async fn an_idempotency_key_stands_for_one_render(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let film = manifest("Film", &["a"]);
    let keyed = |body: &str| {
        Some(Idempotency {
            key: "k1".to_owned(),
            body_sha256: Sha::of(body.as_bytes()),
        })
    };
    let submit = async |director, body| {
        rig.farm
            .submit_render(Order {
                idempotency: keyed(body),
                ..Order::new(director, &film)
            })
            .await
            .unwrap()
    };
    let Submitted::New(id) = submit(rig.director, "body").await else {
        unreachable!()
    };
    assert_eq!(submit(rig.director, "body").await, Submitted::Same(id));
    assert_eq!(
        submit(rig.director, "another body").await,
        Submitted::KeyReused
    );
    // Keys belong to their director.
    let other = director(rig.farm.database()).await;
    rig.farm.clip_arrived(other, clip("a"), 1000).await.unwrap();
    assert!(matches!(
        submit(other, "another body").await,
        Submitted::New(_)
    ));
}

async fn twenty_parallel_submissions_with_one_key_make_one_render(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let film = manifest("Film", &["a"]);
    let submissions = (0..20).map(|_| {
        let idempotency = Idempotency {
            key: "k".to_owned(),
            body_sha256: Sha::of(b"body"),
        };
        rig.farm.submit_render(Order {
            idempotency: Some(idempotency),
            ..Order::new(rig.director, &film)
        })
    });
    let mut new = Vec::new();
    let mut same = Vec::new();
    for submitted in futures::future::join_all(submissions).await {
        match submitted.unwrap() {
            Submitted::New(id) => new.push(id),
            Submitted::Same(id) => same.push(id),
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!((new.len(), same.len()), (1, 19));
    assert!(same.iter().all(|id| *id == new[0]));
    let list = renders::list(rig.farm.database(), rig.director, None, 100)
        .await
        .unwrap();
    assert_eq!(list.len(), 1);
}

async fn a_clip_of_another_director_is_unknown(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let thief = director(rig.farm.database()).await;
    rig.farm.clip_arrived(thief, clip("b"), 1000).await.unwrap();
    let film = manifest("Film", &["b", "a", "nowhere"]);
    let submitted = rig
        .farm
        .submit_render(Order::new(thief, &film))
        .await
        .unwrap();
    let Submitted::Invalid(problems) = submitted else {
        unreachable!("{submitted:?}")
    };
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/shots/1/source/clip", UNKNOWN_CLIP),
            ("/shots/2/source/clip", UNKNOWN_CLIP)
        ]
    );
    assert!(
        renders::list(rig.farm.database(), thief, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}
