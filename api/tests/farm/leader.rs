//! Several processes, one leader: it alone dispatches and reconciles, whoever hears of work rouses it, and it is replaced when it is gone.

use std::time::Duration;

use botflix_api::db::leaders;
use botflix_api::farm::{Farm, FarmConfig};
use botflix_common::http::RenderState;
use botflix_testkit::deadline;
use tokio::time::Instant;

use crate::rig::{Base, LIMIT, Rig, quick};
use crate::script::Script;

crate::on_both_databases!(
    one_of_several_processes_leads_and_the_next_takes_over_when_it_stops,
    a_leader_that_fell_silent_is_replaced_when_its_lease_is_over,
    a_render_sent_to_a_process_that_does_not_lead_runs_at_once,
    a_process_that_does_not_lead_heals_nothing,
    a_leader_without_its_database_leads_no_longer_than_it_said,
);

impl Rig {
    async fn led_by(&self, farm: &Farm) {
        deadline::until("the process leads", LIMIT, async || {
            Ok(farm.leads().then_some(()))
        })
        .await
        .unwrap();
    }

    /// Has a process that does not exist lead for so long.
    async fn led_by_a_dead_one(base: &Base, lease: Duration) {
        let db = base.database().await;
        let taken = leaders::take(&db, "farm", "dead", lease).await.unwrap();
        assert!(taken.is_made());
    }
}

/// Nothing is looked for without being told, and no lead changes while the test runs.
fn deaf() -> FarmConfig {
    let mut config = quick();
    config.dispatch_every = Duration::from_secs(3600);
    config.lead_lease = Duration::from_secs(600);
    config
}

async fn one_of_several_processes_leads_and_the_next_takes_over_when_it_stops(base: Base) {
    let mut config = quick();
    // Far beyond what the test takes: whoever takes over need not wait for it.
    config.lead_lease = Duration::from_secs(600);
    let rig = base.rig_with(config.clone()).await;
    rig.led_by(&rig.farm).await;
    let others = [
        rig.base.farm(config.clone()).await,
        rig.base.farm(config).await,
    ];
    rig.send_clips(&["a"]).await;
    let script = Script::start(&rig);
    let first = rig.submit("First", &["a"]).await;
    assert_eq!(rig.ends(first).await.state, RenderState::Published);
    assert!(rig.farm.leads() && others.iter().all(|farm| !farm.leads()));

    rig.farm.stop().await;
    assert!(!rig.farm.leads());
    let leaders = deadline::until("another leads", LIMIT, async || {
        let leaders = others.iter().filter(|farm| farm.leads()).count();
        Ok((leaders > 0).then_some(leaders))
    });
    assert_eq!(leaders.await.unwrap(), 1);
    let second = rig.submit("Second", &["a"]).await;
    assert_eq!(rig.ends(second).await.state, RenderState::Published);
    drop(script);
}

async fn a_leader_that_fell_silent_is_replaced_when_its_lease_is_over(base: Base) {
    let lease = Duration::from_secs(2);
    let since = Instant::now();
    Rig::led_by_a_dead_one(&base, lease).await;
    let rig = base.rig().await;
    rig.led_by(&rig.farm).await;
    assert!(since.elapsed() >= lease, "it was not waited for");
    rig.send_clips(&["a"]).await;
    let script = Script::start(&rig);
    let id = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn a_render_sent_to_a_process_that_does_not_lead_runs_at_once(base: Base) {
    let leader = base.farm(deaf()).await;
    deadline::until("the process leads", LIMIT, async || {
        Ok(leader.leads().then_some(()))
    })
    .await
    .unwrap();
    let rig = base.rig_with(deaf()).await;
    rig.send_clips(&["a"]).await;
    let script = Script::start(&rig);
    let id = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    assert!(!rig.farm.leads() && leader.leads());
    drop(script);
    leader.stop().await;
}

async fn a_process_that_does_not_lead_heals_nothing(base: Base) {
    Rig::led_by_a_dead_one(&base, Duration::from_secs(600)).await;
    let rig = base.rig().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let db = rig.base.database().await;
    // It asks for the lead again and again, and hands nothing out meanwhile.
    let script = Script::start(&rig);
    deadline::until("it rings for the leader", LIMIT, async || {
        Ok(rig
            .base
            .queue()
            .bell()
            .rang(Duration::from_millis(100))
            .await?
            .then_some(()))
    })
    .await
    .unwrap();
    assert!(!rig.farm.leads());
    assert_eq!(script.ran().len(), 0);
    // The dead one is declared so.
    assert!(
        leaders::resign(&db, "farm", "dead")
            .await
            .unwrap()
            .is_made()
    );
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
}

async fn a_leader_without_its_database_leads_no_longer_than_it_said(base: Base) {
    let rig = base.rig().await;
    rig.led_by(&rig.farm).await;
    rig.farm.database().close().await;
    let ended = deadline::until("it leads no more", LIMIT, async || {
        Ok((!rig.farm.leads()).then_some(()))
    });
    ended.await.unwrap();
    let next = rig.base.farm(quick()).await;
    deadline::until("another leads", LIMIT, async || {
        Ok(next.leads().then_some(()))
    })
    .await
    .unwrap();
    next.stop().await;
}
