//! Everything that was traced, for tests that look at it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Dispatch, Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, NoSubscriber},
};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
    registry::LookupSpan,
};

pub type Fields = BTreeMap<&'static str, String>;

/// Everything that was traced on this thread since it began.
#[derive(Clone, Default)]
pub struct Traced(pub Arc<Mutex<Log>>);

#[derive(Default)]
pub struct Log {
    /// Name and fields, in the order of their beginning.
    pub spans: Vec<(u64, &'static str, Fields)>,
    pub events: Vec<(Level, Fields)>,
}

struct Reader<'f>(&'f mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Traced {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        self.0.lock().unwrap().spans.push((id.into_u64(), attributes.metadata().name(), fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut log = self.0.lock().unwrap();
        // The latest of this id: ids of spans that have ended are given again.
        let span = log.spans.iter_mut().rev().find(|(held, ..)| *held == id.into_u64()).expect("a span that began");
        values.record(&mut Reader(&mut span.2));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        self.0.lock().unwrap().events.push((*event.metadata().level(), fields));
    }
}

impl Traced {
    pub fn begin() -> (Self, DefaultGuard) {
        // With one subscriber alive, tracing asks the thread that first comes by a call site whether it is of interest, and
        // that may be the thread of another test, which has none. With two it asks them all.
        static SPARE: OnceLock<Dispatch> = OnceLock::new();
        SPARE.get_or_init(|| Dispatch::new(NoSubscriber::default()));
        let traced = Self::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(traced.clone()));
        (traced, guard)
    }

    /// The spans of this name since the last time.
    pub fn take(&self, name: &str) -> Vec<Fields> {
        let spans = std::mem::take(&mut self.0.lock().unwrap().spans);
        spans.into_iter().filter(|span| span.1 == name).map(|span| span.2).collect()
    }

    /// The lines of this level so far.
    pub fn lines(&self, level: Level) -> Vec<String> {
        let log = self.0.lock().unwrap();
        let lines = log.events.iter().filter(|event| event.0 == level);
        lines.map(|(_, fields)| fields.get("message").cloned().unwrap_or_default()).collect()
    }

    /// All that was said, for looking for what must not be.
    pub fn all(&self) -> String {
        let log = self.0.lock().unwrap();
        format!("{:?} {:?}", log.spans, log.events)
    }
}
