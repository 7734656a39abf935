import { tagsType } from 'types.bicep'

metadata description = 'The vault that hands the function key to API Management. It takes roles alone.'

@description('Required. Its name.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Whether it is reached only over private endpoints and by Azure services that have a role.')
param private bool

@description('Required. Whether nobody can purge it once it is deleted. This cannot be switched off later.')
param purgeProtection bool

@description('Optional. The workspace that takes its audit log. Default: none.')
param auditWorkspaceId string = ''

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: purgeProtection ? 90 : 7
    // Key Vault refuses `false`.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      // API Management reads the secret as a trusted service, by its identity and role; ARM writes
      // it the same way.
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

// 2021-05-01-preview is the newest there is for it.
#disable-next-line use-recent-api-versions
resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(auditWorkspaceId)) {
  scope: vault
  name: 'audit-log'
  properties: {
    workspaceId: auditWorkspaceId
    logs: [{ category: 'AuditEvent', enabled: true }] // who read or wrote which secret
  }
}

@description('The resource id of the vault.')
output resourceId string = vault.id
