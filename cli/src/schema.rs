//! The JSON schema of a policy file. Tests compare its keys with the parser's and its defaults with the parser's.

use serde_json::{Map, Value, json};

/// The schema.
pub(crate) fn schema() -> Value {
    let tables = json!({
        "okta": okta(),
        "groups": groups(),
        "identity_center": identity_center(),
        "users": users(),
        "writes": writes(),
        "guard": guard(),
        "limits": limits(),
        "assignment": {
            "type": "array",
            "description": "Which groups get which permission sets on which accounts; the result is the union of all rules",
            "items": assignment(),
        },
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lockstep policy",
        "type": "object",
        "additionalProperties": false,
        "required": ["okta", "groups"],
        "properties": tables,
    })
}

fn table(description: &str, required: &[&str], properties: Value) -> Value {
    let mut table = Map::new();
    table.insert("type".to_owned(), json!("object"));
    table.insert("description".to_owned(), json!(description));
    table.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        table.insert("required".to_owned(), json!(required));
    }
    table.insert("properties".to_owned(), properties);
    Value::Object(table)
}

fn text(default: &str, description: &str) -> Value {
    json!({"type": "string", "default": default, "description": description})
}

fn choice(options: &[&str], default: &str, description: &str) -> Value {
    json!({"enum": options, "default": default, "description": description})
}

fn texts(default: &[&str], description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "default": default, "description": description})
}

fn patterns(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string", "minLength": 1}, "default": [], "description": description})
}

fn count(default: u64, description: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "default": default, "description": description})
}

fn percent(default: u64, description: &str) -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 100, "default": default, "description": description})
}

fn rate(default: u64, description: &str) -> Value {
    json!({"type": "number", "exclusiveMinimum": 0, "default": default, "description": description})
}

fn okta() -> Value {
    let url =
        json!({"type": "string", "pattern": "^https?://[^/]+/?$", "description": "The org's address: https, except on a loopback address"});
    let former = texts(&[], "Hosts that this org had before, without https://: the marks they left count as ours");
    table("The Okta org", &["org_url"], json!({"org_url": url, "former_hosts": former}))
}

fn groups() -> Value {
    let matching = json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1},
        "description": "Regular expressions on the group's name: which Okta groups are managed"});
    let types = json!({"type": "array", "minItems": 1, "items": {"enum": ["OKTA_GROUP", "APP_GROUP"]}, "default": ["OKTA_GROUP"],
        "description": "APP_GROUP too, for groups mastered by AD or LDAP"});
    let disposals = ["empty", "delete", "release"];
    let properties = json!({
        "match": matching,
        "exclude": patterns("Regular expressions on names that are not managed although a pattern of match fits"),
        "types": types,
        "app_id": text("", "Only groups assigned to this Okta app"),
        "adopt": choice(&["never", "by_external_id", "by_name"], "by_external_id", "Which groups that exist already are taken over"),
        "on_deleted_in_okta": choice(&disposals, "empty", "A managed group whose Okta group was deleted"),
        "on_unmatched": choice(&disposals, "release", "A managed group that the policy matches no more"),
    });
    table("Which Okta groups are managed", &["match"], properties)
}

fn identity_center() -> Value {
    let properties = json!({
        "region": text("", "Its region; found by itself where it is empty"),
        "instance_arn": text("", "The instance; found by itself where there is only one"),
        "identity_store_id": text("", "The identity store; found by itself where there is only one"),
        "assume_role_arn": text("", "A role in the account of Identity Center, where that is another one"),
    });
    table("Where Identity Center is", &[], properties)
}

fn users() -> Value {
    let entitled = ["ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "PROVISIONED"];
    let name = json!({"type": "string", "pattern": "^(login|email|profile\\..+)$", "default": "login",
        "description": "What equals Identity Center's userName: login, email or profile.<attribute>"});
    let attributes = json!({"type": "object", "default": {}, "additionalProperties": {"type": "string", "pattern": "^profile\\..+$"},
        "description": "Attributes of Identity Center and where they come from: profile.<attribute>; needs mode = \"managed\""});
    let properties = json!({
        "grace_hours": count(0, "How long someone who is not entitled is neither disabled nor deleted, in hours; needs mode = \"managed\""),
        "attributes": attributes,
        "mode": choice(&["external", "managed"], "external", "external: someone else provisions users; managed: Lockstep does"),
        "user_name_from": name,
        "entitled": texts(&entitled, "The statuses in which a user keeps what their groups give"),
        "on_not_entitled": choice(&["remove_memberships", "disable", "delete"], "remove_memberships",
            "What becomes of others; the last two need mode = \"managed\""),
    });
    table("How users are matched, and who is entitled", &[], properties)
}

fn writes() -> Value {
    let properties = json!({
        "mode": choice(&["apply", "shadow"], "apply", "shadow: read, plan, guard and report, and write nothing"),
        "transport": choice(&["identity_store", "scim"], "identity_store", "By which API it is written"),
    });
    table("Whether and how anything is written", &[], properties)
}

fn guard() -> Value {
    let window =
        json!({"type": "integer", "minimum": 1, "default": 24, "description": "The window in which all runs are counted together"});
    let properties = json!({
        "window_hours": window,
        "max_membership_removals": count(100, "Memberships; or max_percent of all managed ones, whichever is more"),
        "max_assignment_removals": count(20, "Assignments; or max_percent of all managed ones, whichever is more"),
        "max_group_deletions": count(3, "Groups deleted or released; never more than a quarter of the managed ones, at least one"),
        "max_user_removals": count(20, "Users disabled or deleted"),
        "max_leavers": count(50, "Users who are gone or not entitled; their memberships count here and nowhere else"),
        "max_percent": percent(2, "Percent of all managed memberships, or assignments"),
        "max_percent_of_group": percent(50, "Percent of one group's members"),
        "min_population": count(10, "The size from which on a group has that limit"),
        "max_assignment_additions": count(500, "Assignments made"),
        "sensitive_permission_sets": texts(&[], "Names of permission sets whose granting is held until approved"),
        "protected_groups": patterns("Regular expressions on names of groups that are never removed from or deleted"),
    });
    table("How much may be taken away within the window, counted over all runs; 0 means none", &[], properties)
}

fn limits() -> Value {
    let in_flight =
        json!({"type": "integer", "minimum": 1, "default": 10, "description": "Assignments under way at once; AWS allows 15, once 10"});
    let share = json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.8,
        "description": "The share of this token's own rate limit in Okta that may be used"});
    let properties = json!({
        "identity_store_tps": rate(19, "Identity Store, per API"),
        "sso_admin_tps": rate(19, "sso-admin, all APIs together"),
        "scim_tps": rate(19, "SCIM"),
        "max_assignments_in_flight": in_flight,
        "okta_rate_share": share,
    });
    table("Calls a second", &[], properties)
}

fn assignment() -> Value {
    let some = |description: &str| json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}, "description": description});
    let properties = json!({
        "group": {"type": "string", "minLength": 1, "description": "A regular expression on the group's name; named captures can be used as ${name}"},
        "accounts": some("A twelve-digit id, \"name:glob\", \"ou:Path/To/Unit\", \"tag:key=value\" or \"all\""),
        "permission_sets": some("Permission sets, by name"),
    });
    table("One rule", &["group", "accounts", "permission_sets"], properties)
}

#[cfg(test)]
mod tests;
