import { assignmentType } from 'types.bicep'

metadata description = 'Who may do what: one role assignment for each line of a table.'

@description('Required. The table.')
param assignments assignmentType[]

// The names of Azure's built-in roles, the same everywhere:
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleIds = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Data Reader': '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  'Azure Event Hubs Data Sender': '2b629674-e913-4c01-ae53-ef4638d8f975'
  'Azure Event Hubs Data Receiver': 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
  'Cognitive Services OpenAI User': '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
}

// /subscriptions/<2>/resourceGroups/<4>/…
module assignment 'role-assignment.json' = [
  for grant in assignments: {
    scope: resourceGroup(split(grant.resourceId, '/')[2], split(grant.resourceId, '/')[4])
    params: {
      resourceId: grant.resourceId
      roleId: roleIds[grant.role]
      // A name for each principal on each resource, because Azure does not let an assignment change
      // its principal. An identity that was deleted and made again has another object id.
      assignmentName: guid(grant.resourceId, grant.principalId, roleIds[grant.role])
      principalId: grant.principalId
      principalType: grant.?principalType ?? 'ServicePrincipal'
      description: grant.reason
    }
  }
]
