//! Once more: renders that ended badly go on, and a changed film takes the place of the one before.

use std::time::Duration;

use botflix_api::db::episodes::{self, EpisodeFilter};
use botflix_api::db::renders::{self, RenderParts};
use botflix_api::farm::{Order, Retried, Submitted};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{RenderEventKind, RenderState};
use botflix_common::id::RenderId;
use botflix_common::report::ReportBody;
use botflix_common::task::TaskKind;
use botflix_testkit::deadline;

use crate::facts::{clip, manifest};
use crate::renders::states;
use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::{Hands, Script};

/// Of a film that is a draft.
const DRAFT_WIDTH: u32 = 640;

crate::on_both_databases!(
    a_failed_render_goes_on_where_it_was,
    a_canceled_render_goes_on_where_it_was,
    an_inspection_that_failed_is_made_again,
    what_waits_for_its_next_try_is_tried_at_once,
    one_shot_alone_is_tried_at_once,
    an_inspection_that_waits_for_its_next_try_is_hurried,
    what_cannot_be_tried_again_is_said,
    a_revision_makes_what_changed_and_keeps_the_episode,
    the_latest_revision_is_shown_whichever_is_published_last,
    a_revision_of_a_failed_render_is_published,
    a_draft_never_takes_the_place_of_a_finished_film,
    a_retry_is_one_more_render_for_the_limit,
);

fn failure(class: FailureClass) -> ReportBody {
    ReportBody::Failed {
        failure: Failure::new(class, WhoCanFix::Operator, "disk_full", "The disk is full."),
    }
}

impl Rig {
    async fn revise(&self, of: RenderId, clips: &[&str]) -> RenderId {
        let film = manifest("Film", clips);
        let submitted = self.farm.submit_render(Order {
            revises: Some(of),
            ..Order::new(self.director, &film)
        });
        match submitted.await.unwrap() {
            Submitted::New(id) => id,
            other => unreachable!("{other:?}"),
        }
    }

    async fn parts(&self, id: RenderId) -> RenderParts {
        let parts = renders::parts(self.farm.database(), id).await.unwrap();
        parts.unwrap()
    }

    async fn retried(&self, id: RenderId, shot: Option<&str>) -> Retried {
        self.farm.retry_render(id, shot).await.unwrap()
    }
}

async fn a_failed_render_goes_on_where_it_was(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    let script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Assemble => failure(FailureClass::Permanent),
        _ => taken.done_by("script"),
    });
    assert_eq!(rig.ends(id).await.state, RenderState::Failed);
    drop(script);

    assert_eq!(rig.retried(id, None).await, Retried::Reopened);
    let row = renders::get(rig.farm.database(), id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.state, row.problem, row.finished_at_ms),
        (RenderState::Running, None, None)
    );
    let script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    assert_eq!(script.kinds(), ["assemble", "check", "package"]);
    let events = rig.events(id).await;
    assert_eq!(
        states(&events),
        [
            RenderState::Accepted,
            RenderState::Planning,
            RenderState::Running,
            RenderState::Failed,
            RenderState::Accepted,
            RenderState::Planning,
            RenderState::Running,
            RenderState::Publishing,
            RenderState::Published,
        ]
    );
    assert!(
        events
            .iter()
            .any(|event| event.message.as_deref() == Some("Asked for once more."))
    );
}

async fn a_canceled_render_goes_on_where_it_was(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let hands = Hands::of(&rig, "w");
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    let late = hands.take(TaskKind::Conform).await;
    rig.farm.cancel_render(id).await.unwrap();
    assert_eq!(rig.retried(id, None).await, Retried::Reopened);
    // Of the life before: it means nothing to this one.
    hands
        .report(late.id, failure(FailureClass::Permanent))
        .await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn an_inspection_that_failed_is_made_again(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let script = Script::playing(&rig, |_| failure(FailureClass::Permanent));
    assert_eq!(rig.ends(id).await.state, RenderState::Failed);
    drop(script);
    assert_eq!(rig.retried(id, None).await, Retried::Reopened);
    assert_eq!(rig.state(id).await, RenderState::Accepted);
    let script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    assert_eq!(script.kinds().first(), Some(&"inspect"));
}

/// A farm whose retries wait for longer than any test, and a render two of whose tasks wait so.
async fn waiting_for_their_next_try(base: Base) -> (Rig, RenderId, Script) {
    let mut config = quick();
    config.first_backoff = Duration::from_secs(3600);
    config.longest_backoff = Duration::from_secs(3600);
    let rig = base.rig_with(config).await;
    rig.send_clips(&["a", "b"]).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    let script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Conform if taken.id.attempt == 1 => failure(FailureClass::Retry),
        _ => taken.done_by("script"),
    });
    deadline::until("both segments wait", LIMIT, async || {
        let events = rig.events(id).await;
        let retried = events
            .iter()
            .filter(|event| event.kind == RenderEventKind::TaskRetried);
        Ok((retried.count() == 2).then_some(()))
    })
    .await
    .unwrap();
    (rig, id, script)
}

async fn what_waits_for_its_next_try_is_tried_at_once(base: Base) {
    let (rig, id, script) = waiting_for_their_next_try(base).await;
    assert_eq!(rig.retried(id, None).await, Retried::Hurried(2));
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn one_shot_alone_is_tried_at_once(base: Base) {
    let (rig, id, script) = waiting_for_their_next_try(base).await;
    let shots = manifest("Film", &["a", "b"]).shots;
    assert_eq!(
        rig.retried(id, Some(&shots[0].id)).await,
        Retried::Hurried(1)
    );
    deadline::until("the shot is made", LIMIT, async || {
        let events = rig.events(id).await;
        let made = events.iter().any(|event| {
            event.kind == RenderEventKind::TaskDone
                && event
                    .task
                    .as_ref()
                    .is_some_and(|task| task.shot.as_ref() == Some(&shots[0].id))
        });
        Ok(made.then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(rig.state(id).await, RenderState::Running);
    assert_eq!(
        rig.retried(id, Some(&shots[0].id)).await,
        Retried::Hurried(0)
    );
    assert_eq!(rig.retried(id, None).await, Retried::Hurried(1));
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn an_inspection_that_waits_for_its_next_try_is_hurried(base: Base) {
    let mut config = quick();
    config.first_backoff = Duration::from_secs(3600);
    config.longest_backoff = Duration::from_secs(3600);
    let rig = base.rig_with(config).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let script = Script::playing(&rig, |taken| match taken.kind() {
        TaskKind::Inspect if taken.id.attempt == 1 => failure(FailureClass::Retry),
        _ => taken.done_by("script"),
    });
    let hurried = deadline::until("the inspection is hurried", LIMIT, async || {
        Ok((rig.retried(id, None).await == Retried::Hurried(1)).then_some(()))
    });
    hurried.await.unwrap();
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn what_cannot_be_tried_again_is_said(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let known = manifest("Film", &["a"]).shots[0].id.clone();
    assert_eq!(
        rig.retried(id, Some("nothing")).await,
        Retried::UnknownShot(vec![known])
    );
    let script = Script::start(&rig);
    rig.ends(id).await;
    assert_eq!(rig.retried(id, None).await, Retried::Published);
    let unknown = rig.farm.retry_render(RenderId::fresh(), None).await;
    assert!(unknown.is_err());
    drop(script);
}

async fn a_revision_makes_what_changed_and_keeps_the_episode(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b", "c"]).await;
    let script = Script::start(&rig);
    let first = rig.submit("Film", &["a", "b"]).await;
    rig.ends(first).await;
    let before = rig.parts(first).await.episode.unwrap();
    rig.ends_inspection(&["c"]).await;
    let made = script.ran().len();

    let second = rig.revise(first, &["a", "c"]).await;
    assert_eq!(rig.ends(second).await.state, RenderState::Published);
    let mut kinds = script.kinds().split_off(made);
    kinds.sort_unstable();
    assert_eq!(kinds, ["assemble", "check", "conform", "package"]);
    let (old, new) = (rig.parts(first).await, rig.parts(second).await);
    let (shown, revised) = (old.episode.unwrap(), new.episode.unwrap());
    assert_eq!(shown, revised);
    assert_eq!(
        (revised.id, revised.render_id, revised.revision),
        (before.id, second, 2)
    );
    assert_eq!(revised.published_at_ms, before.published_at_ms);
    assert!(revised.revised_at_ms.is_some());
    assert_ne!(revised.artifacts["film"], before.artifacts["film"]);
    // A revision of a revision belongs to the same film.
    let third = rig.revise(second, &["c"]).await;
    assert_eq!(rig.ends(third).await.lineage.revision, 3);
    let all = episodes::page(rig.farm.database(), &EpisodeFilter::default(), None, 10).await;
    let all = all.unwrap();
    assert_eq!((all.len(), all[0].id, all[0].revision), (1, before.id, 3));
}

async fn the_latest_revision_is_shown_whichever_is_published_last(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b", "c"]).await;
    let script = Script::start(&rig);
    let first = rig.submit("Film", &["a"]).await;
    rig.ends(first).await;
    rig.ends_inspection(&["b", "c"]).await;
    drop(script);

    let second = rig.revise(first, &["b"]).await;
    let hands = Hands::of(&rig, "slow");
    let held = hands.take(TaskKind::Conform).await;
    let third = rig.revise(first, &["c"]).await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(third).await.state, RenderState::Published);
    assert_eq!(rig.state(second).await, RenderState::Running);
    hands.finish(&held).await;
    assert_eq!(rig.ends(second).await.state, RenderState::Published);
    let shown = rig.parts(second).await.episode.unwrap();
    assert_eq!((shown.render_id, shown.revision), (third, 3));
    drop(script);
}

async fn a_revision_of_a_failed_render_is_published(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let doomed = clip("a");
    let script = Script::playing(&rig, move |taken| {
        if taken.kind() == TaskKind::Conform && taken.spec().clips() == [doomed] {
            failure(FailureClass::Permanent)
        } else {
            taken.done_by("script")
        }
    });
    let first = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(first).await.state, RenderState::Failed);
    let second = rig.revise(first, &["b"]).await;
    assert_eq!(rig.ends(second).await.state, RenderState::Published);
    assert!(rig.parts(first).await.episode.is_none());
    let episode = rig.parts(second).await.episode.unwrap();
    assert_eq!((episode.revision, episode.first_render_id), (2, first));
    drop(script);
}

async fn a_draft_never_takes_the_place_of_a_finished_film(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "b"]).await;
    let script = Script::playing(&rig, move |taken| {
        let mut done = taken.done_by("script");
        if let (ReportBody::Done { record, .. }, botflix_common::task::TaskSpec::Check(check)) =
            (&mut done, taken.spec())
            && let botflix_common::task::TaskOutput::Check { film, .. } = &mut record.output
        {
            film.draft = check.format.width == DRAFT_WIDTH;
        }
        done
    });
    let first = rig.submit("Film", &["a"]).await;
    rig.ends(first).await;
    let mut cut = crate::facts::manifest_of_width(DRAFT_WIDTH as usize, &["b"]);
    cut.delivery.preset = botflix_common::film::Quality::Draft;
    let order = Order {
        revises: Some(first),
        ..Order::new(rig.director, &cut)
    };
    let Submitted::New(second) = rig.farm.submit_render(order).await.unwrap() else {
        unreachable!()
    };
    assert_eq!(rig.ends(second).await.state, RenderState::Published);
    let shown = rig.parts(second).await.episode.unwrap();
    assert_eq!((shown.render_id, shown.revision), (first, 1));
    // And a finished revision does.
    let third = rig.revise(second, &["b"]).await;
    rig.ends(third).await;
    let shown = rig.parts(first).await.episode.unwrap();
    assert_eq!((shown.render_id, shown.revision), (third, 3));
    drop(script);
}

async fn a_retry_is_one_more_render_for_the_limit(base: Base) {
    let mut config = quick();
    config.renders_per_director = 1;
    let rig = base.rig_with(config).await;
    rig.send_clips(&["a"]).await;
    let first = rig.submit("First", &["a"]).await;
    rig.farm.cancel_render(first).await.unwrap();
    let second = rig.submit("Second", &["a"]).await;
    assert_eq!(
        rig.retried(first, None).await,
        Retried::TooMany { limit: 1 }
    );
    rig.farm.cancel_render(second).await.unwrap();
    assert_eq!(rig.retried(first, None).await, Retried::Reopened);
}
