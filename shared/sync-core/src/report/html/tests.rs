use serde_json::json;

use super::*;

fn document() -> Document {
    let group = json!({"okta_id": "00g1", "name": "<script>alert(1)</script>"});
    let json = json!({
        "run_id": "20261124T100000Z-ab", "mode": "apply", "scope": {"groups": ["a\"b"]}, "status": "held", "plan_hash": "f".repeat(64),
        "plan": [
            {"action": "add_membership", "group": group, "user": {"okta_id": "00u1", "name": "ada@example.com"}, "reason": "a member in Okta"},
            {"action": "remove_membership", "group": group, "user": {"okta_id": "00u2", "name": "bob\u{202e}@x"}, "reason": "not a member",
             "held": "max_percent_of_group"},
            {"action": "create_assignment", "group": group, "account": {"id": "000000000001", "name": "prod & co"},
             "permission_set": "Admin", "reason": "rule 1 gives it to the group", "fate": "failed"},
            {"action": "rename_group", "group": group, "reason": "renamed in Okta from \"x\""},
        ],
        "outcomes": {"changed": 1, "already_in_effect": 0, "pending": 0, "failed": 1, "not_attempted": 0},
        "held": [{"rule": "max_percent_of_group", "limit": 50, "actual": 100, "actions": 1, "groups": [group]}],
        "unresolved": [{"kind": "user_not_provisioned", "okta_id": "00u9", "name": "eve@x", "reason": "not there <yet>"}],
        "failures": [{"action": "create_assignment", "error": "AccessDenied"}],
        "calls": {"okta": 1234, "identity_store": 40, "scim": 0, "sso_admin": 2, "organizations": 0}, "duration_ms": 83_400,
    });
    Document::from_json(&json).unwrap()
}

#[test]
fn what_comes_from_outside_is_text() {
    let page = page(&document(), &Surroundings::default());
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("not there &lt;yet&gt;"));
    assert!(page.contains("groups a&quot;b") && !page.contains('\u{202e}'));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="), "nothing is fetched from anywhere");
}

#[test]
fn the_page_says_who_what_why_and_how_to_approve() {
    let page = page(&document(), &Surroundings { ended: Some("today".to_owned()), ..Surroundings::default() });
    for part in [
        "1 change held back, 1 change made",
        "Who gains what",
        "ada@example.com",
        "Who loses what",
        "Admin on 000000000001 (prod &amp; co)",
        "lockstep approve ffff",
        "--group &#39;a&quot;b&#39;",
        "100 %</b> where the limit is <b>50 %",
        "1 min 23 s",
        "1\u{202f}234",
        "AccessDenied",
        "class=\"tag bad\">failed",
        "<dd>today</dd>",
    ] {
        assert!(page.contains(part), "{part:?} is not in:\n{page}");
    }
}

#[test]
fn a_run_with_nothing_to_say_is_a_short_page() {
    let nothing =
        Document { status: "converged".to_owned(), plan: vec![], held: vec![], unresolved: vec![], failures: vec![], ..document() };
    let page = page(&nothing, &Surroundings::default());
    assert!(page.contains("Both sides agree") && !page.contains("id=\"held\"") && !page.contains("Who loses"));
}

#[test]
fn times_and_numbers_are_as_people_write_them() {
    let times: Vec<String> = [7, 1_250, 61_000, 7_260_000].into_iter().map(duration).collect();
    assert_eq!(times, ["7 ms", "1.2 s", "1 min 1 s", "2 h 1 min"]);
    assert_eq!((grouped(999), grouped(1_000), grouped(1_234_567)), ("999".into(), "1\u{202f}000".into(), "1\u{202f}234\u{202f}567".into()));
}
