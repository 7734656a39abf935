metadata description = 'A new API Management instance of a tier that streams: the v2 tiers.'

@export()
@description('The tiers that this module makes. Only StandardV2 and PremiumV2 reach a virtual network.')
type apiManagementSku = 'BasicV2' | 'StandardV2' | 'PremiumV2'

@description('Required. Name of the instance; it becomes the first label of the gateway host name.')
@minLength(1)
@maxLength(50)
param name string

@description('Required. Region.')
param location string

@description('Optional. Tags of the instance.')
param tags { *: string } = {}

@description('Optional. Tier.')
param sku apiManagementSku = 'BasicV2'

@description('Optional. Units of the tier.')
@minValue(1)
@maxValue(30)
param capacity int = 1

@description('Required. Address that API Management writes to about the instance.')
@minLength(3)
param publisherEmail string

@description('Required. Organisation in those messages and on the developer portal.')
@minLength(1)
param publisherName string

@description('Optional. Resource id of the subnet for outbound integration, delegated to Microsoft.Web/serverFarms; empty for none.')
param subnetId string = ''

@description('Optional. Resource id of the Log Analytics workspace that takes the gateway log; empty for none.')
param logAnalyticsWorkspaceId string = ''

var integrated = !empty(subnetId)

var checkedSku = integrated && sku == 'BasicV2'
  ? fail('API Management of tier BasicV2 cannot reach a virtual network. Choose StandardV2 or PremiumV2, or leave the network switch off')
  : sku

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: checkedSku
    capacity: capacity
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publisherEmail: publisherEmail
    publisherName: publisherName
    publicNetworkAccess: 'Enabled'
    virtualNetworkType: integrated ? 'External' : 'None'
    virtualNetworkConfiguration: integrated ? { subnetResourceId: subnetId } : null
  }
}

// 2021-05-01-preview is the newest there is for it; the stable one of 2016 does not know the
// dedicated tables.
#disable-next-line use-recent-api-versions
resource gatewayLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(logAnalyticsWorkspaceId)) {
  scope: service
  name: 'gateway-log'
  properties: {
    workspaceId: logAnalyticsWorkspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'GatewayLogs'
        enabled: true
      }
    ]
  }
}

@description('Name of the instance.')
output name string = service.name

@description('Object id of the instance\'s managed identity.')
output principalId string = service.identity.principalId

@description('Address of the gateway: the azure_endpoint of an OpenAI SDK.')
output gatewayUrl string = service.properties.gatewayUrl
