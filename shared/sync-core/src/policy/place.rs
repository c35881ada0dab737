//! Which key of the file stands at a place of its text.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The key whose name or value is at `place`, dotted, such as `limits.scim_tps`. A rule's number is left out: the line says which it is.
pub(super) fn key_at(text: &str, place: &Range<usize>) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    in_table(table.get_ref(), place)
}

fn in_table(table: &DeTable<'_>, place: &Range<usize>) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        let within = in_value(value, place).map(|within| if within.is_empty() { name.to_string() } else { format!("{name}.{within}") });
        within.or_else(|| covers(&key.span(), place).then(|| name.to_string()))
    })
}

/// The keys below a value; empty where the value itself is at `place`.
fn in_value(value: &Spanned<DeValue<'_>>, place: &Range<usize>) -> Option<String> {
    let below = match value.get_ref() {
        DeValue::Table(table) => in_table(table, place),
        DeValue::Array(values) => values.iter().find_map(|value| in_value(value, place)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => None,
    };
    below.or_else(|| covers(&value.span(), place).then(String::new))
}

fn covers(span: &Range<usize>, place: &Range<usize>) -> bool {
    span.start <= place.start && place.end <= span.end && !place.is_empty()
}
