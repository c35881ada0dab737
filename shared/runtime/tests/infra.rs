//! The template and the example policy against the code that they are for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure here is the failure of a test")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use runtime::config::{DEFAULT_POLICY_PATH, Function, SetBy, VARIABLES};
use sync_core::policy::{Policy, WriteMode};

fn infra(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A block of YAML, as its lines. Enough of YAML for a template that we write ourselves, and no tag such as `!Ref` disturbs it.
struct Block(Vec<String>);

impl Block {
    fn template() -> Self {
        let text = infra("template.yaml");
        let is_content = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
        Self(text.lines().filter(is_content).map(str::to_owned).collect())
    }

    fn at(&self, key: &str) -> Option<(usize, &str)> {
        let outermost = self.0.iter().map(|line| indent(line)).min()?;
        let value_of = |line: &str| line.trim_start().strip_prefix(key)?.strip_prefix(':').map(str::len);
        self.0.iter().enumerate().filter(|(_, line)| indent(line) == outermost).find_map(|(at, line)| {
            let n_value = value_of(line)?;
            Some((at, line.split_at(line.len() - n_value).1.trim()))
        })
    }

    /// What stands below `key`; nothing where there is no such key.
    fn below(&self, key: &str) -> Self {
        let Some((at, _)) = self.at(key) else { return Self(Vec::new()) };
        let mut lines = self.0.iter().skip(at);
        let depth = indent(lines.next().unwrap());
        Self(lines.take_while(|line| indent(line) > depth).cloned().collect())
    }

    /// The value behind `key`.
    fn value(&self, path: &[&str]) -> String {
        let (key, folders) = path.split_last().unwrap();
        let block = folders.iter().fold(Self(self.0.clone()), |block, folder| block.below(folder));
        block.at(key).unwrap_or_else(|| panic!("no {path:?}")).1.to_owned()
    }

    fn number(&self, path: &[&str]) -> u32 {
        let value = self.value(path);
        value.parse().unwrap_or_else(|_| panic!("{path:?} is {value}"))
    }

    fn keys(&self) -> BTreeSet<String> {
        let outermost = self.0.iter().map(|line| indent(line)).min().unwrap_or_default();
        let key = |line: &String| line.split(':').next().map(|key| key.trim().to_owned());
        self.0.iter().filter(|line| indent(line) == outermost).filter_map(key).collect()
    }
}

fn logical_id(function: Function) -> &'static str {
    match function {
        Function::EventHook => "EventHook",
        Function::EventWorker => "EventWorker",
        Function::Reconcile => "Reconcile",
    }
}

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
        assert_eq!(properties.value(&["CodeUri"]), format!("../target/lambda/{}/", function.as_str()));
    }
}

#[test]
fn timeouts_queues_and_concurrency_fit_one_another() {
    let resources = Block::template().below("Resources");
    let worker = resources.below("EventWorker").below("Properties");
    for queue in ["TriggerQueue", "LaterQueue"] {
        assert_eq!(resources.number(&[queue, "Properties", "VisibilityTimeout"]), 6 * worker.number(&["Timeout"]), "{queue}");
    }
    let at_once = |mapping: &str| -> u32 {
        let value = worker.value(&["Events", mapping, "Properties", "ScalingConfig"]);
        value.trim_matches(['{', '}', ' ']).strip_prefix("MaximumConcurrency: ").unwrap().parse().unwrap()
    };
    assert_eq!(worker.number(&["ReservedConcurrentExecutions"]), at_once("Triggers") + at_once("Later"));
    assert!(resources.number(&["EventHook", "Properties", "Timeout"]) > 3, "Okta's second try must be queued even if it is late");
}

#[test]
fn the_policy_is_where_the_layer_puts_it() {
    let resources = Block::template().below("Resources");
    for function in [Function::EventWorker, Function::Reconcile] {
        let path = resources.value(&[logical_id(function), "Properties", "Environment", "Variables", "LOCKSTEP_POLICY"]);
        assert_eq!(path, DEFAULT_POLICY_PATH);
    }
    assert!(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/policy-layer/lockstep").is_dir());
}

#[test]
fn the_example_policy_is_understood_and_writes_nothing() {
    let policy = Policy::parse(&infra("policy.example.toml")).unwrap();
    assert_eq!(policy.write_mode, WriteMode::Shadow);
    assert!(policy.guard.protects("AWS-breakglass") && !policy.guard.protects("AWS-Admins"));
}
