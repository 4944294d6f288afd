//! Where things lie in object storage. Every object path of the project is built here and nowhere else.

use uuid::Uuid;

use crate::hash::{Sha, TaskKey};
use crate::task::AttemptId;

/// The bytes of a clip or artifact, named by their hash.
pub fn blob(sha256: &Sha) -> String {
    let hex = sha256.hex();
    format!("blobs/{}/{hex}", hex.get(..2).unwrap_or_default())
}

/// A body that is still arriving; becomes a blob once its hash is known and right.
pub fn incoming(upload: Uuid) -> String {
    format!("{INCOMING}/{upload}")
}

/// The upload whose body has this key.
pub fn incoming_of(key: &str) -> Option<Uuid> {
    let upload: Uuid = key.rsplit('/').next()?.parse().ok()?;
    (incoming(upload) == key).then_some(upload)
}

/// The folder of [`incoming`]; whatever lies there longer than a day was cut off.
pub const INCOMING: &str = "incoming";

/// The folders of blobs, of result records and of attempts' inputs.
pub const BLOBS: &str = "blobs";
pub const CACHE: &str = "cache";
pub const INPUTS: &str = "inputs";

/// The hash that a blob's key names.
pub fn blob_of(key: &str) -> Option<Sha> {
    let sha: Sha = key.rsplit('/').next()?.parse().ok()?;
    (blob(&sha) == key).then_some(sha)
}

/// The task whose record has this key.
pub fn record_of(key: &str) -> Option<TaskKey> {
    let task: TaskKey = key.split('/').nth(1)?.parse().ok()?;
    (record(&task) == key).then_some(task)
}

/// The attempt whose input has this key.
pub fn input_of(key: &str) -> Option<AttemptId> {
    let mut parts = key.strip_suffix(".json")?.split('/').skip(1);
    let (task, attempt) = (parts.next()?, parts.next()?);
    let id: AttemptId = format!("{task}.{attempt}").parse().ok()?;
    (input(&id) == key).then_some(id)
}

/// The result record of a task.
pub fn record(task: &TaskKey) -> String {
    format!("cache/{task}/result.json")
}

/// What an attempt was given.
pub fn input(id: &AttemptId) -> String {
    format!("inputs/{}/{}.json", id.task, id.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_it_is_and_another_file_is_nobodys() {
        let sha = Sha::of(b"clip");
        let task = TaskKey::of(b"task");
        let id = AttemptId { task, attempt: 3 };
        assert_eq!(blob_of(&blob(&sha)), Some(sha));
        assert_eq!(record_of(&record(&task)), Some(task));
        assert_eq!(input_of(&input(&id)), Some(id));
        for odd in ["blobs/README", "cache", "inputs/x/1.json", ""] {
            assert_eq!(
                (blob_of(odd), record_of(odd), input_of(odd)),
                (None, None, None),
                "{odd}"
            );
        }
    }
}
