//! Least privilege: what a function's code calls against what its role allows, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use runtime::config::Function;
use serde_json::Value;

use crate::yaml::{Block, logical_id, sources};

/// What a role needs beside what the code calls, because AWS itself uses the role.
const BY_THE_PLATFORM: &[(&str, &[Function])] = &[
    // Lambda writes the log.
    ("logs:CreateLogStream", &Function::ALL),
    ("logs:PutLogEvents", &Function::ALL),
    // The mappings of the queues poll with the function's role.
    ("sqs:ReceiveMessage", &[Function::EventWorker, Function::Reconcile]),
    ("sqs:DeleteMessage", &[Function::EventWorker, Function::Reconcile]),
    ("sqs:GetQueueAttributes", &[Function::EventWorker, Function::Reconcile]),
    // SQS, DynamoDB and Secrets Manager use the caller's right on the key, where there is one.
    ("kms:Decrypt", &Function::ALL),
    ("kms:GenerateDataKey", &Function::ALL),
];

/// Calls of these files are made by the command line alone, with its user's credentials: the doctor tries what AWS allows.
const OF_THE_COMMAND_LINE: &[&str] = &["shared/identity-center/src/access.rs"];

/// The prefix of a service's actions in IAM, by the name of its SDK.
fn prefix(sdk: &str) -> &str {
    match sdk {
        "aws-sdk-ssoadmin" => "sso",
        "aws-sdk-eventbridge" => "events",
        other => other.strip_prefix("aws-sdk-").unwrap(),
    }
}

/// The action that an operation, such as `send_message_batch`, asks for.
fn action(sdk: &str, operation: &str) -> String {
    let word = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    let name: String = operation.split('_').map(word).collect();
    // IAM knows no batches of SQS.
    let name = name.strip_suffix("Batch").filter(|_| sdk == "aws-sdk-sqs").unwrap_or(&name);
    format!("{}:{name}", prefix(sdk))
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).arg("--offline").current_dir(crate::yaml::root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that are linked into a function, by name: cargo's own answer, with the features that the function asks for.
fn linked(function: Function) -> BTreeSet<String> {
    let tree = cargo(&["tree", "--package", function.as_str(), "--edges", "normal", "--prefix", "none"]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The folder of each package, by name.
fn folders() -> BTreeMap<String, PathBuf> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version", "1"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let folder = |package: &Value| (text(&package["name"]), PathBuf::from(text(&package["manifest_path"])).parent().unwrap().to_owned());
    metadata["packages"].as_array().unwrap().iter().map(folder).collect()
}

/// The operations of a service: the modules of its SDK.
fn operations(sdk: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(sdk.join("src/operation")).unwrap();
    files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The actions that a function's code calls: of every SDK that is linked into it, each operation that a file of ours which names that SDK
/// calls, such as `.list_users()`. A call that this function never makes counts too: what is linked can be called.
fn called(function: Function) -> BTreeSet<String> {
    let (linked, folders) = (linked(function), folders());
    let ours = linked.iter().filter_map(|name| folders.get(name)).filter(|folder| folder.starts_with(crate::yaml::root()));
    let mut files = sources(ours.map(|folder| folder.join("src")));
    files.retain(|(path, _)| !OF_THE_COMMAND_LINE.iter().any(|other| path.ends_with(other)));
    let mut actions = BTreeSet::new();
    // sts is aws-config's own, for credentials.
    for sdk in linked.iter().filter(|name| name.starts_with("aws-sdk-") && *name != "aws-sdk-sts") {
        let named = format!("{}::", sdk.replace('-', "_"));
        let code: String = files.iter().filter(|(_, text)| text.contains(&named)).map(|(_, text)| text.as_str()).collect();
        let is_called = |operation: &&String| code.contains(&format!(".{operation}()"));
        actions.extend(operations(&folders[sdk]).iter().filter(is_called).map(|operation| action(sdk, operation)));
    }
    if files.iter().any(|(_, text)| text.contains("AssumeRoleProvider")) {
        actions.insert("sts:AssumeRole".to_owned());
    }
    actions
}

/// The actions in a resource's policies.
fn allowed_by(resource: &str) -> BTreeSet<String> {
    let properties = Block::template().below("Resources").below(resource).below("Properties");
    let trust = properties.below("AssumeRolePolicyDocument").0.len();
    let text = properties.0.iter().skip(if trust > 0 { trust + 1 } else { 0 }).cloned().collect::<Vec<_>>().join("\n");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '*';
    let is_action = |word: &&str| {
        let Some((service, name)) = word.split_once(':') else { return false };
        service.chars().all(|c| c.is_ascii_lowercase())
            && !service.is_empty()
            && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '*')
    };
    let actions = text.split(|c| !is_part(c)).filter(is_action).filter(|word| !word.starts_with("kms:EncryptionContext"));
    actions.map(str::to_owned).collect()
}

fn allowed(function: Function) -> BTreeSet<String> {
    let role = format!("{}Role", logical_id(function));
    let shared = match function {
        Function::EventHook => BTreeSet::new(),
        Function::EventWorker | Function::Reconcile => allowed_by("RunPolicy"),
    };
    allowed_by(&role).into_iter().chain(shared).collect()
}

#[test]
fn a_role_allows_what_the_functions_code_calls_and_nothing_else() {
    for function in Function::ALL {
        let of_the_platform = BY_THE_PLATFORM.iter().filter(|(_, functions)| functions.contains(&function));
        let mut needed: BTreeSet<String> = of_the_platform.map(|(action, _)| (*action).to_owned()).collect();
        needed.extend(called(function));
        assert!(needed.contains("secretsmanager:GetSecretValue") && needed.contains("sqs:SendMessage"), "{needed:?}");
        assert_eq!(allowed(function), needed, "{function:?}: left is what the template allows, right what the code calls");
    }
}

/// The queues on which a function's role allows an action of SQS.
fn queues_with(function: Function, action: &str) -> BTreeSet<String> {
    let resources = Block::template().below("Resources");
    let policies = match function {
        Function::EventHook => vec![format!("{}Role", logical_id(function))],
        Function::EventWorker | Function::Reconcile => vec![format!("{}Role", logical_id(function)), "RunPolicy".to_owned()],
    };
    let text: String = policies.iter().map(|policy| resources.below(policy).0.join("\n")).collect();
    let statements = text.split("- Sid: ").skip(1).filter(|statement| statement.contains(action));
    let arns = |statement: &str| -> Vec<String> {
        let named = statement.split("!GetAtt ").skip(1);
        named.filter_map(|rest| rest.split_once(".Arn")).map(|(name, _)| name.to_owned()).collect()
    };
    statements.flat_map(arns).collect()
}

/// The queues that a function's variables name, apart from that of triggers, which all of them know.
fn queues_told(function: Function) -> BTreeSet<String> {
    let variables =
        Block::template().below("Resources").below(logical_id(function)).below("Properties").below("Environment").below("Variables");
    let urls = variables.keys().into_iter().filter(|name| name.ends_with("_URL"));
    urls.map(|name| variables.value(&[&name]).trim_start_matches("!Ref ").to_owned()).collect()
}

/// The queues whose messages invoke a function.
fn queues_mapped(function: Function) -> BTreeSet<String> {
    let events = Block::template().below("Resources").below(logical_id(function)).below("Properties").below("Events");
    let arns = events.0.iter().filter_map(|line| line.trim().strip_prefix("Queue: !GetAtt ")?.strip_suffix(".Arn"));
    arns.map(str::to_owned).collect()
}

#[test]
fn a_function_sends_to_the_queues_that_it_is_told_and_receives_from_those_that_invoke_it() {
    for function in Function::ALL {
        let own = sources([crate::yaml::root().join("functions").join(function.as_str()).join("src")]);
        let queues_triggers = own.iter().any(|(_, text)| text.contains("queue.send_all("));
        let triggers = queues_triggers.then(|| "TriggerQueue".to_owned());
        let needed: BTreeSet<String> = queues_told(function).into_iter().chain(triggers).collect();
        assert!(!needed.is_empty(), "{function:?}: the template was not understood");
        assert_eq!(queues_with(function, "sqs:SendMessage"), needed, "{function:?}");
        assert_eq!(queues_with(function, "sqs:ReceiveMessage"), queues_mapped(function), "{function:?}");
    }
}

#[test]
fn no_function_makes_the_calls_of_the_command_line() {
    for name in OF_THE_COMMAND_LINE {
        assert!(crate::yaml::root().join(name).is_file(), "{name} is gone: take it off the list");
    }
    for function in Function::ALL {
        let own = sources([crate::yaml::root().join("functions").join(function.as_str()).join("src")]);
        let shared = sources([crate::yaml::root().join("shared/engine/src"), crate::yaml::root().join("shared/assembly/src")]);
        assert!(own.iter().chain(&shared).all(|(_, text)| !text.contains(".try_all(")), "{function:?} tries what AWS allows");
    }
}

#[test]
fn no_policy_allows_whole_families_of_actions() {
    for function in Function::ALL {
        assert!(allowed(function).iter().all(|action| !action.contains('*')), "{function:?}");
    }
}
