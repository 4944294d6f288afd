//! What an attempt was given, read with its version first.

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::task::TaskInput;

/// Of a process that understands payloads up to `newest`. The version is looked at first: the rest of a newer input may well look different.
pub fn read(value: serde_json::Value, newest: u32) -> Result<TaskInput, Failure> {
    let version = value.get("version").and_then(serde_json::Value::as_u64);
    let newest = u64::from(newest);
    if !version.is_some_and(|version| version > 0 && version <= newest && version + 1 >= newest) {
        return Err(Failure::new(
            FailureClass::Permanent,
            WhoCanFix::Operator,
            "unknown_payload_version",
            format!(
                "The worker does not know payload version {version:?}; it knows up to {newest}."
            ),
        ));
    }
    serde_json::from_value(value).map_err(|error| {
        Failure::new(
            FailureClass::Permanent,
            WhoCanFix::Platform,
            "malformed_task_input",
            "The worker could not read the task's input.",
        )
        .with_internal(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use botflix_common::task::PAYLOAD_VERSION;

    use super::*;

    #[test]
    fn an_input_of_an_unknown_version_is_named_and_not_guessed_at() {
        let newer = serde_json::json!({ "version": PAYLOAD_VERSION + 1, "spec": "whatever" });
        let failure = read(newer, PAYLOAD_VERSION).unwrap_err();
        assert_eq!(failure.code, "unknown_payload_version");
        assert_eq!(failure.class, FailureClass::Permanent);
        assert_eq!(failure.who_can_fix, WhoCanFix::Operator);
        assert!(read(serde_json::json!({}), PAYLOAD_VERSION).is_err());
    }
}
