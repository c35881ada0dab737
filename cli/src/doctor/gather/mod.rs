//! Reading what the checks judge. Nothing here decides, and no read that fails stops another.

pub(crate) mod aws;
mod okta;
mod present;
mod scim;

use engine::ledger::Ledger;
use ledger::DynamoTable;
use runtime::clock::SystemClock;
use runtime::policy_file;
use runtime::telemetry::error_chain;
use sync_core::policy::Policy;

pub(crate) use okta::hook;
#[cfg(test)]
pub(crate) use okta::{app_record, metadata, of_identity_center};

use super::facts::{Facts, LedgerFacts, Read, Unread};
use crate::session::Session;

/// Reads everything.
pub(crate) async fn facts(session: &Session, hook_url: Option<String>, scim_secret: Option<&str>) -> Facts {
    let policy = read_policy(session);
    let Ok(known) = &policy else {
        let unread = || Unread::because("without a policy nobody knows what to look at (see policy.file)");
        let (okta, aws, present) = (Err(unread()), aws::unread(&unread()), Err(unread()));
        return Facts { now: SystemClock.now(), policy, hook_url, okta, aws, present, ledger: ledger(session).await };
    };
    let from_aws = Box::pin(aws::facts(session, known, scim_secret));
    let (okta, (aws, store), ledger) = futures::join!(Box::pin(okta::facts(session, known)), from_aws, ledger(session));
    let present = match (&okta, store) {
        (Ok(okta), Ok(store)) => Box::pin(present::facts(session, known, okta, &aws, &store)).await,
        (Err(why), _) => Err(why.clone()),
        (_, Err(why)) => Err(why),
    };
    Facts { now: SystemClock.now(), policy, hook_url, okta, aws, present, ledger }
}

fn read_policy(session: &Session) -> Read<Policy> {
    let path = session.policy_path();
    let text = policy_file::read(path).map_err(|error| Unread(error_chain(&error)))?;
    Policy::parse(&text).map_err(|error| Unread(format!("{}: {}", path.display(), error_chain(&error))))
}

async fn ledger(session: &Session) -> Read<LedgerFacts> {
    let Some(table) = session.settings().table.clone() else {
        return Err(Unread::because("no table was named: --table (LOCKSTEP_TABLE)"));
    };
    let ledger = Ledger::new(DynamoTable::new(session.aws().await, &table));
    let now = SystemClock.now();
    let failed = |error: engine::ports::TableError| Unread(error_chain(&error));
    let paused = ledger.pause(now).await.map_err(failed)?.map(|pause| pause.since);
    Ok(LedgerFacts { paused, last_complete: ledger.last_complete(now).await.map_err(failed)? })
}
