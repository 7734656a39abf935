metadata description = 'A consumer group of an event hub that may lie in another resource group.'

@description('Required. The name of the namespace.')
param namespace string

@description('Required. The hub.')
param eventHub string

@description('Required. The group.')
param name string

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' existing = {
  name: '${namespace}/${eventHub}'
}

resource group 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2026-01-01' = {
  parent: hub
  name: name
}
