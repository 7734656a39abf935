metadata description = 'A workbook on what the app logs: calls, outcomes, what was delivered, first chunks, completeness.'

@description('Required. The name that it has in the portal.')
param displayName string

@description('Required. Region: that of Application Insights.')
param location string

@description('Optional. Tags.')
param tags { *: string } = {}

@description('Required. Resource id of the Application Insights that the queries are put to.')
param applicationInsightsId string

var charts = [
  {
    title: 'Calls, by class of status'
    query: loadTextContent('../queries/workbook/calls.kql')
  }
  {
    title: 'How exchanges ended'
    query: loadTextContent('../queries/workbook/outcomes.kql')
  }
  {
    title: 'Calls answered and events accepted by the Event Hub'
    query: loadTextContent('../queries/workbook/delivered.kql')
  }
  {
    title: 'Time to the first chunk of streams, in ms'
    query: loadTextContent('../queries/workbook/first-chunk.kql')
  }
  {
    title: 'Enrichment: runs, failed ones and poison'
    query: loadTextContent('../queries/workbook/enrichment.kql')
  }
  {
    title: 'Completeness of the last 48 hours, as reconcile judged them last'
    query: loadTextContent('../queries/workbook/completeness.kql')
  }
]

// Item types of a workbook: 3 a query, 9 parameters. Parameter type 4 is a time range.
var timeRange = {
  type: 9
  name: 'time'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    queryType: 0
    resourceType: 'microsoft.insights/components'
    parameters: [
      {
        id: guid('time')
        version: 'KqlParameterItem/1.0'
        name: 'time'
        label: 'Time range'
        type: 4
        isRequired: true
        value: { durationMs: 14400000 }
        typeSettings: {
          selectableValues: [
            { durationMs: 3600000 }
            { durationMs: 14400000 }
            { durationMs: 86400000 }
            { durationMs: 604800000 }
          ]
          allowCustom: true
        }
      }
    ]
  }
}

var items = [
  for chart in charts: {
    type: 3
    name: chart.title
    content: {
      version: 'KqlItem/1.0'
      title: chart.title
      // `grain` is built into a time range parameter: it fits the width of the bins to the range.
      query: replace(chart.query, '{grain}', '{time:grain}')
      size: 0
      timeContextFromParameter: 'time'
      queryType: 0
      resourceType: 'microsoft.insights/components'
      crossComponentResources: [applicationInsightsId]
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, applicationInsightsId, 'fnsse')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: displayName
    category: 'workbook'
    sourceId: applicationInsightsId
    version: '1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], items)
      fallbackResourceIds: [applicationInsightsId]
    })
  }
}

@description('Resource id of the workbook.')
output resourceId string = workbook.id
