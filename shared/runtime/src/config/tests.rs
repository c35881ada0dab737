use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;

fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

const WORKER: &[(&str, &str)] = &[
    ("LOCKSTEP_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/111122223333/triggers.fifo"),
    ("LOCKSTEP_LATER_QUEUE_URL", ""),
    ("LOCKSTEP_TABLE", "lockstep"),
    ("LOCKSTEP_OKTA_SECRET", "lockstep/okta"),
];

#[test]
fn a_worker_needs_four_variables_and_finds_the_policy_in_the_layer() {
    let config = WorkerConfig::parse(environment(WORKER)).unwrap();
    assert_eq!(config.run.policy_path, PathBuf::from("/opt/lockstep/policy.toml"));
    assert_eq!((config.run.later_queue_url, config.dead_letter_url, config.run.scim_secret), (None, None, None));
    assert_eq!(ReconcileConfig::parse(environment(WORKER)).unwrap().run.table, "lockstep");
}

#[test]
fn an_error_names_every_variable_that_is_missing_or_wrong_and_what_it_should_hold() {
    let error = HookConfig::parse(environment(&[("LOCKSTEP_QUEUE_URL", "hunter2")])).unwrap_err().to_string();
    assert_eq!(
        error,
        "the environment is not as it should be: LOCKSTEP_QUEUE_URL is no URL of a FIFO queue: it should hold the URL of the SQS \
         FIFO queue of triggers, which begins with https:// and ends in .fifo; LOCKSTEP_HOOK_SECRET is not set: it should hold \
         the Secrets Manager name or ARN of the event hook's shared secret"
    );
}

#[test]
fn a_fifo_queue_cannot_be_the_queue_for_later() {
    let lookup = |name: &str| match name {
        "LOCKSTEP_LATER_QUEUE_URL" => Some("https://sqs.eu-west-1.amazonaws.com/111122223333/later.fifo".to_owned()),
        other => environment(WORKER)(other),
    };
    let error = WorkerConfig::parse(lookup).unwrap_err().to_string();
    assert!(error.contains("LOCKSTEP_LATER_QUEUE_URL is no URL of a standard queue"), "{error}");
}

#[test]
fn the_level_of_the_platform_goes_before_ours() {
    assert_eq!(log_level(environment(&[("LOCKSTEP_LOG", "debug")])).as_deref(), Some("debug"));
    assert_eq!(log_level(environment(&[("LOCKSTEP_LOG", "debug"), ("AWS_LAMBDA_LOG_LEVEL", "WARN")])).as_deref(), Some("WARN"));
    assert_eq!(log_level(environment(&[])), None);
}

/// What a function asks for, apart from what the SDK reads by itself, is exactly what the list says.
#[test]
fn the_list_of_variables_is_what_the_functions_read() {
    for function in Function::ALL {
        let asked = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        let missing = match function {
            Function::EventHook => HookConfig::parse(lookup).unwrap_err(),
            Function::EventWorker => WorkerConfig::parse(lookup).unwrap_err(),
            Function::Reconcile => ReconcileConfig::parse(lookup).unwrap_err(),
        };
        log_level(lookup);
        let listed = |variable: &&Variable| variable.read_by.contains(&function);
        let by_the_sdk = [REGION.name, ENDPOINT.name];
        let expected: BTreeSet<String> =
            VARIABLES.iter().filter(listed).map(|v| v.name.to_owned()).filter(|name| !by_the_sdk.contains(&name.as_str())).collect();
        assert_eq!(asked.into_inner(), expected, "{function:?}");
        let required: Vec<&str> = VARIABLES.iter().filter(listed).filter(|v| v.required).map(|v| v.name).collect();
        assert_eq!(missing.0.iter().map(|problem| problem.name).collect::<Vec<_>>(), required, "{function:?}");
    }
}
