//! Lists that AWS gives in pages.

use std::collections::BTreeSet;
use std::future::Future;

use crate::api::Api;
use crate::errors::Failure;

/// The most that AWS gives in one page. Its own default is nowhere stated.
pub(crate) const MAX_RESULTS: i32 = 100;

/// A page: what it holds, and the token of the next.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

/// Reads to the last page, which is the one without a token: an empty page with one is not it.
///
/// # Errors
/// The first failure of a page, or `Malformed` where a token comes back that was followed already, as the list would never end.
/// What was read until then is given up: a part of a list is no list.
pub(crate) async fn all_pages<T, F>(api: Api, page: impl Fn(Option<String>) -> F) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<Page<T>, Failure>>,
{
    let mut items = Vec::new();
    let mut followed = BTreeSet::new();
    let mut token = None;
    loop {
        let (found, next) = page(token).await?;
        items.extend(found);
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(items) };
        if !followed.insert(next.clone()) {
            return Err(Failure::malformed(api, "the same token of a next page came twice, so the list has no end"));
        }
        token = Some(next);
    }
}
