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

/// A key as docs/policy.md says it: its default, and what it means.
fn row(table: &Value, key: &str) -> String {
    let described = &table["properties"][key];
    let is_required = table["required"].as_array().is_some_and(|required| required.iter().any(|name| name == key));
    let default = match described.get("default") {
        Some(default) => format!("`{}`", toml_value(default)),
        None if is_required => "must be given".to_owned(),
        None => panic!("{key} has no default and is not required"),
    };
    let options = described.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let options: Vec<String> = options.map(|option| format!("`{option}`")).collect();
    let options = if options.is_empty() { String::new() } else { format!(" ({})", options.join(", ")) };
    format!("| `{key}` | {default} | {}{options} |", described["description"].as_str().unwrap())
}

#[test]
fn the_documents_reference_has_every_key_with_its_default_and_its_meaning() {
    let schema = schema();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md")).unwrap();
    for (header, table) in tables(&schema) {
        let heading = format!("\n## `{header}`\n");
        let (_, section) = text.split_once(&heading).unwrap_or_else(|| panic!("docs/policy.md lacks:{heading}"));
        let section = section.split("\n## ").next().unwrap();
        let said: BTreeSet<String> = section.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
        let known: BTreeSet<String> = table["properties"].as_object().unwrap().keys().map(|key| row(table, key)).collect();
        assert_eq!(said, known, "{header}");
    }
}

#[test]
fn the_example_shows_every_key() {
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/policy.example.toml")).unwrap();
    let is_shown = |line: &str, key: &str| {
        let line = line.trim_start_matches(['#', ' ']);
        line.starts_with(&format!("{key} ")) && line.contains('=') || line == format!("[users.{key}]")
    };
    for (header, table) in tables(&schema()) {
        for key in table["properties"].as_object().unwrap().keys() {
            assert!(example.lines().any(|line| is_shown(line, key)), "{header} {key}");
        }
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
