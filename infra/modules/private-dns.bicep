import { tagsType } from 'types.bicep'

metadata description = 'Private DNS zones, linked to a network.'

@description('Required. Their names.')
param zones string[]

@description('Required. Their tags.')
param tags tagsType

@description('Required. The network.')
param virtualNetworkId string

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zones: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in zones: {
    parent: dnsZones[index]
    name: 'fnsse'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: virtualNetworkId } }
  }
]
