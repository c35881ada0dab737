//! Facts about deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::trigger::{Lane, Target, Trigger};

use super::*;

/// A trigger in one line: lane, target, groups, login.
fn line(trigger: &Trigger) -> String {
    let target = match &trigger.target {
        Target::User(id) => format!("user {id}"),
        Target::Group(id) => format!("group {id}"),
    };
    let groups: Vec<&str> = trigger.groups.iter().map(OktaGroupId::as_str).collect();
    format!("{} {target} [{}] {}", trigger.lane.as_str(), groups.join(" "), trigger.login.as_deref().unwrap_or("-"))
}

fn lines(delivery: &Delivery) -> Vec<String> {
    delivery.triggers.iter().map(line).collect()
}

fn body(events: &Value) -> Vec<u8> {
    json!({ "eventType": "com.okta.event_hook", "eventId": "e1", "data": { "events": events } }).to_string().into_bytes()
}

fn decoded(events: &Value) -> Vec<String> {
    lines(&decode_delivery(&body(events)).unwrap())
}

fn user(id: &str) -> Value {
    json!({ "type": "User", "id": id, "alternateId": format!("{id}@example.com") })
}

fn group(id: &str) -> Value {
    json!({ "type": "UserGroup", "id": id, "alternateId": "unknown", "displayName": "AWS-Admins" })
}

fn event(event_type: &str, targets: &[Value]) -> Value {
    json!({ "eventType": event_type, "published": "2026-01-01T00:00:00.000Z", "outcome": { "result": "SUCCESS" }, "target": targets })
}

#[test]
fn every_type_has_its_target_and_its_lane() {
    let targets = [json!({ "type": "AppUser", "id": "0ua1" }), group("00g1"), json!({ "type": "AppInstance", "id": "0oa1" }), user("00u1")];
    let member = "user 00u1 [00g1] 00u1@example.com";
    let alone = "user 00u1 [] 00u1@example.com";
    let its_group = "group 00g1 [] -";
    for (event_type, expected) in [
        ("group.user_membership.add", format!("rest {member}")),
        ("group.user_membership.remove", format!("removals {member}")),
        ("group.lifecycle.create", format!("rest {its_group}")),
        ("group.profile.update", format!("rest {its_group}")),
        ("group.lifecycle.delete", format!("removals {its_group}")),
        ("user.lifecycle.suspend", format!("leavers {alone}")),
        ("user.lifecycle.deactivate", format!("leavers {alone}")),
        ("user.lifecycle.delete.initiated", format!("leavers {alone}")),
        ("user.lifecycle.create", format!("rest {alone}")),
        ("user.lifecycle.activate", format!("rest {alone}")),
        ("user.lifecycle.reactivate", format!("rest {alone}")),
        ("user.lifecycle.unsuspend", format!("rest {alone}")),
        ("user.account.update_profile", format!("rest {alone}")),
        ("application.user_membership.add", format!("rest {alone}")),
        ("application.user_membership.update", format!("rest {alone}")),
        ("application.user_membership.remove", format!("removals {alone}")),
        ("application.provision.user.push", format!("rest {alone}")),
        ("application.provision.user.something_new", format!("rest {alone}")),
        ("group.application_assignment.add", format!("rest {its_group}")),
        ("group.application_assignment.update", format!("rest {its_group}")),
        ("group.application_assignment.remove", format!("removals {its_group}")),
    ] {
        assert_eq!(decoded(&json!([event(event_type, &targets)])), [expected], "{event_type}");
    }
}

#[test]
fn s25_every_other_type_is_ignored() {
    for event_type in
        ["user.session.start", "user.account.lock", "group.user_membership", "GROUP.LIFECYCLE.DELETE", "", "x.user.lifecycle.suspend"]
    {
        let delivery = decode_delivery(&body(&json!([event(event_type, &[user("00u1"), group("00g1")])]))).unwrap();
        assert_eq!((delivery.triggers.len(), delivery.events, delivery.ignored), (0, 1, 1), "{event_type}");
    }
}

#[test]
fn a_membership_without_a_user_looks_at_the_group() {
    let no_user_id = json!({ "type": "User", "id": "not an id" });
    for targets in [vec![group("00g1")], vec![no_user_id, group("00g1")]] {
        assert_eq!(decoded(&json!([event("group.user_membership.remove", &targets)])), ["removals group 00g1 [] -"]);
    }
}

#[test]
fn every_user_of_an_event_is_looked_at() {
    let targets = [user("00u2"), group("00g1"), user("00u1"), group("00g2")];
    let expected = ["rest user 00u1 [00g1 00g2] 00u1@example.com", "rest user 00u2 [00g1 00g2] 00u2@example.com"];
    assert_eq!(decoded(&json!([event("group.user_membership.add", &targets)])), expected);
}

#[test]
fn an_event_that_names_too_many_groups_names_none_and_its_users_are_looked_at_whole() {
    let groups = |count: usize| (0..count).map(|n| group(&format!("00g{n}"))).chain([user("00u1")]).collect::<Vec<_>>();
    let named = |count: usize| {
        let delivery = decode_delivery(&body(&json!([event("group.user_membership.add", &groups(count))]))).unwrap();
        delivery.triggers.iter().map(|trigger| trigger.groups.len()).collect::<Vec<_>>()
    };
    assert_eq!((named(10), named(11)), (vec![10], vec![0]));
    let many: Vec<Value> = (0..4_000).map(|n| user(&format!("00u{n}"))).chain(groups(4_000)).collect();
    let delivery = decode_delivery(&body(&json!([event("group.user_membership.remove", &many)]))).unwrap();
    assert_eq!(delivery.triggers.len(), 4_000, "and not sixteen million pairs");
}

#[test]
fn a_user_whom_too_many_events_of_one_delivery_name_is_looked_at_whole() {
    let events = |count: usize| {
        let one = |n: usize| event("group.user_membership.add", &[user("00u1"), group(&format!("00g{n}"))]);
        let delivery = decode_delivery(&body(&(0..count).map(one).collect::<Value>())).unwrap();
        delivery.triggers.iter().map(|trigger| trigger.groups.len()).collect::<Vec<_>>()
    };
    assert_eq!((events(100), events(101), events(250)), (vec![100], vec![0], vec![0]));
}

#[test]
fn only_what_succeeded_counts_and_an_outcome_that_is_not_told_does() {
    let mut event = event("user.lifecycle.suspend", &[user("00u1")]);
    for outcome in [json!({ "result": "Success" }), json!({ "result": null }), json!({}), Value::Null] {
        event["outcome"] = outcome;
        assert_eq!(decoded(&json!([event])).len(), 1, "{event}");
    }
    event.as_object_mut().unwrap().remove("outcome");
    assert_eq!(decoded(&json!([event])).len(), 1, "{event}");
    for outcome in [json!({ "result": "FAILURE" }), json!({ "result": "SKIPPED" }), json!({ "result": 1 }), json!("SUCCESS"), json!([])] {
        event["outcome"] = outcome;
        assert_eq!(decoded(&json!([event])), [""; 0], "{event}");
    }
}

#[test]
fn s20_duplicates_are_one_trigger_with_all_groups_and_the_latest_time_and_login() {
    let add = |published: Value, group_id: &str, login: &str| {
        let mut event = event("group.user_membership.add", &[user("00u1"), group(group_id)]);
        event["published"] = published;
        event["target"][0]["alternateId"] = json!(login);
        event
    };
    let mut events = vec![
        add(json!("2026-01-01T00:00:01Z"), "00g1", "old@example.com"),
        add(json!("2026-01-01T00:00:03Z"), "00g2", "new@example.com"),
        add(json!("2026-01-01T00:00:02Z"), "00g1", "between@example.com"),
        add(json!("2026-01-01T00:00:04Z"), "00g1", "unknown"),
        add(json!("no time"), "00g3", "never@example.com"),
    ];
    for _ in 0..events.len() {
        events.rotate_left(1);
        let delivery = decode_delivery(&body(&json!(events))).unwrap();
        assert_eq!(lines(&delivery), ["rest user 00u1 [00g1 00g2 00g3] new@example.com"]);
        assert_eq!(delivery.triggers[0].published, Some("2026-01-01T00:00:04Z".parse().unwrap()));
    }
}

#[test]
fn lanes_are_not_merged_and_the_most_urgent_comes_first() {
    let events = json!([
        event("group.user_membership.add", &[user("00u1"), group("00g1")]),
        event("group.user_membership.remove", &[user("00u1"), group("00g1")]),
        event("user.lifecycle.suspend", &[user("00u1")]),
    ]);
    let lanes: Vec<Lane> = decode_delivery(&body(&events)).unwrap().triggers.iter().map(|trigger| trigger.lane).collect();
    assert_eq!(lanes, [Lane::Leavers, Lane::Removals, Lane::Rest]);
}

#[test]
fn odd_events_do_not_spoil_the_good_one_beside_them() {
    let good = event("user.lifecycle.suspend", &[user("00u1")]);
    let mut odd = vec![json!(null), json!(7), json!("x"), json!([]), json!({}), json!({ "eventType": 5 }), json!({ "eventType": null })];
    for target in [json!(null), json!("x"), json!({}), json!([]), json!([null, 3, {}, { "type": "User" }, { "type": "User", "id": 9 }])] {
        let mut event = good.clone();
        event["target"] = target;
        odd.push(event);
    }
    let n_odd = odd.len();
    odd.push(good);
    let delivery = decode_delivery(&body(&json!(odd))).unwrap();
    assert_eq!(lines(&delivery), ["leavers user 00u1 [] 00u1@example.com"]);
    assert_eq!((delivery.events, delivery.ignored), (n_odd + 1, n_odd));
}

#[test]
fn a_hint_that_is_no_login_is_left_out() {
    let long = "x".repeat(101);
    for hint in [json!(null), json!(5), json!(""), json!(" "), json!("unknown"), json!("a\nb"), json!(long)] {
        let target = json!({ "type": "User", "id": "00u1", "alternateId": hint });
        assert_eq!(decoded(&json!([event("user.lifecycle.suspend", &[target])])), ["leavers user 00u1 [] -"]);
    }
}

#[test]
fn s25_a_body_that_is_no_delivery_is_an_error_that_says_what_and_where() {
    let deep = format!(r#"{{"data":{{"events":[{}1{}]}}}}"#, "[".repeat(62), "]".repeat(62));
    let large = format!(r#"{{"data":{{"events":["{}"]}}}}"#, "x".repeat(MAX_BODY_BYTES));
    for (body, expected) in [
        ("", "the body is not JSON at line 1, column 0"),
        ("hello", "the body is not JSON at line 1, column 1"),
        ("{\"data\":\n{\"events\":[}}", "the body is not JSON at line 2, column 12"),
        ("{} {}", "the body is not JSON at line 1, column 4"),
        ("[]", "the body is a list, where a delivery has an object"),
        ("null", "the body is missing or null, where a delivery has an object"),
        ("{}", "`data` is missing or null, where a delivery has an object"),
        (r#"{"data":[]}"#, "`data` is a list, where a delivery has an object"),
        (r#"{"data":{}}"#, "`data.events` is missing or null, where a delivery has a list"),
        (r#"{"data":{"events":{}}}"#, "`data.events` is an object, where a delivery has a list"),
        (r#"{"data":{"events":"x"}}"#, "`data.events` is a text, where a delivery has a list"),
        (r#"{"data":{"events":-1}}"#, "`data.events` is a number, where a delivery has a list"),
        (deep.as_str(), "the body is nested deeper than 64 at byte 80"),
        (large.as_str(), "the body has 5242904 bytes, and at most 5242880 are taken"),
    ] {
        assert_eq!(decode_delivery(body.as_bytes()).unwrap_err().to_string(), expected);
    }
    assert_eq!(decode_delivery(b"{\"data\":\"\xff\"}"), Err(HookError::NotUtf8 { at: 9 }));
}

#[test]
fn s25_the_limits_themselves_are_allowed() {
    let deep = format!(r#"{{"data":{{"events":[{}1{}]}}}}"#, "[".repeat(61), "]".repeat(61));
    assert_eq!(decode_delivery(deep.as_bytes()).unwrap().ignored, 1);
    let frame = r#"{"data":{"events":[""]}}"#;
    let full = frame.replace("\"\"", &format!("\"{}\"", "x".repeat(MAX_BODY_BYTES - frame.len())));
    assert_eq!(full.len(), MAX_BODY_BYTES);
    assert_eq!(decode_delivery(full.as_bytes()).unwrap().ignored, 1);
}

#[test]
fn the_id_of_a_delivery_is_kept_for_the_log_and_cannot_fill_it() {
    let id = |id: Value| decode_delivery(json!({ "eventId": id, "data": { "events": [] } }).to_string().as_bytes()).unwrap().event_id;
    assert_eq!(id(json!("b46ef88b-37cf")).as_deref(), Some("b46ef88b-37cf"));
    assert_eq!(id(json!(5)), None);
    assert_eq!(id(json!(format!("a\n{}", "b".repeat(500)))).unwrap().len(), 64);
}

#[test]
fn an_event_off_the_partner_bus_is_decoded_with_its_envelope_or_without() {
    let mut detail = event("user.lifecycle.deactivate", &[user("00u1")]);
    detail["uuid"] = json!("11-22");
    let envelope = json!({ "version": "0", "source": "aws.partner/okta.com/acme/lockstep", "detail-type": "SystemLog", "detail": detail });
    assert!(is_partner_bus_event(&envelope) && !is_partner_bus_event(&detail));
    for event in [&envelope, &detail] {
        let delivery = decode_system_log_event(event).unwrap();
        assert_eq!(lines(&delivery), ["leavers user 00u1 [] 00u1@example.com"]);
        assert_eq!(delivery.event_id.as_deref(), Some("11-22"));
    }
}

#[test]
fn what_is_no_system_log_event_is_an_error() {
    let source = "aws.partner/okta.com/acme/lockstep";
    for (event, expected) in [
        (json!({ "source": source }), "the event is missing or null, where a delivery has an object"),
        (json!({ "source": source, "detail": [] }), "the event is a list, where a delivery has an object"),
        (json!({ "source": "aws.s3", "detail": {} }), "`eventType` is missing or null, where a delivery has a text"),
        (json!({ "eventType": {} }), "`eventType` is an object, where a delivery has a text"),
        (json!("x"), "the event is a text, where a delivery has an object"),
    ] {
        assert_eq!(decode_system_log_event(&event).unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_challenge_is_echoed_as_json_whatever_it_holds() {
    assert_eq!(verification_answer("a\"b\\ü").unwrap().to_string(), r#"{"verification":"a\"b\\ü"}"#);
    assert_eq!(verification_answer(""), None);
    assert!(verification_answer(&"x".repeat(8192)).is_some() && verification_answer(&"x".repeat(8193)).is_none());
}

#[test]
fn s25_the_current_and_the_previous_secret_are_accepted_and_nothing_else() {
    let (current, previous) = (SecretString::from("new secret"), SecretString::from("old secret"));
    let accepts = |given: Option<&[u8]>| is_authorized(given, &current, Some(&previous));
    assert!(accepts(Some(b"new secret")) && accepts(Some(b"old secret")));
    for given in [&b""[..], b"new secre", b"new secret ", b"new secret\0", b"NEW SECRET", b"old", b"\xff\xfe"] {
        assert!(!accepts(Some(given)), "{given:?}");
    }
    assert!(!accepts(None));
    assert!(is_authorized(Some(b"new secret"), &current, None) && !is_authorized(Some(b"old secret"), &current, None));
}

#[test]
fn s25_an_empty_secret_lets_nobody_in() {
    let empty = SecretString::from("");
    for given in [None, Some(&b""[..]), Some(&b"x"[..])] {
        assert!(!is_authorized(given, &empty, Some(&empty)) && !is_authorized(given, &empty, None), "{given:?}");
    }
}

#[test]
fn the_types_to_subscribe_to_are_all_of_interest_and_named_once() {
    let all: Vec<&str> = SUBSCRIBED_EVENT_TYPES.into_iter().chain(PROVISIONING_EVENT_TYPES).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 22);
    for event_type in all {
        assert_eq!(decoded(&json!([event(event_type, &[user("00u1"), group("00g1")])])).len(), 1, "{event_type}");
    }
}

/// The folder of the recordings of this kind; `None`, said aloud, where there is none.
#[expect(clippy::disallowed_methods, reason = "the recordings are outside of the project, and only tests read them")]
fn recordings(kind: &str) -> Option<PathBuf> {
    let Ok(root) = std::env::var("LOCKSTEP_RECORDINGS") else {
        eprintln!("SKIPPED: LOCKSTEP_RECORDINGS is not set, so no recording was decoded");
        return None;
    };
    Some(PathBuf::from(root).join(kind))
}

fn expected_of_recordings() -> BTreeMap<&'static str, Vec<String>> {
    let one = |text: &str| vec![text.to_owned()];
    let derived_user = "user 00uDERIVED0000000001 [] jane.doe@example.com";
    let real_pair = "user 2b4gwZHqKX35mpIkK2z6 [3b4gwZHqKX35mpIkK2z6] john.doe@email.com";
    let of_batch = |n: usize| format!("rest user 00uDERIVED00000000{n:02} [00gDERIVED0000000001] user{n}@example.com");
    BTreeMap::from([
        ("derived-01-user-lifecycle-activate", one(&format!("rest {derived_user}"))),
        ("derived-03-user-lifecycle-unsuspend", one(&format!("rest {derived_user}"))),
        ("derived-04-user-lifecycle-delete-initiated", one(&format!("leavers {derived_user}"))),
        ("derived-05-user-account-update-profile", one(&format!("rest {derived_user}"))),
        ("derived-06-group-lifecycle-create", one("rest group 00gDERIVED0000000001 [] -")),
        ("derived-08-group-profile-update", one("rest group 00gDERIVED0000000001 [] -")),
        ("derived-09-application-user-membership-remove", one(&format!("removals {derived_user}"))),
        ("derived-11-batch-40-membership-adds", (0..40).map(of_batch).collect()),
        ("hook-01-group-membership-add-job-2020-04", one(&format!("rest {real_pair}"))),
        ("hook-02-group-membership-remove-job-2020-04", one(&format!("removals {real_pair}"))),
        ("hook-04-group-membership-add-PREVIEW-null-target-2022", vec![]),
        ("hook-07-okta-docs-sample-2023", vec![]),
        ("log-02-group-membership-add-web-2019", one("rest user 00ued6gq9jItNhAsN0h7 [00g8mo0l5wuTxmoIC0h7] test@this.com")),
        ("log-03-app-membership-add-web-2020", one("rest user 00upywm7l0rL1V0zt0h7 [] Test1@test.com")),
        ("log-06-user-deactivate-okta-docs-2020", one("leavers user 00u3m90rxKjGQ0G6L1d6 [] john.doe@example.com")),
        ("log-07-user-create-2021", one("rest user 00uaf260zjOUVxvsn357 [] thomas12223391@gmail.com")),
        ("log-09-user-session-clear-2023", vec![]),
        ("log-12-concurrency-limit-violation-okta-docs", vec![]),
    ])
}

#[test]
fn s25_every_recorded_payload_gives_the_expected_triggers() {
    let Some(folder) = recordings("okta-events") else { return };
    let mut expected = expected_of_recordings();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        let delivery = if json.get("data").is_some() { decode_delivery(&bytes) } else { decode_system_log_event(&json) };
        let wanted = expected.remove(name).unwrap_or_else(|| panic!("a recording that no one expects: {name}"));
        assert_eq!(lines(&delivery.unwrap()), wanted, "{name}");
    }
    assert_eq!(expected.keys().next(), None, "recordings that are missing");
}

#[test]
fn the_time_of_a_recorded_event_is_kept() {
    let Some(folder) = recordings("okta-events") else { return };
    let bytes = std::fs::read(folder.join("hook-01-group-membership-add-job-2020-04.json")).unwrap();
    let delivery = decode_delivery(&bytes).unwrap();
    assert_eq!(delivery.triggers[0].published, Some("2020-04-09T18:19:54.423Z".parse().unwrap()));
    assert_eq!(delivery.triggers[0].target, Target::User(OktaUserId::new("2b4gwZHqKX35mpIkK2z6").unwrap()));
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>().boxed(),
        proptest::sample::select(vec!["User", "UserGroup", "SUCCESS", "00u1", "00g1", "2026-01-01T00:00:00Z"])
            .prop_map(str::to_owned)
            .boxed(),
        proptest::sample::select(SUBSCRIBED_EVENT_TYPES.to_vec()).prop_map(str::to_owned).boxed(),
    ];
    let key = prop_oneof![
        any::<String>().boxed(),
        proptest::sample::select(vec!["data", "events", "eventType", "target", "type", "id", "outcome", "result", "alternateId", "detail"])
            .prop_map(str::to_owned)
            .boxed(),
    ];
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), text.prop_map(Value::from)];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512), wrapped in any::<bool>()) {
        let body = if wrapped { [b"{\"data\":{\"events\":[", bytes.as_slice(), b"]}}"].concat() } else { bytes };
        let _ = decode_delivery(&body);
    }

    #[test]
    fn arbitrary_json_never_panics_and_arbitrary_events_are_no_error(json in any_json()) {
        let _ = decode_delivery(json.to_string().as_bytes());
        let _ = decode_system_log_event(&json);
        let delivery = decode_delivery(&body(&json!([json]))).unwrap();
        prop_assert_eq!(delivery.events, 1);
    }

    #[test]
    fn the_order_of_targets_and_of_the_events_changes_nothing(
        mut events in proptest::collection::vec((0..19_usize, 0..3_usize, 0..3_usize, any::<bool>()), 1..8),
        seed in any::<u64>(),
    ) {
        let build = |events: &[(usize, usize, usize, bool)], turn: bool| -> Value {
            events.iter().map(|(kind, user_no, group_no, user_first)| {
                let mut targets = [user(&format!("00u{user_no}")), group(&format!("00g{group_no}"))];
                if *user_first != turn { targets.reverse(); }
                event(SUBSCRIBED_EVENT_TYPES[*kind], &targets)
            }).collect()
        };
        let forward = decoded(&build(&events, false));
        let by = usize::try_from(seed % events.len() as u64).unwrap();
        events.rotate_left(by);
        prop_assert_eq!(decoded(&build(&events, true)), forward);
    }
}
