//! Alarms and dashboard against the metrics that the code emits, and against the runbooks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use runtime::config::Function;
use runtime::metrics::Name;

use crate::yaml::{Block, infra, logical_id, root, sources};

/// What stands between `before` and `after`, wherever it does.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after).map(|(found, _)| found))
}

/// Names and functions of our metrics, as the monitoring asks for them.
fn asked_for() -> BTreeSet<(String, String)> {
    let text = infra("monitoring.yaml");
    let mut found = BTreeSet::new();
    for metric in text.split("Namespace: Lockstep\n").skip(1) {
        let name = between(metric, "MetricName: ", "\n").next().unwrap();
        let function = between(metric, "{ Name: function, Value: ", " }").next().unwrap();
        found.insert((name.to_owned(), function.to_owned()));
    }
    for metric in between(&text, "[\"Lockstep\", \"", "\"]") {
        let (name, function) = metric.split_once("\", \"function\", \"").unwrap();
        found.insert((name.to_owned(), function.to_owned()));
    }
    found
}

/// Names that the code of a function emits: `Name::X` in its own crate, or in those that it shares.
fn emitted_by(function: Function) -> BTreeSet<String> {
    let own = root().join("functions").join(function.as_str()).join("src");
    let shared = match function {
        Function::EventHook => Vec::new(),
        Function::EventWorker | Function::Reconcile => {
            let of_runtime = ["report_log.rs", "change_events.rs"].map(|file| root().join("shared/runtime/src").join(file));
            [vec![root().join("shared/assembly/src")], of_runtime.to_vec()].concat()
        }
    };
    named_in(std::iter::once(own).chain(shared))
}

/// The metrics that the code of these folders names.
fn named_in(folders: impl IntoIterator<Item = PathBuf>) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric();
    let names = |(_, text): &(_, String)| -> Vec<String> {
        text.split("Name::").skip(1).map(|rest| rest.chars().take_while(|c| is_name(*c)).collect()).collect()
    };
    sources(folders).iter().flat_map(names).collect()
}

/// Each alarm, by name.
fn alarms() -> Vec<(String, String)> {
    let resources = Block::of("monitoring.yaml").below("Resources");
    let text = |name: String| (name.clone(), resources.below(&name).0.join("\n") + "\n");
    resources.keys().into_iter().map(text).filter(|(_, text)| text.contains("Type: AWS::CloudWatch::Alarm\n")).collect()
}

/// A number that an alarm gives, once or for each of its metrics alike.
fn number(alarm: &str, key: &str) -> Option<u32> {
    let key = format!(" {key}: ");
    let values: BTreeSet<&str> = between(alarm, &key, "\n").collect();
    assert!(values.len() <= 1, "{key} is {values:?}");
    values.into_iter().next().map(|value| value.parse().unwrap())
}

#[test]
fn an_alarm_does_not_clear_itself_between_two_words_of_a_trouble_that_stays() {
    let of_every_invocation = named_in([root().join("shared/assembly/src")]);
    assert!(of_every_invocation.contains("PausedSeconds") && of_every_invocation.contains("OpenHeldLeavers"), "{of_every_invocation:?}");
    let schedule = Block::template().below("Parameters").value(&["IncrementalRunSchedule", "Default"]);
    let minutes: u32 = schedule.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(" minutes)")).unwrap().parse().unwrap();
    let between_words = 60 * minutes;
    let mut looked_at = 0;
    for (name, alarm) in alarms() {
        if !between(&alarm, "MetricName: ", "\n").any(|metric| of_every_invocation.contains(metric)) {
            continue;
        }
        looked_at += 1;
        let (period, evaluated) = (number(&alarm, "Period").unwrap(), number(&alarm, "EvaluationPeriods").unwrap());
        let has_some = period >= 2 * between_words;
        let may_lack_one = period >= between_words && number(&alarm, "DatapointsToAlarm").is_some_and(|needed| needed < evaluated);
        assert!(has_some || may_lack_one, "{name}: a period of {period} s, and a word each {between_words} s");
    }
    assert!(looked_at >= 5, "only {looked_at} alarms were understood");
}

#[test]
fn s55_a_function_that_ends_without_an_answer_rings() {
    for function in Function::ALL {
        let dimension = format!("{{ Name: FunctionName, Value: !Ref {}Function }}", logical_id(function));
        let rings = |alarm: &str| alarm.split("MetricName: ").any(|metric| metric.starts_with("Errors\n") && metric.contains(&dimension));
        assert!(alarms().iter().any(|(_, alarm)| rings(alarm)), "{function:?}: {dimension}");
    }
}

#[test]
fn every_metric_of_an_alarms_expression_is_in_its_sum() {
    for (name, alarm) in alarms() {
        let Some(expression) = between(&alarm, "Expression: ", "\n").next() else { continue };
        for id in between(&alarm, "- Id: ", "\n").filter(|id| *id != "total") {
            assert!(expression.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == id), "{name}: {id} is not in {expression}");
        }
    }
}

#[test]
fn what_is_watched_is_what_the_functions_emit_both_ways() {
    let emitted: BTreeSet<(String, String)> = Function::ALL
        .into_iter()
        .flat_map(|function| emitted_by(function).into_iter().map(move |name| (name, function.as_str().to_owned())))
        .collect();
    assert!(emitted.len() > 20, "the sources were not understood: {emitted:?}");
    assert_eq!(asked_for(), emitted);
}

#[test]
fn every_metric_that_is_declared_is_emitted() {
    let emitted: BTreeSet<String> = Function::ALL.into_iter().flat_map(emitted_by).collect();
    let declared: BTreeSet<String> = Name::ALL.iter().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(declared, emitted);
}

/// A heading as its anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn every_alarm_names_a_runbook_that_exists_and_every_runbook_of_an_alarm_is_named() {
    let text = infra("monitoring.yaml");
    let operations = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let alarms_part = between(&operations, "\n## Alarms\n", "\n## ").next().unwrap();
    let sections: BTreeSet<String> = alarms_part.lines().filter_map(|line| line.strip_prefix("### ")).map(anchor).collect();
    let alarms = text.matches("Type: AWS::CloudWatch::Alarm").count();
    let named: Vec<&str> = between(&text, "What to do: docs/operations.md#", "\n").collect();
    assert_eq!(named.len(), alarms, "each alarm names one section");
    let named: BTreeSet<String> = named.into_iter().map(str::to_owned).collect();
    assert_eq!(named.len(), alarms, "each alarm has a section of its own");
    assert_eq!(named, sections, "the sections of `Alarms` are their runbooks");
}

#[test]
fn what_the_monitoring_costs_is_reckoned_with_what_it_has() {
    let text = infra("monitoring.yaml");
    let alarms = text.split("Type: AWS::CloudWatch::Dashboard").next().unwrap();
    let of_alarms = alarms.matches("MetricName: ").count();
    let operations = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let line = format!("| {} metrics, {of_alarms} metrics of alarms, a dashboard", asked_for().len());
    assert!(operations.contains(&line), "docs/operations.md, \"What it costs a month\", lacks: {line}");
}
