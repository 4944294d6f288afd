//! `/`: the newest film large, then rows of posters.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{assets, page_of, text};
use crate::db;
use crate::db::episodes::{EpisodeFilter, EpisodeRow};
use crate::error::ApiError;
use crate::http::AppState;
use crate::http::bodies;
use crate::http::extract::Query;
use crate::http::media::MediaFile;
use crate::http::paging::{self, PageQuery};

/// Posters on one page.
const PER_PAGE: u32 = 48;
/// A show gets a row of its own from so many episodes on.
const ROW_FROM: usize = 2;
/// Most rows of shows on one page.
const MAX_SHOW_ROWS: usize = 6;
const HERO_DESCRIPTION_CHARS: usize = 320;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    version: &'static str,
    public_url: &'a str,
    first_page: bool,
    hero: Option<Hero>,
    rows: Vec<Row>,
    next_cursor: Option<String>,
}

struct Hero {
    card: Card,
    eyebrow: &'static str,
    description: Option<String>,
}

struct Row {
    title: String,
    cards: Vec<Card>,
}

#[derive(Clone)]
struct Card {
    watch_path: String,
    poster_path: String,
    title: String,
    director: String,
    place: Option<String>,
    length: String,
}

impl Card {
    fn of(row: &EpisodeRow) -> Self {
        Self {
            watch_path: bodies::watch_path(row.id),
            poster_path: bodies::media_path(row.id, MediaFile::Poster),
            title: row.title.clone(),
            director: row.director_name.clone(),
            place: text::place(row.show.as_deref(), row.season, row.episode),
            length: text::length(row.duration_seconds),
        }
    }
}

pub async fn page(
    State(app): State<AppState>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let before = query.cursor()?;
    let filter = EpisodeFilter::default();
    let rows = db::episodes::page(&app.db, &filter, before, PER_PAGE + 1).await?;
    let (episodes, next_cursor) = paging::cut(rows, PER_PAGE, |row| row.id.to_string());
    let first_page = before.is_none();
    let hero = episodes.first().filter(|_| first_page).map(|newest| Hero {
        card: Card::of(newest),
        eyebrow: "Newest film",
        description: newest
            .description
            .as_deref()
            .map(|description| text::summary(description, HERO_DESCRIPTION_CHARS)),
    });
    let page = HomePage {
        version: assets::version(),
        public_url: app.links.public_url(),
        first_page,
        hero,
        rows: rows_of(&episodes, first_page),
        next_cursor,
    };
    Ok(page_of(StatusCode::OK, &page))
}

/// All of the page's films, then a row for each show that has several of them.
fn rows_of(episodes: &[EpisodeRow], first_page: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    // The first page shows its newest film large already.
    let below_the_hero = episodes.iter().skip(usize::from(first_page));
    let cards: Vec<Card> = below_the_hero.map(Card::of).collect();
    if !cards.is_empty() {
        let title = if first_page {
            "New on BotFlix"
        } else {
            "Older films"
        };
        rows.push(Row {
            title: title.to_owned(),
            cards,
        });
    }
    let mut shows: Vec<&str> = Vec::new();
    for show in episodes.iter().filter_map(|row| row.show.as_deref()) {
        if !shows.contains(&show) {
            shows.push(show);
        }
    }
    let of_show = |show: &str| {
        let mut found: Vec<&EpisodeRow> = episodes
            .iter()
            .filter(|row| row.show.as_deref() == Some(show))
            .collect();
        found.sort_by_key(|row| (row.season, row.episode));
        found
    };
    let several = shows
        .into_iter()
        .map(|show| (show, of_show(show)))
        .filter(|(_, found)| found.len() >= ROW_FROM)
        .take(MAX_SHOW_ROWS);
    rows.extend(several.map(|(show, found)| Row {
        title: show.to_owned(),
        cards: found.into_iter().map(Card::of).collect(),
    }));
    rows
}
