//! A catalog: entities, the filters of Backstage, and what goes wrong with it.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

#[derive(Clone)]
pub struct CatalogServer {
    url: String,
    inner: Arc<Mutex<Inner>>,
    /// Questions pass it before they are answered.
    door: Arc<Semaphore>,
}

#[derive(Default)]
struct Inner {
    entities: Vec<Value>,
    /// Answers with this instead, so many times.
    instead: Vec<(u16, String)>,
    silent: bool,
    /// Paths with queries, decoded, and the header `authorization`.
    asked: Vec<(String, String)>,
    /// Questions that are not answered yet, and the most there were of them.
    open: usize,
    most_open: usize,
}

/// Wide open.
const OPEN: usize = 1 << 20;

impl CatalogServer {
    pub async fn start(entities: impl IntoIterator<Item = Value>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}/api/catalog", listener.local_addr().expect("an address"));
        let inner = Inner { entities: entities.into_iter().collect(), ..Inner::default() };
        let server = Self { url, inner: Arc::new(Mutex::new(inner)), door: Arc::new(Semaphore::new(OPEN)) };
        let routes = Router::new()
            .route("/entities", get(by_filter))
            .route("/entities/by-name/{kind}/{namespace}/{name}", get(by_name))
            .route("/entities/by-refs", post(by_refs))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, Router::new().nest("/api/catalog", routes)).await });
        server
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked since the last time.
    pub fn asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.inner.lock().unwrap().asked)
    }

    /// Answers so many times with this status and body.
    pub fn answer_instead(&self, times: usize, status: u16, body: &str) {
        self.inner.lock().unwrap().instead = vec![(status, body.to_owned()); times];
    }

    pub fn keep_silent(&self, silent: bool) {
        self.inner.lock().unwrap().silent = silent;
    }

    /// Answers nothing before it is [opened](Self::open) again.
    pub fn close(&self) {
        self.door.forget_permits(OPEN);
    }

    pub fn open(&self) {
        self.door.add_permits(OPEN);
    }

    /// Waits until so many questions are open at once.
    pub async fn open_questions(&self, number: usize) {
        while self.inner.lock().unwrap().open < number {
            tokio::task::yield_now().await;
        }
    }

    /// The most questions that were open at once.
    pub fn most_at_once(&self) -> usize {
        self.inner.lock().unwrap().most_open
    }

    pub fn set(&self, entities: impl IntoIterator<Item = Value>) {
        self.inner.lock().unwrap().entities = entities.into_iter().collect();
    }

    /// The answer that goes before any other, if there is one.
    async fn begin(&self, question: String, headers: &HeaderMap) -> Option<Response> {
        let (silent, instead) = {
            let mut inner = self.inner.lock().unwrap();
            let authorization = headers.get("authorization").map_or("", |value| value.to_str().expect("ASCII"));
            inner.asked.push((question, authorization.to_owned()));
            inner.open += 1;
            inner.most_open = inner.most_open.max(inner.open);
            (inner.silent, inner.instead.pop())
        };
        let _open = OpenQuestion(Arc::clone(&self.inner));
        drop(self.door.acquire().await);
        if silent {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        let (status, body) = instead?;
        Some((StatusCode::from_u16(status).expect("a status"), body).into_response())
    }

    fn find(&self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.inner.lock().unwrap().entities.iter().filter(|entity| fits(entity)).cloned().collect()
    }
}

/// Until there is a response, or the request is cancelled.
struct OpenQuestion(Arc<Mutex<Inner>>);

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        self.0.lock().unwrap().open -= 1;
    }
}

/// A user of the catalog.
pub fn user(name: &str, email: &str, groups: &[&str]) -> Value {
    let relations: Vec<Value> = groups.iter().map(|group| json!({ "type": "memberOf", "targetRef": group })).collect();
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": { "name": name, "annotations": { "microsoft.com/email": email } },
        "spec": { "profile": { "email": email }, "memberOf": [] },
        "relations": relations,
    })
}

pub fn group(name: &str, parent: Option<&str>) -> Value {
    let relations: Vec<Value> = parent.iter().map(|parent| json!({ "type": "childOf", "targetRef": parent })).collect();
    json!({ "kind": "Group", "metadata": { "name": name, "namespace": "default" }, "relations": relations })
}

/// As Backstage reads a filter: conditions with commas between them, all of which must hold, letter case apart.
async fn by_filter(
    State(server): State<CatalogServer>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let filter = query.get("filter").cloned().unwrap_or_default();
    if let Some(answer) = server.begin(format!("filter {filter}"), &headers).await {
        return answer;
    }
    let conditions: Vec<(Vec<String>, String)> = filter
        .split(',')
        .filter_map(|condition| condition.split_once('='))
        .map(|(key, value)| (path(key), value.to_lowercase()))
        .collect();
    let found = server.find(|entity| {
        conditions.iter().all(|(path, value)| {
            let found = path.iter().try_fold(entity, |entity, name| entity.get(name));
            found.and_then(Value::as_str).is_some_and(|found| found.to_lowercase() == *value)
        })
    });
    Json(found).into_response()
}

/// An annotation's name has dots of its own.
fn path(key: &str) -> Vec<String> {
    match key.strip_prefix("metadata.annotations.") {
        Some(annotation) => ["metadata", "annotations", annotation].map(str::to_owned).to_vec(),
        None => key.split('.').map(str::to_owned).collect(),
    }
}

async fn by_name(
    State(server): State<CatalogServer>,
    Path((kind, namespace, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(answer) = server.begin(format!("name {kind}:{namespace}/{name}"), &headers).await {
        return answer;
    }
    let found = server.find(|entity| {
        let text = |value: &Value| value.as_str().unwrap_or("default").to_lowercase();
        text(&entity["kind"]) == kind.to_lowercase()
            && text(&entity["metadata"]["namespace"]) == namespace.to_lowercase()
            && text(&entity["metadata"]["name"]) == name.to_lowercase()
    });
    found.first().map_or(StatusCode::NOT_FOUND.into_response(), |entity| Json(entity.clone()).into_response())
}

async fn by_refs(State(server): State<CatalogServer>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let refs: Vec<String> = serde_json::from_value(body["entityRefs"].clone()).expect("a list of refs");
    if let Some(answer) = server.begin(format!("refs {}", refs.join(" ")), &headers).await {
        return answer;
    }
    let items: Vec<Value> = refs
        .iter()
        .map(|wanted| {
            let found = server.find(|entity| {
                format!("group:default/{}", entity["metadata"]["name"].as_str().unwrap_or_default()) == *wanted
            });
            found.first().cloned().unwrap_or(Value::Null)
        })
        .collect();
    Json(json!({ "items": items })).into_response()
}
