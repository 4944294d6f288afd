//! What is true when the dust has settled: read from SQL, Redis and storage, not from what the processes say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use anyhow::{Context, Result};
use botflix_common::http::LeftoverBody;
use botflix_common::storage_key;

use super::load::{Book, Wish};
use super::stage::{Stage, files, lies_in_storage};
use crate::up::children;

/// Counts of what must not be; each is to be 0.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub accepted: usize,
    pub published: usize,
    pub failed: usize,
    pub canceled: usize,
    /// By what must not be.
    pub wrong: BTreeMap<&'static str, Vec<String>>,
    pub attempts: BTreeMap<String, i64>,
    /// By kind: what lies in storage, nothing refers to, and housekeeping lists.
    pub left_over: BTreeMap<&'static str, usize>,
    /// Whether the farm was made to put that away before storage was judged.
    pub put_away: bool,
}

impl Verdict {
    pub fn holds(&self) -> bool {
        self.wrong.values().all(Vec::is_empty)
    }

    fn note(&mut self, what: &'static str, found: impl IntoIterator<Item = String>) {
        self.wrong.entry(what).or_default().extend(found);
    }
}

pub async fn judge(stage: &Stage, book: &Book) -> Result<Verdict> {
    let mut verdict = Verdict {
        accepted: book.accepted.len(),
        ..Verdict::default()
    };
    renders(stage, book, &mut verdict).await?;
    tasks(stage, &mut verdict).await?;
    queue(stage, &mut verdict).await?;
    objects(stage, &mut verdict).await?;
    processes(stage, &mut verdict);
    verdict.note("told to a director and wrong", book.wrong.iter().cloned());
    Ok(verdict)
}

async fn renders(stage: &Stage, book: &Book, verdict: &mut Verdict) -> Result<()> {
    let kept = stage.ledger.renders().await?;
    let publications = stage.ledger.publications().await?;
    let known: BTreeSet<&str> = kept.iter().map(|render| render.id.as_str()).collect();
    let lost = book
        .accepted
        .keys()
        .map(ToString::to_string)
        .filter(|id| !known.contains(id.as_str()));
    verdict.note("lost", lost);
    let promised: BTreeMap<String, Wish> = book
        .accepted
        .iter()
        .map(|(id, wish)| (id.to_string(), *wish))
        .collect();
    for render in &kept {
        let told = format!("{} {}", render.id, render.state);
        let times = publications.get(&render.id).copied().unwrap_or(0);
        let is_published = render.state == "published";
        match render.state.as_str() {
            "published" => verdict.published += 1,
            "failed" => verdict.failed += 1,
            "canceled" => verdict.canceled += 1,
            _ => verdict.note("stuck renders", [told.clone()]),
        }
        if times != i64::from(is_published) || render.publications > 1 {
            verdict.note("double", [format!("{told}: published {times} times")]);
        }
        if render.events != render.last_event {
            verdict.note("holes in event logs", [told.clone()]);
        }
        let as_wished = match promised.get(&render.id) {
            Some(Wish::Published) => is_published,
            Some(Wish::Canceled) => is_published || render.state == "canceled",
            Some(Wish::Failed) => render.state == "failed",
            None => {
                verdict.note("nobody's", [told.clone()]);
                true
            }
        };
        if !as_wished {
            let problem = render.problem.clone().unwrap_or_default();
            verdict.note("not as wished", [format!("{told} {problem}")]);
        }
    }
    Ok(())
}

async fn tasks(stage: &Stage, verdict: &mut Verdict) -> Result<()> {
    let stuck = stage.ledger.in_flight().await?;
    verdict.note("stuck tasks", stuck.iter().map(|task| format!("{task:?}")));
    let ledger = &stage.ledger;
    verdict.attempts = ledger
        .tally("SELECT COALESCE(outcome, 'open'), COUNT(*) FROM attempts GROUP BY 1")
        .await?;
    let doubled = "SELECT task_key FROM attempts WHERE outcome IN ('done', 'memoized') GROUP BY task_key HAVING COUNT(*) > 1";
    verdict.note("tasks done twice", ledger.words(doubled).await?);
    let open = "SELECT task_key FROM attempts WHERE outcome IS NULL";
    verdict.note("attempts without an end", ledger.words(open).await?);
    Ok(())
}

/// Nothing is queued, leased or unread.
async fn queue(stage: &Stage, verdict: &mut Verdict) -> Result<()> {
    let url = stage
        .redis
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .url();
    let mut connection = redis::Client::open(url)?
        .get_multiplexed_async_connection()
        .await?;
    let streams: Vec<String> = redis::cmd("KEYS")
        .arg("botflix:lane:*")
        .query_async(&mut connection)
        .await?;
    for stream in streams {
        let length: u64 = redis::cmd("XLEN")
            .arg(&stream)
            .query_async(&mut connection)
            .await?;
        if length > 0 {
            verdict.note("stuck entries", [format!("{stream}: {length}")]);
        }
    }
    Ok(())
}

/// What SQL names is in storage, and nothing else once the farm has put away what is left over. Where it cannot be made to do that at once,
/// the rest is what it says that it will put away.
async fn objects(stage: &Stage, verdict: &mut Verdict) -> Result<()> {
    let left_over = in_storage(stage).await?;
    for one in &left_over {
        *verdict.left_over.entry(one.what.name()).or_default() += 1;
    }
    verdict.put_away = stage.put_away(&left_over).await?;
    let left_over: BTreeSet<String> = if verdict.put_away {
        let still = in_storage(stage).await?;
        let told = still.iter().map(|one| {
            let (what, name) = (one.what.name(), &one.name);
            format!("{name}: {what}, and it cannot be put away")
        });
        verdict.note("orphans", told);
        BTreeSet::new()
    } else {
        left_over.into_iter().map(|one| one.name).collect()
    };
    let stored: BTreeMap<String, u64> = stage.objects().await?.into_iter().collect();
    let artifacts = "SELECT DISTINCT a.sha256 FROM artifacts a JOIN tasks t ON t.task_key = a.task_key WHERE t.state = 'done'";
    let clips = "SELECT sha256 FROM clips WHERE bytes_deleted = 0";
    let mut named = BTreeSet::new();
    for sql in [artifacts, clips] {
        for sha in stage.ledger.words(sql).await? {
            let key = storage_key::blob(&sha.parse().context("a hash")?);
            if stored.contains_key(&key) {
                named.insert(key);
            } else {
                verdict.note("missing objects", [sha]);
            }
        }
    }
    for task in stage
        .ledger
        .words("SELECT task_key FROM tasks WHERE state = 'done'")
        .await?
    {
        named.insert(storage_key::record(&task.parse().context("a task")?));
    }
    let nobodys = stored
        .into_keys()
        .filter(|key| !named.contains(key) && !left_over.contains(key));
    verdict.note("orphans", nobodys);
    Ok(())
}

async fn in_storage(stage: &Stage) -> Result<Vec<LeftoverBody>> {
    let mut all = stage.leftovers().await?;
    all.retain(|one| lies_in_storage(one.what));
    Ok(all)
}

/// No ffmpeg outlived its task, and no task its folder.
fn processes(stage: &Stage, verdict: &mut Verdict) {
    let workers = stage
        .workers
        .iter()
        .filter_map(|worker| stage.processes.pid(worker));
    let running = workers
        .flat_map(children)
        .filter(|(_, name)| name.starts_with("ffmpeg"));
    verdict.note(
        "ffmpeg without a task",
        running.map(|(pid, _)| pid.to_string()),
    );
    let orphans = children(1).into_iter().filter(|(pid, name)| {
        name.starts_with("ffmpeg") && works_in(*pid, stage.dir()).unwrap_or(false)
    });
    verdict.note(
        "ffmpeg without a worker",
        orphans.map(|(pid, _)| pid.to_string()),
    );
    for worker in &stage.workers {
        let left = files(&stage.scratch(worker))
            .into_iter()
            .map(|(file, _)| file);
        let of_tasks =
            left.filter(|file| file.split('/').any(|part| ["work", "in"].contains(&part)));
        verdict.note(
            "scratch of no task",
            of_tasks.map(|file| format!("{worker}: {file}")),
        );
    }
}

fn works_in(pid: u32, folder: &std::path::Path) -> Result<bool> {
    let place = std::fs::read_link(format!("/proc/{pid}/cwd")).context("its folder")?;
    Ok(place.starts_with(folder))
}
