//! A source of keys that does what a test tells it, and counts.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::watch;
use tower_alb_auth::keys::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind};

type Answer = Arc<dyn Fn(KeyRequest) -> KeyFetch + Send + Sync>;

/// Clones are one source.
#[derive(Clone)]
pub struct Source(Arc<Shared>);

struct Shared {
    answer: Mutex<Answer>,
    asked: Mutex<Vec<KeyRequest>>,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Source {
    pub fn new<F, A>(answer: F) -> Self
    where
        F: Fn(KeyRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Vec<u8>, KeySourceError>> + Send + 'static,
    {
        Self(Arc::new(Shared {
            answer: Mutex::new(boxed(answer)),
            asked: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        }))
    }

    /// Answers like this from now on.
    pub fn set<F, A>(&self, answer: F)
    where
        F: Fn(KeyRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Vec<u8>, KeySourceError>> + Send + 'static,
    {
        *self.0.answer.lock().unwrap() = boxed(answer);
    }

    /// How often it was asked.
    pub fn fetches(&self) -> usize {
        self.0.asked.lock().unwrap().len()
    }

    /// How often it was asked for this kid.
    pub fn fetches_of(&self, kid: &str) -> usize {
        self.0.asked.lock().unwrap().iter().filter(|request| request.kid.to_string() == kid).count()
    }

    /// How many fetches are under way.
    pub fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::SeqCst)
    }

    /// How many fetches were under way at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::SeqCst)
    }
}

impl KeySource for Source {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        self.0.asked.lock().unwrap().push(request.clone());
        let answer = Arc::clone(&*self.0.answer.lock().unwrap());
        let under_way = UnderWay::start(&self.0);
        let fetch = answer(request);
        Box::pin(async move {
            let _under_way = under_way;
            fetch.await
        })
    }

    /// Clones are one source.
    fn identity(&self) -> Option<String> {
        Some(format!("{:p}", Arc::as_ptr(&self.0)))
    }
}

fn boxed<F, A>(answer: F) -> Answer
where
    F: Fn(KeyRequest) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Vec<u8>, KeySourceError>> + Send + 'static,
{
    Arc::new(move |request| Box::pin(answer(request)))
}

/// Counts a fetch until it is dropped.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn start(shared: &Arc<Shared>) -> Self {
        let now = shared.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_at_once.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Holds fetches back until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub fn passed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut gate = self.0.subscribe();
        async move { drop(gate.wait_for(|open| *open).await) }
    }
}

pub fn no_such_key() -> Result<Vec<u8>, KeySourceError> {
    failure(KeySourceErrorKind::NotFound)
}

pub fn failure(kind: KeySourceErrorKind) -> Result<Vec<u8>, KeySourceError> {
    Err(KeySourceError::new(kind, format!("it fails by {kind:?}")))
}
