//! What may go, kind by kind: each rule lists what would go now and why, and removes what was listed if that still holds.
//!
//! A dry run is the list, a round is the list and then its removal: there is no other way in which anything goes.

use botflix_common::hash::{Sha, TaskKey};
use botflix_common::http::{Leftover, LeftoverBody};
use botflix_common::id::RenderId;
use botflix_common::storage::StoredObject;
use botflix_common::storage_key;
use botflix_common::task::AttemptId;
use tracing::warn;

use super::ages::Ages;
use super::{Core, FAILURES, HousekeepingError};
use crate::clock;
use crate::db::{blobs, retention, tasks};

/// Objects of storage that are looked at in one step.
const SCANNED: usize = 1000;

/// What one step found, in the order of the names.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub items: Vec<LeftoverBody>,
    /// Where the next step begins; `None`: that was all.
    pub next: Option<String>,
}

/// What one step removed, and what kept it from removing more.
#[derive(Debug, Default)]
pub(super) struct Removed {
    pub items: Vec<LeftoverBody>,
    pub failures: Vec<HousekeepingError>,
    /// The name after which too many had failed.
    pub given_up_at: Option<String>,
}

impl Core {
    pub(super) async fn list_leftovers(
        &self,
        what: Leftover,
        ages: &Ages,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Found, HousekeepingError> {
        match what {
            Leftover::Incoming => self.unfinished(ages, after, limit).await,
            Leftover::Input | Leftover::Blob | Leftover::Record => {
                self.unowned(what, ages, after, limit).await
            }
            Leftover::Result | Leftover::IdempotencyKey | Leftover::Events => {
                self.old_rows(what, ages, after.unwrap_or_default(), limit)
                    .await
            }
        }
    }

    /// Removes those that may still go. One that cannot be removed is left for the next round; after some of them so are all others, because
    /// then it is storage or the database that is away.
    pub(super) async fn remove_leftovers(
        &self,
        what: Leftover,
        ages: &Ages,
        items: Vec<LeftoverBody>,
    ) -> Removed {
        let mut removed = Removed::default();
        for item in items {
            match self.remove_leftover(what, ages, &item).await {
                Ok(true) => removed.items.push(item),
                Ok(false) => {}
                Err(error) => {
                    warn!(%error, what = what.name(), name = item.name, "it cannot be put away");
                    removed.failures.push(error);
                    if removed.failures.len() >= FAILURES {
                        removed.given_up_at = Some(item.name);
                        break;
                    }
                }
            }
        }
        removed
    }

    async fn remove_leftover(
        &self,
        what: Leftover,
        ages: &Ages,
        item: &LeftoverBody,
    ) -> Result<bool, HousekeepingError> {
        let (until_ms, now_ms) = (ages.until_ms(what), clock::now_ms());
        let name = item.name.as_str();
        Ok(match what {
            Leftover::Incoming => {
                let object = StoredObject {
                    key: name.to_owned(),
                    bytes: item.bytes,
                    modified_ms: until_ms,
                };
                self.storage.remove_unfinished(&object).await?;
                true
            }
            Leftover::Input => {
                self.storage.delete(name).await?;
                true
            }
            Leftover::Record => match storage_key::record_of(name) {
                // Made meanwhile: then it is no leftover.
                Some(task) if tasks::done_among(&self.db, &[task]).await?.is_empty() => {
                    self.storage.delete(name).await?;
                    true
                }
                _ => false,
            },
            Leftover::Blob => match storage_key::blob_of(name) {
                Some(sha) => self.sweep_blob(&sha).await?,
                None => false,
            },
            Leftover::Result => match name.parse::<TaskKey>() {
                Ok(task) => self.forget_result(&task, until_ms).await?,
                Err(_) => false,
            },
            Leftover::IdempotencyKey => retention::forget_idempotency_key(&self.db, name, until_ms)
                .await?
                .is_made(),
            Leftover::Events => match name.parse::<RenderId>() {
                Ok(render) => retention::thin_events(&self.db, render, until_ms, now_ms)
                    .await?
                    .is_made(),
                Err(_) => false,
            },
        })
    }

    async fn unfinished(
        &self,
        ages: &Ages,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Found, HousekeepingError> {
        let mut all = self.storage.unfinished(ages.incoming).await?;
        all.sort_by(|one, other| one.key.cmp(&other.key));
        let rest = all
            .into_iter()
            .filter(|object| after.is_none_or(|after| object.key.as_str() > after));
        let items = rest
            .take(limit as usize)
            .map(|object| body(Leftover::Incoming, &object, "Cut off: nobody writes to it."))
            .collect();
        Ok(cut(items, limit))
    }

    /// What lies in storage and the database does not know, or knows no longer.
    async fn unowned(
        &self,
        what: Leftover,
        ages: &Ages,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Found, HousekeepingError> {
        let (folder, why) = match what {
            Leftover::Input => (storage_key::INPUTS, "Its attempt is over."),
            Leftover::Record => (
                storage_key::CACHE,
                "The farm does not have this result, or has put it away.",
            ),
            _ => (storage_key::BLOBS, "No clip and no result refers to it."),
        };
        let scanned = self.storage.list(folder, after, SCANNED).await?;
        let last = scanned.last().map(|object| object.key.clone());
        let full = scanned.len() >= SCANNED;
        let until_ms = ages.until_ms(what);
        let old: Vec<StoredObject> = scanned
            .into_iter()
            .filter(|object| object.modified_ms <= until_ms)
            .collect();
        let unowned = match what {
            Leftover::Input => self.inputs_of_none(old).await?,
            Leftover::Record => self.records_of_none(old).await?,
            _ => self.blobs_of_none(old).await?,
        };
        let items: Vec<LeftoverBody> = unowned
            .iter()
            .take(limit as usize)
            .map(|object| body(what, object, why))
            .collect();
        let next = if unowned.len() > items.len() {
            items.last().map(|item| item.name.clone())
        } else {
            last.filter(|_| full)
        };
        Ok(Found { items, next })
    }

    async fn inputs_of_none(
        &self,
        objects: Vec<StoredObject>,
    ) -> Result<Vec<StoredObject>, HousekeepingError> {
        let named: Vec<(StoredObject, AttemptId)> = named(objects, storage_key::input_of);
        let ids: Vec<AttemptId> = named.iter().map(|(_, id)| *id).collect();
        let current = blobs::attempts_in_flight(&self.db, &ids).await?;
        Ok(without(named, |id| current.contains(id)))
    }

    async fn records_of_none(
        &self,
        objects: Vec<StoredObject>,
    ) -> Result<Vec<StoredObject>, HousekeepingError> {
        let named: Vec<(StoredObject, TaskKey)> = named(objects, storage_key::record_of);
        let keys: Vec<TaskKey> = named.iter().map(|(_, key)| *key).collect();
        let done = tasks::done_among(&self.db, &keys).await?;
        Ok(without(named, |key| done.contains(key)))
    }

    async fn blobs_of_none(
        &self,
        objects: Vec<StoredObject>,
    ) -> Result<Vec<StoredObject>, HousekeepingError> {
        let named: Vec<(StoredObject, Sha)> = named(objects, storage_key::blob_of);
        let shas: Vec<Sha> = named.iter().map(|(_, sha)| *sha).collect();
        let known = blobs::referred_to(&self.db, &shas).await?;
        let mut unowned = Vec::new();
        for (object, sha) in named.into_iter().filter(|(_, sha)| !known.contains(sha)) {
            if blobs::is_shown(&self.db, &sha).await? {
                warn!(blob = %sha, "an episode names a blob that no result refers to: it stays");
            } else {
                unowned.push(object);
            }
        }
        Ok(unowned)
    }

    async fn old_rows(
        &self,
        what: Leftover,
        ages: &Ages,
        after: &str,
        limit: u32,
    ) -> Result<Found, HousekeepingError> {
        let until_ms = ages.until_ms(what);
        let row = |name: String, bytes, since_ms, why: String| LeftoverBody {
            what,
            name,
            bytes,
            why,
            since: clock::rfc3339(since_ms),
        };
        let items = match what {
            Leftover::Result => retention::results(&self.db, until_ms, after, limit)
                .await?
                .into_iter()
                .map(|(old, kind)| {
                    let why = format!("No render needs this {} any more.", kind.name());
                    row(old.name.to_string(), old.bytes, old.since_ms, why)
                })
                .collect(),
            Leftover::IdempotencyKey => {
                let old = retention::idempotency_keys(&self.db, until_ms, after, limit).await?;
                let why = "It is no longer remembered.";
                old.into_iter()
                    .map(|old| row(old.name, old.bytes, old.since_ms, why.to_owned()))
                    .collect()
            }
            _ => {
                let old = retention::events(&self.db, until_ms, after, limit).await?;
                let why = "Its progress, long after its end.";
                old.into_iter()
                    .map(|old| {
                        row(
                            old.name.to_string(),
                            old.bytes,
                            old.since_ms,
                            why.to_owned(),
                        )
                    })
                    .collect()
            }
        };
        Ok(cut(items, limit))
    }

    /// First the row, then the stored record: a redo in between finds the record and is as good.
    async fn forget_result(
        &self,
        task: &TaskKey,
        until_ms: i64,
    ) -> Result<bool, HousekeepingError> {
        let mut tx = self.db.write_graph().await?;
        let forgotten = retention::forget_result(&mut tx, task, until_ms, clock::now_ms()).await?;
        if !forgotten.is_made() {
            return Ok(false);
        }
        tx.commit().await?;
        self.storage.delete(&storage_key::record(task)).await?;
        Ok(true)
    }
}

/// Those whose key says whose they are. Other files are not ours to remove.
fn named<T>(
    objects: Vec<StoredObject>,
    owner: impl Fn(&str) -> Option<T>,
) -> Vec<(StoredObject, T)> {
    objects
        .into_iter()
        .filter_map(|object| owner(&object.key).map(|owner| (object, owner)))
        .collect()
}

fn without<T>(named: Vec<(StoredObject, T)>, owned: impl Fn(&T) -> bool) -> Vec<StoredObject> {
    named
        .into_iter()
        .filter(|(_, owner)| !owned(owner))
        .map(|(object, _)| object)
        .collect()
}

fn body(what: Leftover, object: &StoredObject, why: &str) -> LeftoverBody {
    LeftoverBody {
        what,
        name: object.key.clone(),
        bytes: object.bytes,
        why: why.to_owned(),
        since: clock::rfc3339(object.modified_ms),
    }
}

fn cut(items: Vec<LeftoverBody>, limit: u32) -> Found {
    let full = items.len() >= limit as usize;
    let next = items.last().map(|item| item.name.clone());
    Found {
        next: next.filter(|_| full),
        items,
    }
}
