//! The bytes of an episode, range by range (RFC 9110 §14).

use botflix_common::manifest::Visibility;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::episode::{FILM, publish};
use crate::stand::{Stand, problem};

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn each_range_gets_exactly_its_bytes() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let film = publish(&stand, &ada, |_| {}).await;
    let path = format!("/media/{}/film.mp4", film.id);
    let size = FILM.len();
    let whole = || (200, 0..size, String::new());
    let part =
        |start: usize, end: usize| (206, start..end, format!("bytes {start}-{}/{size}", end - 1));
    let table = [
        ("", whole()),
        ("bytes=0-3", part(0, 4)),
        ("bytes=10-", part(10, size)),
        ("bytes=-5", part(size - 5, size)),
        ("bytes=-500", part(0, size)),
        ("bytes=30-900", part(30, size)),
        ("bytes=35-35", part(35, 36)),
        ("bytes=36-", (416, 0..0, format!("bytes */{size}"))),
        ("bytes=-0", (416, 0..0, format!("bytes */{size}"))),
        ("bytes=5-2", whole()),
        ("bytes=0-1,4-5", whole()),
        ("nonsense", whole()),
    ];
    for (range, (status, bytes, content_range)) in table {
        for method in [Method::GET, Method::HEAD] {
            let mut request = stand.request(method.clone(), &path);
            if !range.is_empty() {
                request = request.header("range", range);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {range}");
            assert_eq!(
                header(&answer, "content-range"),
                content_range,
                "{method} {range}"
            );
            assert_eq!(header(&answer, "accept-ranges"), "bytes");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
            if status != 416 {
                assert_eq!(
                    header(&answer, "content-length"),
                    bytes.len().to_string(),
                    "{method} {range}"
                );
                assert_eq!(header(&answer, "content-type"), "video/mp4");
            }
            let body = answer.bytes().await.unwrap();
            let expected = if method == Method::HEAD {
                &FILM[0..0]
            } else {
                &FILM[bytes.clone()]
            };
            assert_eq!(body, expected, "{method} {range}");
        }
    }
}

#[tokio::test]
async fn validators_decide_between_all_some_and_nothing() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let film = publish(&stand, &ada, |_| {}).await;
    let path = format!("/media/{}/film.mp4", film.id);
    let etag = format!("\"{}\"", film.artifacts["film"].sha256.hex());
    let ask = async |headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(stand.get(&path), |request, (name, value)| {
                request.header(*name, *value)
            });
        let answer = request.send().await.unwrap();
        assert_eq!(header(&answer, "etag"), etag);
        answer.status().as_u16()
    };
    assert_eq!(ask(&[]).await, 200);
    assert_eq!(ask(&[("if-none-match", &etag)]).await, 304);
    assert_eq!(ask(&[("if-none-match", "\"other\"")]).await, 200);
    assert_eq!(
        ask(&[("range", "bytes=0-1"), ("if-range", &etag)]).await,
        206
    );
    assert_eq!(
        ask(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await,
        200
    );
    let weak = format!("W/{etag}");
    assert_eq!(
        ask(&[("range", "bytes=0-1"), ("if-range", &weak)]).await,
        200
    );
    assert_eq!(
        ask(&[("range", "bytes=0-1"), ("if-none-match", &etag)]).await,
        304
    );
    let answer = stand.get(&path).send().await.unwrap();
    assert!(header(&answer, "cache-control").contains("no-cache"));
}

#[tokio::test]
async fn a_private_film_is_its_directors_alone() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let hidden = publish(&stand, &ada, |row| row.visibility = Visibility::Private).await;
    let linked = publish(&stand, &ada, |row| row.visibility = Visibility::Unlisted).await;
    for path in [
        format!("/media/{}/film.mp4", hidden.id),
        format!("/media/{}/poster.jpg", hidden.id),
        format!("/api/v1/episodes/{}", hidden.id),
    ] {
        problem(stand.get(&path).send().await.unwrap(), 404, "not_found").await;
        let other = stand.get(&path).bearer_auth(&eve.key).send().await.unwrap();
        problem(other, 404, "not_found").await;
        let own = stand.get(&path).bearer_auth(&ada.key).send().await.unwrap();
        assert_eq!(own.status(), 200);
        let wrong = stand
            .get(&path)
            .bearer_auth("nonsense")
            .send()
            .await
            .unwrap();
        problem(wrong, 401, "invalid_api_key").await;
    }
    let own = stand
        .get(&format!("/media/{}/film.mp4", hidden.id))
        .bearer_auth(&ada.key);
    assert_eq!(
        header(&own.send().await.unwrap(), "cache-control"),
        "private, no-store"
    );
    let page = stand
        .get(&format!("/watch/{}", hidden.id))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 404);

    let by_link = stand
        .get(&format!("/api/v1/episodes/{}", linked.id))
        .send()
        .await
        .unwrap();
    assert_eq!(by_link.status(), 200);
    let listed: Value = stand
        .get("/api/v1/episodes")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(listed["data"], Value::Array(Vec::new()));
    for path in [
        "/media/nonsense/film.mp4".to_owned(),
        format!("/media/{}/film.exe", linked.id),
    ] {
        problem(stand.get(&path).send().await.unwrap(), 404, "not_found").await;
    }
}

#[tokio::test]
async fn the_catalog_is_paged_filtered_and_full_of_links() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let first = publish(&stand, &ada, |_| {}).await;
    let second = publish(&stand, &ada, |row| row.show = None).await;
    let third = publish(&stand, &eve, |_| {}).await;
    let ids = async |query: &str| -> (Vec<String>, Value) {
        let page: Value = stand
            .get(&format!("/api/v1/episodes{query}"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let data = page["data"].as_array().unwrap();
        let ids = data
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, page["next_cursor"].clone())
    };
    let names = |rows: &[&botflix_api::db::episodes::EpisodeRow]| -> Vec<String> {
        rows.iter().map(|row| row.id.to_string()).collect()
    };
    let (page, cursor) = ids("?limit=2").await;
    assert_eq!(page, names(&[&third, &second]));
    let (rest, end) = ids(&format!("?limit=2&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!((rest, end), (names(&[&first]), Value::Null));
    assert_eq!(ids("?show=Tide").await.0, names(&[&third, &first]));
    assert_eq!(
        ids(&format!("?director={}", ada.id)).await.0,
        names(&[&second, &first])
    );

    let body: Value = stand
        .get(&format!("/api/v1/episodes/{}", first.id))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        body["watch_url"],
        stand.url(&format!("/watch/{}", first.id))
    );
    assert_eq!(body["director"]["name"], "Ada");
    for link in [
        "video_url",
        "poster_url",
        "captions_url",
        "chapters_url",
        "watch_url",
    ] {
        let answer = stand
            .client
            .get(body[link].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{link}");
    }
}
