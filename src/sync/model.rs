//! The primitives of the model checker shuttle, in place of those of the system, and what a model needs of a runtime.
//!
//! It exists with `--cfg shuttle` and in tests only: `.ci/models` sets it. One thread of the system runs all tasks of a
//! model, and every operation below is a point at which another task may go on. So the checker chooses the order of
//! operations, and repeats one by its seed.

use std::{
    cell::RefCell,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    ops::DerefMut,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, TryLockError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{AbortHandle, Abortable},
};
pub(crate) use shuttle::sync::atomic::AtomicU32;
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
    sync::{
        Mutex as ShuttleMutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Points at which PCT changes the task that runs. Most bugs need one to three.
const PCT_DEPTH: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(ShuttleMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(ShuttleMutex::new(value))
    }

    pub(crate) fn lock(&self) -> impl DerefMut<Target = T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if it is locked.
    pub(crate) fn try_lock(&self) -> Option<impl DerefMut<Target = T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// As `arc_swap::ArcSwap`: loads and stores are atomic, and another task may go on before and after each of them.
#[derive(Debug, Default)]
pub(crate) struct ArcSwap<T> {
    value: std::sync::Mutex<Arc<T>>,
    point: AtomicUsize,
}

impl<T> ArcSwap<T> {
    pub(crate) fn from_pointee(value: T) -> Self {
        Self::new(Arc::new(value))
    }

    pub(crate) fn new(value: Arc<T>) -> Self {
        Self { value: std::sync::Mutex::new(value), point: AtomicUsize::new(0) }
    }

    pub(crate) fn load(&self) -> Arc<T> {
        self.point.load(Ordering::SeqCst);
        Arc::clone(&self.value.lock().unwrap())
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        self.load()
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.point.fetch_add(1, Ordering::SeqCst);
        *self.value.lock().unwrap() = value;
        self.point.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    /// The tasks of the runtime that runs; `None` after its end.
    static RUNTIME: RefCell<Option<Vec<AbortHandle>>> = const { RefCell::new(None) };
}

/// Starts a task, as tokio does: its panic ends it alone, and the end of the runtime drops it at its next await.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Option<()> {
    let (handle, registration) = AbortHandle::new_pair();
    RUNTIME.with_borrow_mut(|tasks| tasks.as_mut().map(|tasks| tasks.push(handle)))?;
    let task = AssertUnwindSafe(Abortable::new(task, registration)).catch_unwind();
    drop(shuttle::future::spawn(async move { drop(task.await) }));
    Some(())
}

/// Ends the runtime: tasks are dropped, and none starts.
pub(crate) fn end_runtime() {
    RUNTIME.take().into_iter().flatten().for_each(|task| task.abort());
}

/// Time does not pass in a model.
pub(crate) async fn timeout<F: Future>(_: Duration, future: F) -> Result<F::Output, std::convert::Infallible> {
    Ok(future.await)
}

pub(crate) async fn sleep(_: Duration) {
    shuttle::future::yield_now().await;
}

/// A panic that no hook reports: one that the model expects.
pub(crate) fn expected_panic() -> ! {
    std::panic::resume_unwind(Box::new("expected by the model"))
}

/// Waits until nothing is in progress: a task gives its result away before it is gone.
pub(crate) async fn until_none(in_progress: impl Fn() -> usize) {
    for _ in 0..1000 {
        if in_progress() == 0 {
            return;
        }
        shuttle::future::yield_now().await;
    }
    panic!("{} tasks stay", in_progress());
}

/// Runs a model under as many schedules as `MODEL_SCHEDULES` says, 1,000 without it. Half of them are random, the other half
/// change the task that runs at few points (PCT), which finds what needs an unlikely order.
///
/// The seed is printed first, and a failure prints its schedule. The same `MODEL_SEED` and `MODEL_SCHEDULES` run the same
/// schedules again.
pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("MODEL_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let schedules = usize::try_from(number("MODEL_SCHEDULES").unwrap_or(1000)).unwrap();
    println!("MODEL_SEED={seed} MODEL_SCHEDULES={schedules}");
    let model = Arc::new(move || {
        RUNTIME.set(Some(Vec::new()));
        model();
        RUNTIME.take();
    });
    let again = Arc::clone(&model);
    let random = RandomScheduler::new_from_seed(seed, schedules.div_ceil(2));
    Runner::new(random, Config::new()).run(move || model());
    let pct = PctScheduler::new_from_seed(seed, PCT_DEPTH, schedules / 2);
    Runner::new(pct, Config::new()).run(move || again());
}
