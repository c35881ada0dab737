//! A list, page by page to its end, or an error: never a part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_core::error::{SourceError, SourceErrorKind};
use sync_core::records::{BadRecord, Listing};
use tokio::time::Instant;

use crate::link::next_page;
use crate::request::Request;
use crate::sender::{Reply, Sender};

/// Most pages of one list: two million records, more than any org has, so that a server that always names another page
/// comes to an end.
const MAX_PAGES: usize = 10_000;

/// A record that a list holds, known by its id.
pub(crate) trait Identified {
    /// Its id.
    fn id(&self) -> &str;
}

/// Reads a list to its last page; `None` if Okta says that what it belongs to does not exist. If Okta drops the cursor
/// midway, it is read once more from the start.
pub(crate) async fn list<T: Identified>(
    sender: &Sender,
    first: &Request,
    deadline: Option<Instant>,
    parse: impl Fn(&Value) -> Result<T, BadRecord>,
) -> Result<Option<Listing<T>>, SourceError> {
    match list_once(sender, first, deadline, &parse).await {
        Err(error) if error.kind == SourceErrorKind::LostCursor => {
            tracing::warn!(operation = first.operation, "Okta dropped the cursor of a list; it is begun anew");
            list_once(sender, first, deadline, &parse).await
        }
        result => result,
    }
}

async fn list_once<T: Identified>(
    sender: &Sender,
    first: &Request,
    deadline: Option<Instant>,
    parse: &impl Fn(&Value) -> Result<T, BadRecord>,
) -> Result<Option<Listing<T>>, SourceError> {
    let malformed = |detail: String| first.error(SourceErrorKind::Malformed, detail);
    let mut records = Records::default();
    let mut visited = BTreeSet::from([first.url.to_string()]);
    let mut request = first.clone();
    loop {
        let Reply::Found(page, headers) = sender.get(&request, deadline).await? else { return Ok(None) };
        let Value::Array(elements) = page else { return Err(malformed("the answer is not a list".to_owned())) };
        elements.iter().for_each(|element| records.add(parse(element)));
        let Some(next) = next_page(&headers, &request.url).map_err(malformed)? else { return Ok(Some(records.into_listing())) };
        if !visited.insert(next.to_string()) {
            return Err(malformed("the next page is one that was read already".to_owned()));
        }
        if visited.len() > MAX_PAGES {
            return Err(malformed(format!("the list has more than {MAX_PAGES} pages")));
        }
        request = request.at(next);
    }
}

/// Records by id: one that moves while pages are read can be on two of them, and the later one is the newer.
struct Records<T> {
    items: Vec<T>,
    bad: Vec<BadRecord>,
    places: BTreeMap<String, usize>,
}

impl<T> Default for Records<T> {
    fn default() -> Self {
        Self { items: Vec::new(), bad: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: Identified> Records<T> {
    fn add(&mut self, record: Result<T, BadRecord>) {
        let record = match record {
            Ok(record) => record,
            Err(bad) => return self.bad.push(bad),
        };
        let place = self.places.get(record.id()).and_then(|place| self.items.get_mut(*place));
        if let Some(earlier) = place {
            *earlier = record;
        } else {
            self.places.insert(record.id().to_owned(), self.items.len());
            self.items.push(record);
        }
    }

    fn into_listing(self) -> Listing<T> {
        Listing { items: self.items, bad: self.bad }
    }
}
