"""Okta's own Python SDK reads the simulated org, and finds exactly the world that it was given."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.simulators import TOKEN, Okta
from stage import seed_file

SDK = Path(__file__).with_name("okta_sdk.py")

STATUSES = ["STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED"]

SCOPES = ["okta.groups.read", "okta.users.read"]


def start(okta: Okta) -> None:
    """A world with every status, a group of several pages, and one without members."""
    changes: list[dict[str, Any]] = [
        {"op": "set_status", "user": f"user{n}@example.com", "status": status} for n, status in enumerate(STATUSES)
    ]
    changes += [{"op": "add_group", "name": "AWS-empty", "description": "Nobody"}, {"op": "add_group", "name": "ünïcode 🐙"}]
    changes += [{"op": "set_profile", "user": "user7@example.com", "attribute": "firstName", "value": None}]
    okta.start(seed_file(okta.port, {"world": {"users": 30, "groups": 4, "members": 7}, "okta": changes}))
    okta.settings(org_url=okta.url)


def read(python: Path, config: dict[str, Any], limit: int) -> dict[str, Any]:
    """What the SDK reads."""
    command = [str(python), "-W", "ignore", str(SDK), json.dumps(config), str(limit)]
    # The SDK insists on https unless it is told that this is a test.
    environment = {**os.environ, "OKTA_TESTING_TESTINGDISABLEHTTPSCHECK": "true"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    given: dict[str, Any] = json.loads(result.stdout)
    return given


def check(given: dict[str, Any], okta: Okta, limit: int) -> None:
    """Compares what was read with the world."""
    assert "refused" not in given, given
    state = okta.state()
    groups = {group["id"]: group for group in state["groups"]}
    users = {user["id"]: user for user in state["users"]}
    assert given["groups"] == {key: {name: group[name] for name in ("name", "description", "type")} for key, group in groups.items()}
    assert {key: (user["login"], user["status"]) for key, user in given["users"].items()} == {
        key: (user["login"], user["status"]) for key, user in users.items()
    }
    assert sorted(given["listed_users"]) == sorted(key for key, user in users.items() if user["status"] != "DEPROVISIONED")
    assert {key: sorted(members) for key, members in given["members"].items()} == {
        key: sorted(group["members"]) for key, group in groups.items()
    }
    for user, found in given["groups_of"].items():
        assert sorted(found) == sorted(key for key, group in groups.items() if user in group["members"])
    assert given["one_user"] == [next(iter(given["users"].values()))] * 2
    assert given["one_group"] == next(iter(given["groups"].values()))
    pages = {"groups": len(groups), "users": len(users)}
    assert {key: given["pages"][key] for key in pages} == {key: -(-size // limit) for key, size in pages.items()}
    assert given["pages"]["members"] == {key: max(1, -(-len(group["members"]) // limit)) for key, group in groups.items()}


def test_s29_the_sdk_pages_through_groups_users_and_members(okta: Okta, okta_sdk: Path) -> None:
    start(okta)
    for limit in (2, 3, 200):
        check(read(okta_sdk, {"orgUrl": okta.url, "token": TOKEN}, limit), okta, limit)


def test_the_sdk_understands_links_however_they_are_written(okta: Okta, okta_sdk: Path) -> None:
    start(okta)
    for links in ("joined", "lines"):
        okta.settings(links=links)
        check(read(okta_sdk, {"orgUrl": okta.url, "token": TOKEN}, 10), okta, 10)


def test_the_sdk_reads_with_a_private_key_and_proves_possession_where_that_is_demanded(okta: Okta, okta_sdk: Path) -> None:
    start(okta)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    for client_id, dpop in (("0oaBEARER", False), ("0oaDPOP", True)):
        app = {"client_id": client_id, "key_id": "kid-1", "public_key": public, "scopes": SCOPES, "dpop_required": dpop}
        okta.change({"op": "add_oauth_client", **app})
        config: dict[str, Any] = {"orgUrl": okta.url, "authorizationMode": "PrivateKey", "clientId": client_id, "scopes": SCOPES}
        config |= {"privateKey": private, "kid": "kid-1", "dpopEnabled": dpop}
        check(read(okta_sdk, config, 7), okta, 7)


def test_the_sdk_reports_what_the_org_refuses(okta: Okta, okta_sdk: Path) -> None:
    start(okta)
    assert "E0000011" in read(okta_sdk, {"orgUrl": okta.url, "token": "wrong"}, 10)["refused"]
    okta.fault("GET /api/v1/groups", {"kind": "status", "status": 403}, times=None)
    assert "E0000006" in read(okta_sdk, {"orgUrl": okta.url, "token": TOKEN}, 10)["refused"]
