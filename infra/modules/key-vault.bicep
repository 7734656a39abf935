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

@description('Required. Whether it is reached over private endpoints, and by Azure services that have a role, alone.')
param private bool

@description('Required. Whether nobody can purge it once it is deleted. Azure does not let that be switched off again.')
param purgeProtection bool

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
      // API Management reads the secret as a trusted service, by its identity and role; ARM writes it the same way.
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

@description('The resource id of the vault.')
output resourceId string = vault.id
