//! What a client says its bytes hash to: `Content-Digest` (RFC 9530), the older `Digest` (RFC 3230), or `?sha256=`. Pure.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use botflix_common::hash::Sha;

use crate::error::ApiError;

const CONTENT_DIGEST: &str = "content-digest";
const DIGEST: &str = "digest";

/// The declared hash, if any. Two that differ, or one that cannot be read, are refused: a client that bothers to declare wants it checked.
pub fn declared(headers: &HeaderMap, query: Option<&str>) -> Result<Option<Sha>, ApiError> {
    let mut found: Option<Sha> = None;
    let from_query = query
        .map(|text| {
            text.parse::<Sha>()
                .map_err(|_| unreadable("sha256", "64 hexadecimal digits"))
        })
        .transpose()?;
    let from_headers = [
        (CONTENT_DIGEST, "sha-256=:<base64>:"),
        (DIGEST, "sha-256=<base64>"),
    ]
    .into_iter()
    .map(|(name, form)| header_digest(headers, name, form));
    for digest in std::iter::once(Ok(from_query)).chain(from_headers) {
        let Some(digest) = digest? else { continue };
        if found.is_some_and(|before| before != digest) {
            return Err(unreadable(
                "sha256",
                "the same in every place that declares it",
            ));
        }
        found = Some(digest);
    }
    Ok(found)
}

/// The `sha-256` member of a digest header. Other algorithms are passed over.
fn header_digest(headers: &HeaderMap, name: &str, form: &str) -> Result<Option<Sha>, ApiError> {
    let mut found = None;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| unreadable(name, form))?;
        for member in text.split(',') {
            let Some((algorithm, encoded)) = member.trim().split_once('=') else {
                return Err(unreadable(name, form));
            };
            if algorithm.trim().eq_ignore_ascii_case("sha-256") {
                found = Some(decode(encoded.trim()).ok_or_else(|| unreadable(name, form))?);
            }
        }
    }
    Ok(found)
}

/// Base64, between colons (a byte sequence of RFC 8941) or bare.
fn decode(text: &str) -> Option<Sha> {
    let bare = match text.strip_prefix(':') {
        Some(rest) => rest.strip_suffix(':')?,
        None => text,
    };
    let bytes: [u8; 32] = STANDARD.decode(bare).ok()?.try_into().ok()?;
    Some(Sha::from_digest(bytes))
}

fn unreadable(name: &str, form: &str) -> ApiError {
    ApiError::BadParameter {
        name: name.to_owned(),
        expected: form.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn all_three_places_are_understood() {
        let sha = Sha::of(b"clip");
        let base64 = STANDARD.encode(sha.as_bytes());
        let new = headers(&[(
            "content-digest",
            format!("sha-512=:AAAA:, sha-256=:{base64}:"),
        )]);
        let old = headers(&[("digest", format!("SHA-256={base64}"))]);
        assert_eq!(declared(&new, None).unwrap(), Some(sha));
        assert_eq!(declared(&old, None).unwrap(), Some(sha));
        assert_eq!(
            declared(&HeaderMap::new(), Some(&sha.hex())).unwrap(),
            Some(sha)
        );
        assert_eq!(declared(&HeaderMap::new(), None).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_or_contradicts_is_refused() {
        let sha = Sha::of(b"clip");
        let base64 = STANDARD.encode(sha.as_bytes());
        let old = headers(&[("digest", format!("sha-256={base64}"))]);
        assert!(declared(&old, Some(&Sha::of(b"other").hex())).is_err());
        assert!(declared(&headers(&[("digest", "sha-256=zz".into())]), None).is_err());
        assert!(declared(&headers(&[("content-digest", "garbage".into())]), None).is_err());
        assert!(declared(&HeaderMap::new(), Some("12")).is_err());
    }
}
