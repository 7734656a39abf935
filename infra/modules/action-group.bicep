import { tagsType } from 'types.bicep'

metadata description = 'Who is notified of alerts.'

@description('Required. Its name.')
param name string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Addresses to write to.')
param emails string[]

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'fnsse'
    emailReceivers: [
      for (email, index) in emails: { name: 'email-${index}', emailAddress: email, useCommonAlertSchema: true }
    ]
  }
}

@description('Its resource id.')
output resourceId string = group.id
