use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::policy::Policy;

use super::schema;

const LEAST: &str = "[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n";

/// Every table of the schema, with the header that it has in a file.
fn tables(schema: &Value) -> Vec<(String, &Value)> {
    let tables = schema["properties"].as_object().unwrap();
    let table = |(name, table): (&String, &'_ Value)| match table.get("items") {
        Some(_) => format!("[[{name}]]"),
        None => format!("[{name}]"),
    };
    tables.iter().map(|entry| (table(entry), entry.1.get("items").unwrap_or(entry.1))).collect()
}

/// The keys that the parser knows in a table, as it says them itself when it meets one that it does not know.
fn keys_of_parser(header: &str) -> BTreeSet<String> {
    let text = match LEAST.split_once(&format!("{header}\n")) {
        Some((before, after)) => format!("{before}{header}\nno_such_key = 1\n{after}"),
        None => format!("{LEAST}{header}\nno_such_key = 1\n"),
    };
    let problem = Policy::parse(&text).unwrap_err().problem;
    let (_, expected) = problem.split_once("expected").unwrap_or_else(|| panic!("{header}: {problem}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_schema_has_the_parsers_keys_and_no_other() {
    let schema = schema();
    for (header, table) in tables(&schema) {
        let ours: BTreeSet<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(ours, keys_of_parser(&header), "{header}");
        assert_eq!(table["additionalProperties"], false, "{header}");
    }
    let ours: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    let problem = Policy::parse(&format!("no_such_key = 1\n{LEAST}")).unwrap_err().problem;
    let theirs: BTreeSet<String> = problem.split_once("expected").unwrap().1.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn the_schemas_defaults_are_the_parsers() {
    let schema = schema();
    let mut spelled_out = String::new();
    for (header, table) in tables(&schema).into_iter().filter(|(header, _)| !header.starts_with("[[")) {
        spelled_out.push_str(&format!("{header}\n"));
        match header.as_str() {
            "[okta]" => spelled_out.push_str("org_url = \"https://acme.okta.com\"\n"),
            "[groups]" => spelled_out.push_str("match = ['^AWS-']\n"),
            _ => {}
        }
        for (key, described) in table["properties"].as_object().unwrap() {
            if let Some(default) = described.get("default") {
                spelled_out.push_str(&format!("{key} = {}\n", toml_value(default)));
            }
        }
    }
    let (least, spelled) = (Policy::parse(LEAST).unwrap(), Policy::parse(&spelled_out).unwrap());
    // All but the hash, which is over what is written.
    let shown = |policy: &Policy| format!("{policy:?}").replace(policy.hash(), "");
    assert_eq!(shown(&least), shown(&spelled), "{spelled_out}");
}

fn toml_value(json: &Value) -> String {
    match json.as_object() {
        None => json.to_string(),
        Some(fields) => format!("{{{}}}", fields.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")),
    }
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    for (header, table) in tables(&schema) {
        for (key, described) in table["properties"].as_object().unwrap() {
            assert!(described["description"].as_str().is_some_and(|text| text.len() > 3), "{header} {key}");
        }
    }
}
