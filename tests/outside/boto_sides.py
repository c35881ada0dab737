"""The two sides that are compared: the simulated Identity Center, and moto. Each is asked by boto3, and its answers are put into words that
do not depend on the side."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from boto_script import ORGANIZATIONS, SSO, STORE, Step

MASKED = {"CreatedAt", "UpdatedAt", "CreatedDate", "JoinedTimestamp", "RequestId", "CreatedBy", "UpdatedBy", "Arn", "MasterAccountArn"}
"""Fields whose values mean nothing here; that they are there does."""

IDS = ("UserId", "GroupId", "MembershipId")
"""Fields with the id that a step has made."""

Outcome = tuple[str, Any]
"""`ok` with the answer, or the error's code with its reason."""


class Side:
    """A server, and the names for the ids that it gave."""

    def __init__(self, url: str) -> None:
        # No call is repeated: what is answered is what is compared.
        options: dict[str, Any] = {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "testing",
            "aws_secret_access_key": "testing",
            "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        }
        self.clients = {service: boto3.client(service, **options) for service in (STORE, SSO, ORGANIZATIONS)}
        instance = self.clients[SSO].list_instances()["Instances"][0]
        self.names = {"$instance": instance["InstanceArn"], "$store": instance["IdentityStoreId"]}

    def run(self, step: Step) -> Outcome:
        """What the side answers to a step."""
        client, parameters = self.clients[step.service], self._filled(step.parameters)
        try:
            answer = self._pages(client, step, parameters) if step.pages else getattr(client, step.operation)(**parameters)
        except ClientError as error:
            return self._error(error)
        answer.pop("ResponseMetadata", None)
        if step.save:
            self.names[f"${step.save}"] = self._made(answer)
        return "ok", self._told(answer)

    def withdraw(self, step: Step, answer: dict[str, Any]) -> None:
        """Takes back what a step has made, because the other side has refused to make it."""
        client, parameters = self.clients[step.service], self._filled(step.parameters)
        if step.operation == "create_account_assignment":
            client.delete_account_assignment(**parameters)
            return
        made = next(key for key in ("MembershipId", "UserId", "GroupId") if key in answer)
        getattr(client, step.operation.replace("create_", "delete_"))(IdentityStoreId=self.names["$store"], **{made: answer[made]})

    def _pages(self, client: Any, step: Step, parameters: dict[str, Any]) -> dict[str, Any]:
        """The pages of a list in one; how many records were on each is part of the answer."""
        put_together: dict[str, Any] = {}
        sizes = []
        for page in client.get_paginator(step.operation).paginate(**parameters, PaginationConfig={"PageSize": step.pages}):
            for key, value in page.items():
                if isinstance(value, list):
                    put_together.setdefault(key, []).extend(value)
                    sizes.append(len(value))
        return {**put_together, "sizes": [size for size in sizes if size]}

    def _error(self, error: ClientError) -> Outcome:
        response: dict[str, Any] = {**error.response}
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        code = response["Error"].get("Code") or str(status)
        if status >= 500:
            return "error", f"{status} {code}"
        return "error", " ".join(filter(None, [code, response.get("Reason", ""), response.get("ResourceType", "")]))

    def _made(self, answer: dict[str, Any]) -> str:
        """The id in an answer: of an object, of a request, or of the one root."""
        flat = {**answer, **(answer.get("Roots") or [{}])[0]}
        for key in ("AccountAssignmentCreationStatus", "AccountAssignmentDeletionStatus"):
            flat |= {"RequestId": answer[key]["RequestId"]} if key in answer else {}
        kinds = ("MembershipId", *IDS, "RequestId", "Id")
        return str(next(flat[key] for key in kinds if key in flat))

    def _filled(self, value: Any) -> Any:
        """Parameters with ids in place of names."""
        if isinstance(value, dict):
            return {key: self._filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        return self.names.get(value, value) if isinstance(value, str) else value

    def _told(self, value: Any, key: str = "") -> Any:
        """An answer with names in place of ids, and in one order."""
        if key in MASKED:
            return "…"
        if isinstance(value, dict):
            return {name: self._told(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return sorted((self._told(inner) for inner in value), key=repr)
        if isinstance(value, str):
            return {held: name for name, held in self.names.items()}.get(value, value)
        return value
