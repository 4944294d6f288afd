//! Every route of the server, and with each its entry in the OpenAPI document. Pages are documented by themselves.

use std::sync::{Arc, LazyLock};

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with, patch_with, post_with, put_with};
use aide::openapi::OpenApi;
use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    AppState, clips, directors, documents, envelope, episodes, health, housekeeping, media,
    outlook, quarantine, reinstate, render_again, render_events, render_log, renders, shares,
    upload, worker_metrics, worker_tokens, workers,
};
use crate::error::ApiError;
use crate::{openapi, web};

/// The server's routes with all layers.
pub fn router(app: AppState) -> Router {
    let (api, _) = api();
    api.merge(web::routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(envelope::on_panic))
        .layer(from_fn_with_state(Arc::clone(&app), envelope::envelope))
        .with_state(app)
}

/// The OpenAPI document of these routes.
pub fn document() -> &'static OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| api().1);
    &DOCUMENT
}

fn api() -> (Router<AppState>, OpenApi) {
    openapi::use_dialect_of_openapi_31();
    let mut document = openapi::document();
    let routes = ApiRouter::new()
        .merge(directors_and_clips())
        .merge(renders_and_episodes())
        .merge(for_operators())
        .merge(about_the_server());
    let router = routes.finish_api_with(&mut document, openapi::describe);
    openapi::tidy(&mut document);
    (router, document)
}

fn directors_and_clips() -> ApiRouter<AppState> {
    ApiRouter::new()
        .api_route(
            "/api/v1/directors/register",
            post_with(directors::register, directors::register_doc),
        )
        .api_route(
            "/api/v1/directors/me",
            get_with(directors::show, directors::show_doc)
                .merge(patch_with(directors::patch, directors::patch_doc)),
        )
        .api_route(
            "/api/v1/directors/{id}/share",
            get_with(shares::show, shares::show_doc).merge(put_with(shares::set, shares::set_doc)),
        )
        .api_route(
            "/api/v1/clips",
            post_with(upload::upload, upload::upload_doc),
        )
        .api_route(
            "/api/v1/clips/{sha256}",
            get_with(clips::show, clips::show_doc),
        )
        .api_route(
            "/api/v1/quarantine",
            get_with(quarantine::list, quarantine::list_doc),
        )
        .api_route(
            "/api/v1/quarantine/{sha256}",
            delete_with(quarantine::release, quarantine::release_doc),
        )
}

fn renders_and_episodes() -> ApiRouter<AppState> {
    ApiRouter::new()
        .api_route(
            "/api/v1/renders",
            post_with(renders::submit, renders::submit_doc)
                .merge(get_with(renders::list, renders::list_doc)),
        )
        .api_route(
            "/api/v1/renders/{id}",
            get_with(renders::show, renders::show_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/events",
            get_with(render_events::stream, render_events::stream_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/log",
            get_with(render_log::list, render_log::list_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/plan",
            get_with(outlook::show_plan, outlook::show_plan_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/report",
            get_with(outlook::show_report, outlook::show_report_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/record",
            get_with(outlook::show_record, outlook::show_record_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/cancel",
            post_with(renders::cancel, renders::cancel_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/retry",
            post_with(render_again::retry, render_again::retry_doc),
        )
        .api_route(
            "/api/v1/renders/{id}/revisions",
            post_with(render_again::revise, render_again::revise_doc),
        )
        .api_route(
            "/api/v1/episodes",
            get_with(episodes::list, episodes::list_doc),
        )
        .api_route(
            "/api/v1/episodes/{id}",
            get_with(episodes::show, episodes::show_doc),
        )
        .api_route(
            "/media/{id}/{file}",
            get_with(media::serve, media::serve_doc),
        )
}

fn for_operators() -> ApiRouter<AppState> {
    ApiRouter::new()
        .api_route(
            "/api/v1/housekeeping",
            get_with(housekeeping::list, housekeeping::list_doc)
                .merge(post_with(housekeeping::run, housekeeping::run_doc)),
        )
        .api_route(
            "/api/v1/workers",
            get_with(workers::list, workers::list_doc),
        )
        .api_route(
            "/api/v1/workers/join",
            post_with(worker_tokens::join, worker_tokens::join_doc),
        )
        .api_route(
            "/api/v1/worker-tokens",
            post_with(worker_tokens::create, worker_tokens::create_doc)
                .merge(get_with(worker_tokens::list, worker_tokens::list_doc)),
        )
        .api_route(
            "/api/v1/worker-tokens/{id}",
            delete_with(worker_tokens::revoke, worker_tokens::revoke_doc),
        )
        .api_route(
            "/api/v1/workers/{name}",
            get_with(workers::show, workers::show_doc)
                .merge(patch_with(workers::patch, workers::patch_doc))
                .merge(delete_with(workers::forget, workers::forget_doc)),
        )
        .api_route(
            "/api/v1/workers/{name}/pause",
            post_with(workers::pause, workers::pause_doc),
        )
        .api_route(
            "/api/v1/workers/{name}/resume",
            post_with(workers::resume, workers::resume_doc),
        )
        .api_route(
            "/api/v1/workers/{name}/drain",
            post_with(workers::drain, workers::drain_doc),
        )
        .api_route(
            "/api/v1/workers/{name}/stop",
            post_with(workers::stop, workers::stop_doc),
        )
        .api_route(
            "/api/v1/workers/{name}/reinstate",
            post_with(reinstate::reinstate, reinstate::reinstate_doc),
        )
}

fn about_the_server() -> ApiRouter<AppState> {
    ApiRouter::new()
        .api_route("/healthz", get_with(health::alive, health::alive_doc))
        .api_route("/readyz", get_with(health::ready, health::ready_doc))
        .api_route("/metrics", get_with(health::metrics, health::metrics_doc))
        .api_route(
            "/metrics/workers",
            get_with(worker_metrics::show, worker_metrics::show_doc),
        )
        .api_route(
            "/openapi.json",
            get_with(documents::openapi, documents::openapi_doc),
        )
        .api_route(
            "/agent/schemas/{document}",
            get_with(documents::schema, documents::schema_doc),
        )
}

async fn unknown_route(request: Request) -> Response {
    if web::wants_page(request.headers()) {
        web::not_found()
    } else {
        ApiError::UnknownRoute.into_response()
    }
}

async fn wrong_method() -> ApiError {
    ApiError::MethodNotAllowed
}
