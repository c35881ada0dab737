//! What takes a while to make and is not needed at once.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// Something that is made on a thread of its own from the start, while the function tells Lambda that it is ready. The first
/// invocation waits for what is left.
///
/// The clients of the AWS SDK are such: each process reads the root certificates of the system before its first call, which takes twice
/// as long as the rest of a start.
#[derive(Debug)]
pub struct Prepared<T, M> {
    cell: Arc<OnceCell<T>>,
    make: M,
}

impl<T, M, F> Prepared<T, M>
where
    T: Send + Sync + 'static,
    M: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = T>,
{
    /// Begins to make it. Has to be called inside a runtime of tokio.
    pub fn begin(make: M) -> Self {
        let cell = Arc::new(OnceCell::new());
        let (ahead, making) = (Arc::clone(&cell), make.clone());
        let runtime = Handle::current();
        spawn_blocking(move || {
            runtime.block_on(ahead.get_or_init(making));
        });
        Self { cell, make }
    }

    /// What was made, once it is there. It is made anew should making it have panicked.
    pub async fn get(&self) -> &T {
        self.cell.get_or_init(&self.make).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn it_is_made_once_and_beside_the_one_thread_of_the_runtime() {
        let made = Arc::new(AtomicUsize::new(0));
        let (counter, here) = (Arc::clone(&made), thread::current().id());
        let prepared = Prepared::begin(move || {
            let counter = Arc::clone(&counter);
            async move {
                counter.fetch_add(1, Ordering::Relaxed);
                thread::current().id()
            }
        });
        while made.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        assert_ne!(*prepared.get().await, here, "the runtime's thread had other things to do");
        let (one, other) = tokio::join!(prepared.get(), prepared.get());
        assert_eq!((one, made.load(Ordering::Relaxed)), (other, 1));
    }

    #[tokio::test]
    async fn a_panic_while_it_is_made_ahead_is_not_the_end() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&tries);
        let prepared = Prepared::begin(move || {
            let counter = Arc::clone(&counter);
            async move {
                assert!(counter.fetch_add(1, Ordering::Relaxed) > 0, "the first try fails, as this test wants it");
                "made"
            }
        });
        while tries.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        assert_eq!(*prepared.get().await, "made");
    }
}
