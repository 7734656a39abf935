"""The role assignments (access.bicep, role-assignment.json)."""

from __future__ import annotations

from tests.infra.bicep import Deployment

_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def test_the_name_of_an_assignment_follows_its_principal(
    deployments: dict[str, Deployment],
) -> None:
    """Azure lets no assignment change hands. An identity that was deleted and made again has
    another object id, and must not meet the assignment of the one before it; nor may two
    environments that share an account.
    """
    for deployment in deployments.values():
        for assignment in deployment.of(_ASSIGNMENT):
            principal = assignment["properties"]["principalId"].strip("[]")
            role = assignment["properties"]["roleDefinitionId"].rpartition("/")[2]
            on, _, name = assignment["id"].partition(f"/providers/{_ASSIGNMENT}/")
            assert name == f"guid('{on}', {principal}, '{role}')"
