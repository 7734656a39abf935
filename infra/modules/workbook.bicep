metadata description = 'A workbook on what the app logs: calls, outcomes, what was delivered, first chunks, completeness.'

@description('Required. The name that it has in the portal.')
param displayName string

@description('Required. Region: that of Application Insights.')
param location string

@description('Optional. Tags.')
param tags { *: string } = {}

@description('Required. Resource id of the Application Insights that the queries read.')
param applicationInsightsId string

// In the order in which an operator asks. `text` says how to read the tile.
var charts = [
  {
    title: 'Are calls answered?'
    text: 'Calls by class of status. `5xx` should be zero; `4xx` are mistakes of callers and 429. The status counts, not the column `success`: a stream that an SDK has read is 200 and `Failed`.'
    query: loadTextContent('../queries/workbook/calls.kql')
  }
  {
    title: 'Are events delivered?'
    text: 'Calls answered, events accepted by the Event Hub, and replays among them. The first two lines follow each other within seconds.'
    query: loadTextContent('../queries/workbook/delivered.kql')
  }
  {
    title: 'What waits?'
    text: 'Calls answered in this time range whose event was not accepted yet. It should stay near zero: a line that rises and does not come down is a queue that grows. An estimate if requests are sampled, or if the range begins within an outage.'
    query: loadTextContent('../queries/workbook/waits.kql')
  }
  {
    title: 'How fast are streams?'
    text: 'Milliseconds from the request to the first chunk, queueing and model start included. The alert looks at `p95_ms`.'
    query: loadTextContent('../queries/workbook/first-chunk.kql')
  }
  {
    title: 'How do exchanges end?'
    text: '`completed` and `client_disconnected` are normal. `upstream_error` holds 4xx as well. `upstream_interrupted`, `timed_out` and `aborted` are streams that broke.'
    query: loadTextContent('../queries/workbook/outcomes.kql')
  }
  {
    title: 'What fails?'
    text: 'Warnings and errors of the app and failures of its functions, the most frequent first, without ids and figures. Nothing here means nothing to do; docs/reference/log-lines.md explains each line.'
    query: loadTextContent('../queries/workbook/complaints.kql')
  }
  {
    title: 'Does enrichment keep up?'
    text: 'Runs, failed runs and poison messages. A failed run is tried again every 30 s: failures without successes mean that the Event Hub takes nothing.'
    query: loadTextContent('../queries/workbook/enrichment.kql')
  }
  {
    title: 'Is anything missing?'
    text: 'The last 48 hours as reconcile judged them last. An hour that is not complete a few hours after its end needs a look; `dead_lettered` stays until it is requeued.'
    query: loadTextContent('../queries/workbook/completeness.kql')
  }
  {
    title: 'Was anything not recorded?'
    text: 'What reconcile cannot find, because storage took nothing of it: `not recorded at all` is in the log alone, for as long as logs are kept. Nothing here means that completeness above tells the whole.'
    query: loadTextContent('../queries/workbook/not-recorded.kql')
  }
  {
    title: 'Why did reconcile do nothing?'
    text: 'Runs that had to wait, by reason. A few are normal under load; one at each run for hours is not.'
    query: loadTextContent('../queries/workbook/reconcile-waits.kql')
  }
]

// Item types of a workbook: 1 a text, 3 a query, 9 parameters. Parameter type 4 is a time range.
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
  for chart in charts: [
    {
      type: 1
      name: '${chart.title} How to read it'
      content: { json: '### ${chart.title}\n${chart.text}' }
    }
    {
      type: 3
      name: chart.title
      content: {
        version: 'KqlItem/1.0'
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
      items: concat([timeRange], flatten(items))
      fallbackResourceIds: [applicationInsightsId]
    })
  }
}

@description('Resource id of the workbook.')
output resourceId string = workbook.id
