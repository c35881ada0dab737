//! A ledger table in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use engine::ports::{Expect, Row, Table, TableError};
use jiff::Timestamp;

use crate::call::{Body, Desk, Failure, Operation, Reply, Side, SideError, perform};
use crate::fault::{ErrorFault, Fault};
use crate::kill::{Client, KillSwitch};
use crate::lock;
use crate::log::Call;
use crate::quota::ceil_second;
use crate::time::Time;

type Key = (String, String);

#[derive(Debug)]
struct TableState {
    time: Time,
    desk: Desk,
    version: u64,
    rows: BTreeMap<Key, Row>,
}

/// A ledger table in memory, as DynamoDB keeps it. Its operations are `GetItem`, `PutItem`, `DeleteItem` and `Query`.
#[derive(Debug, Clone)]
pub struct MemoryTable {
    state: Arc<Mutex<TableState>>,
    client: Arc<Client>,
}

impl Default for MemoryTable {
    fn default() -> Self {
        Self::new(Time::default())
    }
}

impl MemoryTable {
    /// An empty table. The clock is for the log and for delays only: rows expire by the time that the caller gives.
    pub fn new(time: impl Into<Time>) -> Self {
        let state = TableState { time: time.into(), desk: Desk::default(), version: 0, rows: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), client: Arc::default() }
    }

    /// The connection of a process that this switch ends.
    pub fn with_kill(&self, kill: &KillSwitch) -> Self {
        Self { state: Arc::clone(&self.state), client: Arc::new(Client::with_kill(kill)) }
    }

    /// Adds a fault. An error, a refusal or a broken connection makes the table unavailable; `Conflict` and `Corrupt` are for it alone.
    pub fn inject(&self, fault: Fault) {
        self.lock().desk.faults.add(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.lock().desk.faults.clear();
    }

    /// Every row, in the order of its keys.
    pub fn rows(&self) -> Vec<Row> {
        self.lock().rows.values().cloned().collect()
    }

    /// Puts a row as someone else would, such as an older version of the program.
    pub fn plant(&self, row: Row) {
        self.lock().rows.insert((row.pk.clone(), row.sk.clone()), row);
    }

    /// Loses every row.
    pub fn wipe(&self) {
        self.lock().rows.clear();
    }

    /// Every call since the last [`MemoryTable::clear_log`].
    pub fn log(&self) -> Vec<Call> {
        self.lock().desk.log.all().to_vec()
    }

    /// Calls by operation.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().desk.log.counts()
    }

    /// Writes calls down from now on, or not: where nobody looks at them, it is a saving.
    pub fn keep_log(&self, on: bool) {
        self.lock().desk.log.turn(on);
    }

    /// Forgets the calls.
    pub fn clear_log(&self) {
        self.lock().desk.log.clear();
    }

    fn lock(&self) -> MutexGuard<'_, TableState> {
        lock(&self.state)
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        run: impl FnOnce(&mut TableState) -> Result<T, Refusal> + Send,
    ) -> Result<(T, bool), TableError> {
        let (name, target) = (operation.name, operation.target.clone());
        let Reply { result, body, .. } = perform(&self.state, &self.client, operation, |state, _| run(state)).await;
        let unavailable = |detail: &str| TableError::Unavailable { operation: name, detail: detail.to_owned() };
        match result {
            Ok(value) => Ok((value, body != Body::Whole)),
            Err(Failure::Api(Refusal::Conflict)) => {
                let (pk, sk) = target.split_once(' ').unwrap_or((&target, ""));
                Err(TableError::Conflict { pk: pk.to_owned(), sk: sk.to_owned() })
            }
            Err(Failure::Api(Refusal::Injected(detail))) => Err(unavailable(&detail)),
            Err(Failure::Html(status)) => Err(unavailable(&format!("{status} and a page of HTML"))),
            Err(Failure::Lost) => Err(unavailable("the connection broke before an answer")),
        }
    }
}

impl Table for MemoryTable {
    async fn get(&self, pk: &str, sk: &str, now: Timestamp) -> Result<Option<Row>, TableError> {
        let key = (pk.to_owned(), sk.to_owned());
        let read = |state: &mut TableState| Ok(state.live(&key, now).cloned());
        let (row, spoilt) = self.call(Operation::read("GetItem", format!("{pk} {sk}")), read).await?;
        Ok(row.map(|row| corrupted(row, spoilt)))
    }

    async fn put(&self, row: &Row, expect: Expect, now: Timestamp) -> Result<u64, TableError> {
        let write = |state: &mut TableState| state.put(row, expect, now);
        let (version, _) = self.call(Operation::write("PutItem", format!("{} {}", row.pk, row.sk)), write).await?;
        Ok(version)
    }

    async fn delete(&self, pk: &str, sk: &str, expect: Expect) -> Result<(), TableError> {
        let key = (pk.to_owned(), sk.to_owned());
        let remove = |state: &mut TableState| state.delete(&key, expect);
        self.call(Operation::write("DeleteItem", format!("{pk} {sk}")), remove).await.map(drop)
    }

    async fn query(&self, pk: &str, now: Timestamp) -> Result<Vec<Row>, TableError> {
        let read = |state: &mut TableState| {
            let rows = state.rows.values().filter(|row| row.pk == pk && !expired(row, now));
            Ok(rows.cloned().collect::<Vec<_>>())
        };
        let (rows, spoilt) = self.call(Operation::read("Query", pk.to_owned()), read).await?;
        Ok(rows.into_iter().map(|row| corrupted(row, spoilt)).collect())
    }
}

impl TableState {
    fn live(&self, key: &Key, now: Timestamp) -> Option<&Row> {
        self.rows.get(key).filter(|row| !expired(row, now))
    }

    fn put(&mut self, row: &Row, expect: Expect, now: Timestamp) -> Result<u64, Refusal> {
        let key = (row.pk.clone(), row.sk.clone());
        let present = self.live(&key, now).map(|row| row.version);
        if !holds(expect, present) {
            return Err(Refusal::Conflict);
        }
        // One that has expired and is still there is counted on from as well.
        let version = self.rows.get(&key).map_or(0, |row| row.version) + 1;
        self.rows.insert(key, Row { version, expires_at: row.expires_at.map(whole_second), ..row.clone() });
        self.version += 1;
        Ok(version)
    }

    fn delete(&mut self, key: &Key, expect: Expect) -> Result<(), Refusal> {
        let present = self.rows.get(key).map(|row| row.version);
        if !holds(expect, present) {
            return Err(Refusal::Conflict);
        }
        self.rows.remove(key);
        self.version += 1;
        Ok(())
    }
}

fn holds(expect: Expect, present: Option<u64>) -> bool {
    match expect {
        Expect::Anything => true,
        Expect::Absent => present.is_none(),
        Expect::Version(version) => present == Some(version),
    }
}

/// DynamoDB keeps whole seconds; none is cut short.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(ceil_second(at)).unwrap_or(at)
}

fn expired(row: &Row, now: Timestamp) -> bool {
    row.expires_at.is_some_and(|at| at <= now)
}

fn corrupted(row: Row, spoilt: bool) -> Row {
    let body = if spoilt { row.body.chars().take(row.body.chars().count() / 2).collect::<String>() + "\u{fffd}" } else { row.body };
    Row { body, ..row }
}

/// Why the table did not do it.
#[derive(Debug)]
enum Refusal {
    Conflict,
    Injected(String),
}

impl SideError for Refusal {
    fn status(&self) -> u16 {
        match self {
            Self::Conflict => 400,
            Self::Injected(_) => 500,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Conflict => "ConditionalCheckFailedException",
            Self::Injected(_) => "InternalServerError",
        }
    }
}

impl Side for TableState {
    type Error = Refusal;
    type Rate = ();

    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn time(&self) -> Time {
        self.time.clone()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn admit(&mut self, _operation: &Operation) -> (Option<()>, Result<(), Refusal>) {
        (None, Ok(()))
    }

    fn error_of(&mut self, fault: ErrorFault<'_>, _rate: &mut Option<()>) -> Refusal {
        match fault {
            ErrorFault::Conflict => Refusal::Conflict,
            ErrorFault::Status { status, .. } => Refusal::Injected(format!("status {status}")),
            ErrorFault::Exception { name, .. } => Refusal::Injected(name.to_owned()),
            ErrorFault::Throttle { .. } => Refusal::Injected("ProvisionedThroughputExceededException".to_owned()),
        }
    }
}
