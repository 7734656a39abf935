#!/bin/sh
# Before azd provisions: the app registration that is the audience of API Management's token, where CALLER_AUTH is entra.
# It is made once, or found by its name, and its client id is kept in the azd environment as AUDIENCE_CLIENT_ID. It has no
# secret. By hand, without azd: docs/how-to/authenticate-callers.md.
set -eu

say() { printf 'preprovision: %s\n' "$*"; }
fail() { printf 'preprovision: %s\n' "$*" >&2; exit 1; }

[ "${CALLER_AUTH:-function_key}" = entra ] || exit 0
[ -z "${AUDIENCE_CLIENT_ID:-}" ] || exit 0
[ -n "${AZURE_ENV_NAME:-}" ] || fail "AZURE_ENV_NAME is not set; azd sets it"
command -v az >/dev/null || fail "needs the Azure CLI (az), signed in with az login; or set AUDIENCE_CLIENT_ID yourself"

name="fnsse-$AZURE_ENV_NAME"
scope_id=6f0b8f0e-7a52-4c1d-9d0e-3b1f1c7a2e54 # of the scope `operate`; unique within the registration is enough
azure_cli=04b07795-8ddb-461a-bbee-02f9e1bf7b46 # the Azure CLI's own client id, the same in every tenant

again() { # Entra does not know everywhere at once what was made a moment ago
  for seconds in 2 4 8 16; do
    if "$@"; then return; fi
    sleep "$seconds"
  done
  "$@"
}

patch() { # $1: client id, $2: body
  az rest --only-show-errors --method PATCH --url "https://graph.microsoft.com/v1.0/applications(appId='$1')" \
    --headers Content-Type=application/json --body "$2" >/dev/null
}

# The scope lets operators get a token with `az account get-access-token`; the app still asks who they are.
register() {
  client_id=$(az ad app create --only-show-errors --display-name "$name" --sign-in-audience AzureADMyOrg \
    --query appId --output tsv)
  if complete "$client_id"; then
    printf '%s\n' "$client_id"
  else # or the next run would find it, and take it for whole
    az ad app delete --only-show-errors --id "$client_id" >&2
    return 1
  fi
}

complete() { # $1: client id. Joined by &&: within a condition `set -e` ends nothing
  again patch "$1" "{\"identifierUris\": [\"api://$1\"], \"api\": {\"requestedAccessTokenVersion\": 2, \"oauth2PermissionScopes\": [{
    \"id\": \"$scope_id\", \"value\": \"operate\", \"type\": \"Admin\", \"isEnabled\": true,
    \"adminConsentDisplayName\": \"Operate fnsse\", \"adminConsentDescription\": \"Call the routes for operators\"}]}}" &&
    again patch "$1" "{\"api\": {\"preAuthorizedApplications\": [{
    \"appId\": \"$azure_cli\", \"delegatedPermissionIds\": [\"$scope_id\"]}]}}"
}

id=$(az ad app list --only-show-errors --filter "displayName eq '$name'" --query '[].appId' --output tsv)
case $id in
  '')
    id=$(register) # on a line of its own: within a condition a failure in there would not end the script
    say "registered $name ($id)"
    ;;
  *[[:space:]]*) fail "several app registrations are called $name; choose one: azd env set AUDIENCE_CLIENT_ID <client id>" ;;
  *) say "found $name ($id)" ;;
esac
# Entra gives no token for an application that has no service principal in the tenant.
az ad sp show --only-show-errors --id "$id" >/dev/null 2>&1 ||
  again az ad sp create --only-show-errors --id "$id" >/dev/null
azd env set AUDIENCE_CLIENT_ID "$id"
