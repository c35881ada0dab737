//! What takes a while to make and is not needed at once.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

/// Long enough for a function to have asked Lambda for its first invocation, which takes some tenths of a millisecond. Lambda is not
/// quicker than that to give it one.
const HEAD_START: Duration = Duration::from_millis(1);

/// Something that is made while the function waits for its first invocation, or by that one if it comes sooner.
///
/// The clients of the AWS SDK are such: each process reads the root certificates of the system for them, which takes twice as long as the
/// rest of a start.
#[derive(Debug)]
pub struct Prepared<T, M> {
    cell: Arc<OnceCell<T>>,
    make: M,
}

impl<T, M, F> Prepared<T, M>
where
    T: Send + Sync + 'static,
    M: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = T> + Send,
{
    /// Makes it soon. Has to be called inside a runtime of tokio.
    pub fn soon(make: M) -> Self {
        let cell = Arc::new(OnceCell::new());
        let (ahead, making) = (Arc::clone(&cell), make.clone());
        tokio::spawn(async move {
            tokio::time::sleep(HEAD_START).await;
            ahead.get_or_init(making).await;
        });
        Self { cell, make }
    }

    /// What was made, once it is there.
    pub async fn get(&self) -> &T {
        self.cell.get_or_init(&self.make).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counted() -> (Arc<AtomicUsize>, Prepared<usize, impl Fn() -> std::future::Ready<usize> + Clone + Send + 'static>) {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        (made, Prepared::soon(move || std::future::ready(counter.fetch_add(1, Ordering::Relaxed) + 1)))
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_made_while_nothing_else_is_to_be_done() {
        let (made, prepared) = counted();
        tokio::task::yield_now().await;
        assert_eq!(made.load(Ordering::Relaxed), 0, "the request for the first invocation goes first");
        tokio::time::sleep(HEAD_START * 2).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert_eq!((prepared.get().await, prepared.get().await), (&1, &1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_needs_it_sooner_makes_it_and_it_is_not_made_again() {
        let (made, prepared) = counted();
        assert_eq!(prepared.get().await, &1);
        tokio::time::sleep(HEAD_START * 2).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
}
