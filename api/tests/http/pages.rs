//! The pages for people.

use crate::episode::publish;
use crate::stand::Stand;

#[tokio::test]
async fn an_empty_installation_invites_and_a_film_appears_with_its_poster() {
    let stand = Stand::start().await;
    let empty = stand.get("/").send().await.unwrap();
    assert_eq!(empty.status(), 200);
    let text = empty.text().await.unwrap();
    assert!(text.contains("botflix register") && text.contains("botflix demo"));

    let ada = stand.register("Ada").await;
    let film = publish(&stand, &ada, |_| {}).await;
    let older = publish(&stand, &ada, |row| row.title = "The Ferry".to_owned()).await;
    let text = stand.get("/").send().await.unwrap().text().await.unwrap();
    for row in [&film, &older] {
        assert!(text.contains(&row.title));
        assert!(text.contains(&format!("/watch/{}", row.id)));
        assert!(text.contains(&format!("/media/{}/poster.jpg", row.id)));
    }
    assert!(text.contains("Tide S01E03") && text.contains("2:00"));
    assert!(text.contains("AI-directed by Ada"));
}

#[tokio::test]
async fn the_watch_page_has_player_captions_chapters_and_previews() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let film = publish(&stand, &ada, |_| {}).await;
    let path = format!("/watch/{}", film.id);
    let text = stand.get(&path).send().await.unwrap().text().await.unwrap();
    let media = |file: &str| format!("/media/{}/{file}", film.id);
    for expected in [
        format!("<source src=\"{}\"", media("film.mp4")),
        format!("poster=\"{}\"", media("poster.jpg")),
        format!(
            "<track kind=\"captions\" src=\"{}\" srclang=\"en\"",
            media("captions.vtt")
        ),
        format!("<track kind=\"chapters\" src=\"{}\"", media("chapters.vtt")),
        format!(
            "<meta property=\"og:image\" content=\"{}\">",
            stand.url(&media("poster.jpg"))
        ),
        "data-seek=\"62\"".to_owned(),
        "AI-directed by Ada".to_owned(),
        "Tide S01E03".to_owned(),
        "lang=\"en\"".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected} is not in the page");
    }
    let at = stand
        .get(&format!("{path}?t=62"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(at.contains(&format!("{}#t=62\"", media("film.mp4"))));
    assert_eq!(
        stand
            .get(&format!("{path}?t=x"))
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
}

#[tokio::test]
async fn what_a_director_writes_is_text_never_markup() {
    let stand = Stand::start().await;
    let ada = stand.register("<b>Ada</b>").await;
    let film = publish(&stand, &ada, |row| {
        row.title = "<script>alert(1)</script>".to_owned();
        row.description = Some("\"><img src=x onerror=alert(1)>".to_owned());
        row.show = Some("'><svg/onload=alert(1)>".to_owned());
    })
    .await;
    for path in ["/".to_owned(), format!("/watch/{}", film.id)] {
        let text = stand.get(&path).send().await.unwrap().text().await.unwrap();
        for markup in [
            "<script>alert",
            "<img src=x",
            "<svg/onload",
            "<b>Ada",
            "<storm>",
        ] {
            assert!(!text.contains(markup), "{markup} is in {path}");
        }
        assert!(text.contains("&#60;script&#62;alert(1)"));
    }
}

#[tokio::test]
async fn every_page_forbids_all_that_is_not_its_own() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let film = publish(&stand, &ada, |_| {}).await;
    for path in [
        "/".to_owned(),
        format!("/watch/{}", film.id),
        "/nowhere".to_owned(),
    ] {
        let answer = stand
            .get(&path)
            .header("accept", "text/html")
            .send()
            .await
            .unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let text = answer.text().await.unwrap();
        // Inline styles, handlers and scripts would be dead under this policy.
        assert!(!text.contains("style=") && !text.contains("<style") && !text.contains("onclick"));
        assert!(text.contains("<main id=\"main\"") && text.contains("class=\"skip\""));
    }
}

#[tokio::test]
async fn assets_are_served_and_revalidated() {
    let stand = Stand::start().await;
    for (path, media_type) in [
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/watch.js", "text/javascript; charset=utf-8"),
        ("/assets/seek.js", "text/javascript; charset=utf-8"),
        ("/assets/favicon.svg", "image/svg+xml"),
        ("/favicon.ico", "image/svg+xml"),
    ] {
        let answer = stand.get(path).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], media_type);
        let etag = answer.headers()["etag"].clone();
        let again = stand
            .get(path)
            .header("if-none-match", etag)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), 304, "{path}");
    }
    assert_eq!(
        stand
            .get("/assets/nothing.css")
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}
