//! Environment, names, and numbers that have to fit one another.

use std::collections::BTreeSet;

use runtime::config::{DEFAULT_POLICY_PATH, Function, SetBy, VARIABLES};
use runtime::queue::LATER_DELAYS;
use sync_core::ids::OktaGroupId;
use sync_core::policy::{Policy, WriteMode};
use sync_core::trigger::{Lane, Target, Trigger};

use crate::yaml::{Block, infra, logical_id, root};

fn variables(template: &Block, function: Function) -> BTreeSet<String> {
    let for_all = template.below("Globals").below("Function").below("Environment").below("Variables").keys();
    let resource = template.below("Resources").below(logical_id(function));
    let own = resource.below("Properties").below("Environment").below("Variables").keys();
    assert!(!for_all.is_empty() && !own.is_empty(), "the template was not understood: {for_all:?} {own:?}");
    for_all.into_iter().chain(own).collect()
}

#[test]
fn the_template_sets_for_each_function_what_it_reads_and_nothing_else() {
    let template = Block::template();
    for function in Function::ALL {
        let is_for_template = |v: &&runtime::config::Variable| v.read_by.contains(&function) && v.set_by == SetBy::Template;
        let read: BTreeSet<String> = VARIABLES.iter().filter(is_for_template).map(|v| v.name.to_owned()).collect();
        assert_eq!(variables(&template, function), read, "{function:?}");
    }
}

#[test]
fn each_function_has_the_name_and_the_folder_of_its_binary() {
    let template = Block::template().below("Resources");
    for function in Function::ALL {
        let properties = template.below(logical_id(function)).below("Properties");
        assert_eq!(properties.value(&["FunctionName"]), format!("!Sub \"${{AWS::StackName}}-{}\"", function.as_str()));
        assert_eq!(properties.value(&["CodeUri"]), format!("../target/lambda/{}.zip", function.as_str()));
    }
}

/// A mapping's `MaximumConcurrency`.
fn at_once(worker: &Block, mapping: &str) -> u32 {
    let value = worker.value(&["Events", mapping, "Properties", "ScalingConfig"]);
    value.trim_matches(['{', '}', ' ']).strip_prefix("MaximumConcurrency: ").unwrap().parse().unwrap()
}

#[test]
fn a_batch_does_not_come_back_while_it_is_worked_on() {
    let resources = Block::template().below("Resources");
    for (queue, function) in [("TriggerQueue", "EventWorker"), ("LaterQueue", "EventWorker"), ("RunQueue", "Reconcile")] {
        let timeout = resources.number(&[function, "Properties", "Timeout"]);
        assert_eq!(resources.number(&[queue, "Properties", "VisibilityTimeout"]), 6 * timeout, "{queue}: AWS asks for six times");
    }
}

#[test]
fn no_batch_is_turned_away_for_want_of_concurrency() {
    let worker = Block::template().below("Resources").below("EventWorker").below("Properties");
    let lanes = [Lane::Leavers, Lane::Removals, Lane::Rest].len();
    assert_eq!(at_once(&worker, "Triggers"), u32::try_from(lanes).unwrap(), "a lane has one consumer");
    assert_eq!(at_once(&worker, "Later"), 2, "the least that Lambda takes");
    assert_eq!(worker.number(&["ReservedConcurrentExecutions"]), at_once(&worker, "Triggers") + at_once(&worker, "Later"));
    for mapping in ["Triggers", "Later"] {
        assert_eq!(worker.number(&["Events", mapping, "Properties", "BatchSize"]), 10, "the most that a FIFO queue gives");
    }
    let reconcile = Block::template().below("Resources").below("Reconcile").below("Properties");
    let others = ["a schedule", "a person"].len();
    assert_eq!(reconcile.number(&["ReservedConcurrentExecutions"]), at_once(&reconcile, "Runs") + u32::try_from(others).unwrap());
    assert_eq!(reconcile.number(&["Events", "Runs", "Properties", "BatchSize"]), 1, "a run takes all of an invocation's time");
}

#[test]
fn a_message_is_given_up_before_it_expires_and_kept_longer_as_a_dead_letter() {
    let resources = Block::template().below("Resources");
    for (queue, dead) in [("TriggerQueue", "TriggerDeadLetters"), ("LaterQueue", "LaterDeadLetters"), ("RunQueue", "LaterDeadLetters")] {
        let number = |queue: &str, path: &[&str]| resources.number(&[&[queue, "Properties"], path].concat());
        let received = number(queue, &["RedrivePolicy", "maxReceiveCount"]);
        let retention = number(queue, &["MessageRetentionPeriod"]);
        assert!(received > 1, "{queue}: a function that is killed once is no reason to give up");
        assert!(
            received * number(queue, &["VisibilityTimeout"]) < retention,
            "{queue}: a poison message expires before it is a dead letter"
        );
        // SQS counts a dead letter's age from its first sending.
        assert!(number(dead, &["MessageRetentionPeriod"]) > retention, "{dead}");
        assert_eq!(resources.value(&[queue, "Properties", "RedrivePolicy", "deadLetterTargetArn"]), format!("!GetAtt {dead}.Arn"));
    }
}

/// How long a trigger waits that arrives at `arrived`, in whole seconds.
fn seconds_of_waiting(arrived: &str) -> i64 {
    let target = Target::Group(OktaGroupId::new("00g1").unwrap());
    let trigger = Trigger { lane: Lane::Rest, target, groups: BTreeSet::new(), login: None, published: None };
    let message = trigger.message(arrived.parse().unwrap());
    message.not_before.duration_since(message.arrived).as_secs()
}

#[test]
fn the_queue_waits_for_most_of_what_triggers_have_to_and_for_little_more_than_any_has_to() {
    let resources = Block::template().below("Resources");
    let delay = resources.number(&["TriggerQueue", "Properties", "DelaySeconds"]);
    let (late, early) = (seconds_of_waiting("2026-11-24T10:00:01.999999999Z"), seconds_of_waiting("2026-11-24T10:00:00Z"));
    assert_eq!(
        (late, i64::from(delay), early),
        (3, 4, 5),
        "between the least and the most that staleness asks for; bin/bench has the figures"
    );
    let longest = LATER_DELAYS.iter().max().unwrap().as_secs();
    assert!(longest <= 900 && LATER_DELAYS.len() < 16, "SQS delays for 15 minutes at most, and Lambda cuts loops after 16 rounds");
}

#[test]
fn functions_have_the_time_that_they_count_on() {
    let resources = Block::template().below("Resources");
    let timeout = |function: &str| resources.number(&[function, "Properties", "Timeout"]);
    assert!(timeout("EventHook") > 3, "Okta's second try must be queued even if it is late");
    assert_eq!(timeout("Reconcile"), 900, "Lambda's longest, and assembly's");
    assert!(timeout("EventWorker") > 10 + 15, "10 s of sleep, 15 s for the lease, and then the calls");
    let integration = resources.number(&["HookApiIntegration", "Properties", "TimeoutInMillis"]);
    assert_eq!(integration, 1000 * timeout("EventHook"));
}

#[test]
fn the_policy_is_where_the_layer_puts_it() {
    let resources = Block::template().below("Resources");
    for function in [Function::EventWorker, Function::Reconcile] {
        let path = resources.value(&[logical_id(function), "Properties", "Environment", "Variables", "LOCKSTEP_POLICY"]);
        assert_eq!(path, DEFAULT_POLICY_PATH);
    }
    assert!(root().join("infra/policy-layer/lockstep").is_dir());
}

#[test]
fn the_example_policy_is_understood_and_writes_nothing() {
    let policy = Policy::parse(&infra("policy.example.toml")).unwrap();
    assert_eq!(policy.write_mode, WriteMode::Shadow);
    assert!(policy.guard.protects("AWS-breakglass") && !policy.guard.protects("AWS-Admins"));
}

#[test]
fn every_finding_that_checkov_is_not_to_tell_has_its_reason() {
    for file in ["template.yaml", "monitoring.yaml"] {
        let text = infra(file);
        let mut lines = text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("- id: CKV") {
                let reason = lines.peek().and_then(|next| next.strip_prefix("comment: "));
                assert!(reason.is_some_and(|reason| reason.len() > 30), "{file}: {line}");
            }
        }
    }
}
