//! The removal budget: one row, so that what a run takes is reserved in one conditional write, whatever runs beside it.

use jiff::Timestamp;
use sync_core::guard::{Judgement, RemovalGrant, Spend, Window, WindowBook};

use super::{Ledger, Read, RowKey, not_understood, resting_on};
use crate::ports::{Table, TableError};

const PK: &str = "budget";
const SK: &str = "removals";

/// How often a reservation is tried again when another run wrote in between. Each loss means that another run got through, and
/// few runs can be under way at once.
const ATTEMPTS: usize = 20;

/// A judgement, with the grant of what it takes.
#[derive(Debug)]
pub struct Reserved {
    /// What may be applied, and what is held.
    pub judgement: Judgement,
    /// Proof that it was reserved.
    pub grant: RemovalGrant,
}

impl<T: Table> Ledger<T> {
    /// Judges against what the window has left, and reserves what the judgement takes, atomically: if another run reserves in between, it
    /// judges again. Where the ledger cannot be used, it judges with [`Window::Unavailable`].
    pub async fn reserve<E>(
        &self,
        run: &str,
        window_hours: u32,
        now: Timestamp,
        judge: impl Fn(&Window) -> Result<Judgement, E> + Send,
    ) -> Result<Reserved, E> {
        for _ in 0..ATTEMPTS {
            match self.try_reserve(run, window_hours, now, &judge).await {
                Ok(reserved) => return reserved,
                Err(TableError::Conflict { .. }) => {}
                Err(error @ TableError::Unavailable { .. }) => {
                    tracing::error!(event = "ledger_unavailable", error = %error, "removals are held until the ledger can be reached");
                    break;
                }
            }
        }
        let judgement = judge(&Window::Unavailable)?;
        let grant = RemovalGrant::reserved_by_ledger(&judgement.spend);
        Ok(Reserved { judgement, grant })
    }

    async fn try_reserve<E>(
        &self,
        run: &str,
        window_hours: u32,
        now: Timestamp,
        judge: &(impl Fn(&Window) -> Result<Judgement, E> + Send),
    ) -> Result<Result<Reserved, E>, TableError> {
        let read = self.read::<WindowBook>(PK, SK, now).await?;
        let expect = resting_on(read.as_ref());
        let mut book = book_of(read)?;
        let judgement = match judge(&Window::Used(book.usage(now, window_hours))) {
            Ok(judgement) => judgement,
            Err(refused) => return Ok(Err(refused)),
        };
        if !judgement.spend.is_empty() {
            book.book(run, &judgement.spend, now, window_hours);
            self.write(RowKey::lasting(PK, SK), &book, expect, now).await?;
        }
        let grant = RemovalGrant::reserved_by_ledger(&judgement.spend);
        Ok(Ok(Reserved { judgement, grant }))
    }

    /// What the window has left, for a run that changes nothing.
    pub async fn window(&self, window_hours: u32, now: Timestamp) -> Window {
        match self.read::<WindowBook>(PK, SK, now).await {
            Ok(read) => book_of(read).map_or(Window::Unavailable, |book| Window::Used(book.usage(now, window_hours))),
            Err(_) => Window::Unavailable,
        }
    }

    /// Gives back what a run reserved and did not use.
    pub async fn settle(&self, run: &str, used: &Spend, now: Timestamp) -> Result<(), TableError> {
        for _ in 0..ATTEMPTS {
            let Some(read) = self.read::<WindowBook>(PK, SK, now).await? else { return Ok(()) };
            let expect = resting_on(Some(&read));
            let mut book = book_of(Some(read))?;
            book.settle(run, used);
            match self.write(RowKey::lasting(PK, SK), &book, expect, now).await {
                Err(TableError::Conflict { .. }) => {}
                other => return other.map(drop),
            }
        }
        Ok(())
    }
}

/// The book of a row. One that is not understood is not begun anew: nobody would know what was used.
fn book_of(read: Option<Read<WindowBook>>) -> Result<WindowBook, TableError> {
    match read {
        None => Ok(WindowBook::default()),
        Some(read) => read.body.ok_or_else(not_understood),
    }
}
