import { tagsType } from 'types.bicep'

metadata description = 'A virtual network: a subnet for the app, one for private endpoints, one for API Management.'

@description('Required. Its name.')
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Its address range: a /24 or larger.')
param addressPrefix string

// The app's subnet is the largest: each of its instances takes an address.
var subnets = [
  { name: 'function-app', addressPrefix: cidrSubnet(addressPrefix, 26, 0), delegation: 'Microsoft.App/environments' }
  { name: 'private-endpoints', addressPrefix: cidrSubnet(addressPrefix, 27, 2), delegation: '' }
  { name: 'api-management', addressPrefix: cidrSubnet(addressPrefix, 27, 3), delegation: 'Microsoft.Web/serverFarms' }
]

// No rules of their own: the default ones allow traffic within the network, and no other inbound.
resource securityGroups 'Microsoft.Network/networkSecurityGroups@2025-01-01' = [
  for subnet in subnets: {
    name: '${name}-${subnet.name}'
    location: location
    tags: tags
  }
]

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      for (subnet, index) in subnets: {
        name: subnet.name
        properties: {
          addressPrefix: subnet.addressPrefix
          networkSecurityGroup: { id: securityGroups[index].id }
          privateEndpointNetworkPolicies: 'Enabled'
          delegations: empty(subnet.delegation)
            ? []
            : [{ name: 'delegation', properties: { serviceName: subnet.delegation } }]
        }
      }
    ]
  }
}

@description('Its resource id.')
output resourceId string = network.id

@description('The subnet of the app.')
output functionAppSubnetId string = '${network.id}/subnets/${subnets[0].name}'

@description('The subnet of private endpoints.')
output privateEndpointsSubnetId string = '${network.id}/subnets/${subnets[1].name}'

@description('The subnet of API Management.')
output apiManagementSubnetId string = '${network.id}/subnets/${subnets[2].name}'
