//! Clips: inspected once, refused for good, and what a verdict does to the renders that waited for it.

use std::time::Duration;

use botflix_api::db::clips::{self, Arrival};
use botflix_api::farm::{Order, Submitted};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::Sha;
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::report::ReportBody;
use botflix_common::storage_key;
use botflix_testkit::deadline;

use crate::facts::{clip, manifest};
use crate::rig::{Base, LIMIT, Rig};
use crate::script::{Hands, Script};

crate::on_both_databases!(
    a_refused_clip_fails_the_renders_that_waited_for_it,
    the_bytes_of_a_refused_clip_go_and_its_verdict_stays,
    bytes_that_are_an_artifact_too_are_never_deleted,
    a_clip_whose_inspection_failed_is_inspected_when_sent_again,
    a_director_with_many_clips_does_not_starve_one_with_one,
);

impl Rig {
    pub async fn decided(&self, sha: &Sha) -> clips::ClipRow {
        let mut watch = self.farm.watch_clip(*sha);
        deadline::until("the clip is decided", LIMIT, async || {
            let row = clips::get_visible(self.farm.database(), self.director, sha).await?;
            if let Some(row) = row.filter(|row| row.status != ClipStatus::Inspecting) {
                return Ok(Some(row));
            }
            watch.changed(LIMIT).await;
            Ok(None)
        })
        .await
        .unwrap()
    }

    /// Whether all of these clips are inspected, however that went.
    pub async fn are_decided(&self, names: &[&str]) -> anyhow::Result<bool> {
        let mut decided = true;
        for name in names {
            let row = clips::get_visible(self.farm.database(), self.director, &clip(name)).await?;
            decided &= row.is_some_and(|row| row.status != ClipStatus::Inspecting);
        }
        Ok(decided)
    }

    /// Waits until these clips are ready.
    pub async fn ends_inspection(&self, names: &[&str]) {
        for name in names {
            assert_eq!(self.decided(&clip(name)).await.status, ClipStatus::Ready);
        }
    }

    async fn store(&self, sha: &Sha) {
        let key = storage_key::blob(sha);
        self.base
            .storage()
            .put_bytes(&key, "bytes".into())
            .await
            .unwrap();
    }

    async fn is_stored(&self, sha: &Sha) -> bool {
        self.base
            .storage()
            .len(&storage_key::blob(sha))
            .await
            .unwrap()
            .is_some()
    }
}

async fn a_refused_clip_fails_the_renders_that_waited_for_it(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a", "bad1"]).await;
    let waiting = rig.submit("Waits", &["a", "bad1"]).await;
    let fine = rig.submit("Fine", &["a"]).await;
    let _script = Script::start(&rig);
    let row = rig.ends(waiting).await;
    assert_eq!(row.state, RenderState::Failed);
    let problem = row.problem.unwrap();
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (422, "invalid_manifest")
    );
    assert_eq!(problem.errors[0].pointer, "/shots/1/source/clip");
    assert_eq!(problem.errors[0].code, "encrypted");
    assert_eq!(rig.ends(fine).await.state, RenderState::Published);

    // From now on the same manifest is refused at once.
    rig.decided(&clip("bad1")).await;
    let again = manifest("Waits", &["a", "bad1"]);
    let submitted = rig
        .farm
        .submit_render(Order::new(rig.director, &again))
        .await
        .unwrap();
    let Submitted::Invalid(problems) = submitted else {
        unreachable!("{submitted:?}")
    };
    assert_eq!(problems, problem.errors);
}

async fn the_bytes_of_a_refused_clip_go_and_its_verdict_stays(base: Base) {
    let rig = base.rig().await;
    let (bad, good) = (clip("bad1"), clip("a"));
    rig.store(&bad).await;
    rig.store(&good).await;
    rig.send_clips(&["bad1", "a"]).await;
    let script = Script::start(&rig);
    assert_eq!(rig.decided(&bad).await.status, ClipStatus::Refused);
    assert_eq!(rig.decided(&good).await.status, ClipStatus::Ready);
    deadline::until("the bytes are gone", LIMIT, async || {
        Ok((!rig.is_stored(&bad).await).then_some(()))
    })
    .await
    .unwrap();
    assert!(rig.is_stored(&good).await);

    // Sent again: answered from the verdict, not inspected, and its bytes go again.
    rig.store(&bad).await;
    let arrival = rig
        .farm
        .clip_arrived(rig.director, bad, 1000)
        .await
        .unwrap();
    let Arrival::Known(row) = arrival else {
        unreachable!("{arrival:?}")
    };
    assert_eq!(row.status, ClipStatus::Refused);
    let (_, judgement) = row.judgement().unwrap();
    assert_eq!(judgement.reasons[0].code, "encrypted");
    deadline::until("the bytes are gone again", LIMIT, async || {
        Ok((!rig.is_stored(&bad).await).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(script.kinds(), ["inspect", "inspect"]);
}

/// Somebody sends an episode's own poster as a clip: it is refused, and the poster must not vanish with it.
async fn bytes_that_are_an_artifact_too_are_never_deleted(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let bad = clip("bad1");
    let _script = Script::playing(&rig, move |taken| {
        let ReportBody::Done {
            mut record,
            memoized,
        } = taken.done_by("script")
        else {
            unreachable!()
        };
        if let Some(poster) = record.artifacts.get_mut("poster") {
            poster.sha256 = bad;
        }
        ReportBody::Done { record, memoized }
    });
    let id = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    rig.store(&bad).await;
    rig.send_clips(&["bad1", "bad2"]).await;
    rig.store(&clip("bad2")).await;
    assert_eq!(rig.decided(&bad).await.status, ClipStatus::Refused);
    assert_eq!(rig.decided(&clip("bad2")).await.status, ClipStatus::Refused);
    deadline::until("the other one is gone", LIMIT, async || {
        Ok((!rig.is_stored(&clip("bad2")).await).then_some(()))
    })
    .await
    .unwrap();
    assert!(rig.is_stored(&bad).await);
}

async fn a_clip_whose_inspection_failed_is_inspected_when_sent_again(base: Base) {
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let waiting = rig.submit("Waits", &["a"]).await;
    let broken = Failure::new(
        FailureClass::Permanent,
        WhoCanFix::Platform,
        "engine",
        "ffmpeg is odd",
    );
    let failing = Script::playing(&rig, move |_| ReportBody::Failed {
        failure: broken.clone(),
    });
    let problem = rig.ends(waiting).await.problem.unwrap();
    assert_eq!(problem.errors[0].code, "inspection_failed");
    assert_eq!(rig.decided(&clip("a")).await.status, ClipStatus::Failed);
    drop(failing);

    let arrival = rig
        .farm
        .clip_arrived(rig.director, clip("a"), 1000)
        .await
        .unwrap();
    assert!(matches!(arrival, Arrival::New(_)), "{arrival:?}");
    let script = Script::start(&rig);
    assert_eq!(rig.decided(&clip("a")).await.status, ClipStatus::Ready);
    // The attempt goes on counting: a late writer of the first life stays out.
    assert_eq!(script.ran()[0].id.attempt, 2);
}

async fn a_director_with_many_clips_does_not_starve_one_with_one(base: Base) {
    let rig = base.rig().await;
    let names: Vec<String> = (0..30).map(|at| format!("many{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    rig.send_clips(&names).await;
    let other = crate::rig::director(rig.farm.database()).await;
    rig.farm
        .clip_arrived(other, clip("single"), 1000)
        .await
        .unwrap();

    // One at a time, as a single slow worker would.
    let hands = Hands::of(&rig, "slow");
    let mut order = Vec::new();
    while order.len() < 31 {
        let taken = hands.take_all().await.unwrap();
        for taken in taken {
            order.extend(taken.spec().clips());
            hands.finish(&taken).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let place = order.iter().position(|sha| *sha == clip("single")).unwrap();
    // The queue is four deep while no worker is known: at most that many were ahead. It has its turn in the next four, which are delivered
    // together, in any order.
    assert!(place < 8, "its turn was number {place}");
}
