//! How deep a JSON text is nested, found before anything is parsed and without recursion.

/// Where a text is first nested deeper than `limit`, as a byte offset; `None` if nowhere. Brackets in strings do not count.
/// A text that is not JSON may give either answer, and is refused by the parser anyway.
pub(super) fn first_deeper_than(limit: usize, text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn the_limit_itself_is_not_too_deep_and_one_more_is() {
        assert_eq!(first_deeper_than(64, &nested(64)), None);
        assert_eq!(first_deeper_than(64, &nested(65)), Some(64));
    }

    #[test]
    fn brackets_in_strings_do_not_count_and_escaped_quotes_do_not_end_one() {
        let text = format!(r#"{{"a":"\"{}\\","b":[1]}}"#, "[".repeat(100));
        assert_eq!(first_deeper_than(2, &text), None);
        assert_eq!(first_deeper_than(1, &text), Some(text.find("[1]").unwrap()));
    }

    #[test]
    fn a_million_brackets_are_found_without_recursion() {
        assert_eq!(first_deeper_than(64, &"{\"a\":[".repeat(1_000_000)), Some(32 * 6), "each of the 32 before it is two deep");
    }
}
