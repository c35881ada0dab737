"""One script of calls, in the words of boto3, that both sides of the comparison are given."""

from dataclasses import dataclass, field
from typing import Any

STORE, SSO, ORGANIZATIONS = "identitystore", "sso-admin", "organizations"

ZERO = "00000000-0000-0000-0000-000000000000"
"""An id that nothing has."""


@dataclass(frozen=True)
class Step:
    """A call. `$name` in a parameter stands for what an earlier step saved under that name."""

    name: str
    service: str
    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)
    save: str = ""
    """The name for the id in the answer."""
    pages: int = 0
    """If set, all pages of this size are asked for, and put together."""


def user(login: str, **more: Any) -> dict[str, Any]:
    """What makes a user."""
    name = login.partition("@")[0]
    return {
        "UserName": login,
        "DisplayName": name.title(),
        "Name": {"GivenName": name.title(), "FamilyName": "Test"},
        "Emails": [{"Value": f"{name}@example.com", "Type": "work", "Primary": True}],
        **more,
    }


def unique(path: str, value: str) -> dict[str, Any]:
    """A look-up."""
    return {"AlternateIdentifier": {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}}


def external(value: str) -> dict[str, Any]:
    """A look-up by an id of another system."""
    return {"AlternateIdentifier": {"ExternalId": {"Issuer": "https://acme.okta.com", "Id": value}}}


def member(group: str, who: str) -> dict[str, Any]:
    """A pair."""
    return {"GroupId": group, "MemberId": {"UserId": who}}


def store(name: str, operation: str, parameters: dict[str, Any] | None = None, save: str = "", pages: int = 0) -> Step:
    """A call to Identity Store."""
    return Step(name, STORE, operation, {"IdentityStoreId": "$store", **(parameters or {})}, save, pages)


def sso(name: str, operation: str, parameters: dict[str, Any] | None = None, save: str = "", pages: int = 0) -> Step:
    """A call to sso-admin."""
    return Step(name, SSO, operation, {"InstanceArn": "$instance", **(parameters or {})}, save, pages)


def assignment(account: str = "$account", permission_set: str = "$set", group: str = "$admins") -> dict[str, Any]:
    """Who gets what where."""
    target = {"TargetId": account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": permission_set}
    return {**target, "PrincipalType": "GROUP", "PrincipalId": group}


USERS = [
    store("make a user", "create_user", user("ada@example.com", Title="Countess", Locale="en-GB"), save="ada"),
    store("make another user", "create_user", user("grace@example.com"), save="grace"),
    store("a userName twice", "create_user", user("ada@example.com", Emails=[{"Value": "other@example.com", "Primary": True}])),
    store("a userName in capitals", "create_user", user("ADA@example.com", Emails=[{"Value": "a@b.example"}]), save="loud"),
    store("an e-mail address twice", "create_user", {**user("third@example.com"), "Emails": user("ada@example.com")["Emails"]}),
    store("a user without a name", "create_user", {"UserName": "nameless@example.com"}),
    store("a userName of 129 characters", "create_user", user("u" * 129)),
    store("a userName with a space", "create_user", user("two words")),
    store("a reserved userName", "create_user", user("Administrator")),
    store("a user by id", "describe_user", {"UserId": "$ada"}),
    store("a user that is not there", "describe_user", {"UserId": ZERO}),
    store("a user by userName", "get_user_id", unique("userName", "ada@example.com")),
    store("a user by userName in capitals", "get_user_id", unique("userName", "ADA@example.com")),
    store("a user by e-mail address", "get_user_id", unique("emails.value", "grace@example.com")),
    store("a user by what is not unique", "get_user_id", unique("title", "Countess")),
    store("a userName that nobody has", "get_user_id", unique("userName", "nobody")),
    store("a user by an external id that nobody has", "get_user_id", external("00u1")),
    store("users by userName", "list_users", {"Filters": [{"AttributePath": "UserName", "AttributeValue": "ada@example.com"}]}),
    store("users by a path in lower case", "list_users", {"Filters": [{"AttributePath": "userName", "AttributeValue": "ada@example.com"}]}),
]

GROUPS = [
    store("make a group", "create_group", {"DisplayName": "Admins", "Description": "text [okta:acme.okta.com/00g1]"}, save="admins"),
    store("make a group without a description", "create_group", {"DisplayName": "Readers"}, save="readers"),
    store("a group's name twice", "create_group", {"DisplayName": "Admins"}),
    store("a group's name in capitals", "create_group", {"DisplayName": "ADMINS"}, save="loud_group"),
    store("a group without a name", "create_group", {"Description": "nameless"}),
    store("a reserved group's name", "create_group", {"DisplayName": "AWSAdministrators"}),
    store("a group by id", "describe_group", {"GroupId": "$admins"}),
    store("a group that is not there", "describe_group", {"GroupId": ZERO}),
    store("a group by name", "get_group_id", unique("displayName", "Readers")),
    store("a group's name that is not there", "get_group_id", unique("displayName", "Nobody")),
    store("groups by name", "list_groups", {"Filters": [{"AttributePath": "DisplayName", "AttributeValue": "Readers"}]}),
]

MEMBERS = [
    store("make a member", "create_group_membership", member("$admins", "$ada"), save="membership"),
    store("make another member", "create_group_membership", member("$admins", "$grace"), save="second"),
    store("a membership twice", "create_group_membership", member("$admins", "$ada")),
    store("a member of no group", "create_group_membership", member(ZERO, "$ada")),
    store("a member that is nobody", "create_group_membership", member("$readers", ZERO)),
    store("a membership by id", "describe_group_membership", {"MembershipId": "$membership"}),
    store("a membership by its pair", "get_group_membership_id", member("$admins", "$ada")),
    store("a membership that is not there", "get_group_membership_id", member("$readers", "$ada")),
    store("members", "list_group_memberships", {"GroupId": "$admins"}, pages=1),
    store("members of an empty group", "list_group_memberships", {"GroupId": "$readers"}),
    store("members of no group", "list_group_memberships", {"GroupId": ZERO}),
    store("groups of a user", "list_group_memberships_for_member", {"MemberId": {"UserId": "$ada"}}),
    store("groups of nobody", "list_group_memberships_for_member", {"MemberId": {"UserId": ZERO}}),
    store("is a member", "is_member_in_groups", {"MemberId": {"UserId": "$ada"}, "GroupIds": ["$admins", "$readers"]}),
    store("end a membership", "delete_group_membership", {"MembershipId": "$membership"}),
    store("end a membership twice", "delete_group_membership", {"MembershipId": "$membership"}),
    store("members that are left", "list_group_memberships", {"GroupId": "$admins"}),
]

LISTS = [
    *(store(f"make group {n}", "create_group", {"DisplayName": f"G{n}"}, save=f"g{n}") for n in range(5)),
    store("groups in pages of two", "list_groups", pages=2),
    store("users in pages of one", "list_users", pages=1),
    store("a page of 101", "list_groups", {"MaxResults": 101}),
    store("a page of none", "list_groups", {"MaxResults": 0}),
]

ASSIGNMENTS = [
    Step("instances", SSO, "list_instances"),
    sso("permission sets", "list_permission_sets", pages=1),
    sso("a permission set", "describe_permission_set", {"PermissionSetArn": "$set"}),
    sso("a permission set that is not there", "describe_permission_set", {"PermissionSetArn": "$no_set"}),
    sso("assign", "create_account_assignment", assignment(), save="request"),
    sso("assigned", "describe_account_assignment_creation_status", {"AccountAssignmentCreationRequestId": "$request"}),
    sso("assign twice", "create_account_assignment", assignment()),
    sso("assignments on an account", "list_account_assignments", {"AccountId": "$account", "PermissionSetArn": "$set"}),
    sso("assignments of nobody", "list_account_assignments", {"AccountId": "$other_account", "PermissionSetArn": "$set"}),
    sso("assign to nobody", "create_account_assignment", assignment(group=ZERO)),
    sso("assign on no account", "create_account_assignment", assignment(account="999999999999")),
    sso("assign no permission set", "create_account_assignment", assignment(permission_set="$no_set")),
    sso("assign elsewhere", "create_account_assignment", assignment(account="$other_account")),
    sso("assigned elsewhere", "list_account_assignments", {"AccountId": "$other_account", "PermissionSetArn": "$set"}),
    sso(
        "assignments of a group",
        "list_account_assignments_for_principal",
        {"PrincipalId": "$readers", "PrincipalType": "GROUP"},
    ),
    sso("sets on an account", "list_permission_sets_provisioned_to_account", {"AccountId": "$account"}),
    sso("accounts with a set", "list_accounts_for_provisioned_permission_set", {"PermissionSetArn": "$set"}),
    sso("unassign", "delete_account_assignment", assignment(), save="removal"),
    sso("unassigned", "describe_account_assignment_deletion_status", {"AccountAssignmentDeletionRequestId": "$removal"}),
    sso("unassign what is not there", "delete_account_assignment", assignment(group="$readers")),
    sso("a request that is not there", "describe_account_assignment_creation_status", {"AccountAssignmentCreationRequestId": ZERO}),
    sso("what was created", "list_account_assignment_creation_status"),
]

ORGANIZATION = [
    Step("the organization", ORGANIZATIONS, "describe_organization"),
    Step("accounts", ORGANIZATIONS, "list_accounts", pages=2),
    Step("an account", ORGANIZATIONS, "describe_account", {"AccountId": "$account"}),
    Step("an account that is not there", ORGANIZATIONS, "describe_account", {"AccountId": "999999999999"}),
    Step("the root", ORGANIZATIONS, "list_roots", save="root"),
    Step("units below the root", ORGANIZATIONS, "list_organizational_units_for_parent", {"ParentId": "$root"}),
    Step("units below an account", ORGANIZATIONS, "list_organizational_units_for_parent", {"ParentId": "$account"}),
    Step("accounts in a unit", ORGANIZATIONS, "list_accounts_for_parent", {"ParentId": "$unit"}),
    Step("accounts below the root", ORGANIZATIONS, "list_accounts_for_parent", {"ParentId": "$root"}),
    Step("tags", ORGANIZATIONS, "list_tags_for_resource", {"ResourceId": "$account"}),
    Step("tags of nothing", ORGANIZATIONS, "list_tags_for_resource", {"ResourceId": "999999999999"}),
    Step("21 accounts on a page", ORGANIZATIONS, "list_accounts", {"MaxResults": 21}),
]

LEAVING = [
    store("another title", "update_user", {"UserId": "$ada", "Operations": [{"AttributePath": "title", "AttributeValue": "Lady"}]}),
    store("rename", "update_group", {"GroupId": "$readers", "Operations": [{"AttributePath": "displayName", "AttributeValue": "R"}]}),
    store("end a user", "delete_user", {"UserId": "$grace"}),
    store("members without the user that ended", "list_group_memberships", {"GroupId": "$admins"}),
    store("end a user twice", "delete_user", {"UserId": "$grace"}),
    store("end a group", "delete_group", {"GroupId": "$readers"}),
    store("end a group twice", "delete_group", {"GroupId": "$readers"}),
    store("the group that ended", "describe_group", {"GroupId": "$readers"}),
]

SCRIPT = [*USERS, *GROUPS, *MEMBERS, *LISTS, *ASSIGNMENTS, *ORGANIZATION, *LEAVING]
