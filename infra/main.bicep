import {
  alertsType
  apiManagementType
  authorType
  circuitBreakerType
  clientTokensType
  dataExplorerType
  eventHubsType
  logAnalyticsType
  networkType
  openAiType
  scaleType
  settingsType
  storageSkuType
  tagsType
  teamType
} from 'modules/types.bicep'
import {
  containerNames
  eventHubsCaptureContainerName
  namesOf
  packageContainerName
  queueNames
} from 'modules/names.bicep'
import { defaultSettings } from 'modules/app-settings.bicep'

metadata name = 'fnsse'
metadata description = 'fnsse behind API Management: relays Azure OpenAI calls and sees to it that what happened reaches an Event Hub.'

targetScope = 'resourceGroup'

// --- Parameters ----------------------------------------------------------------------------------

@description('Required. The name of the environment, as azd takes it. Names of resources hold its first 20 letters, digits and hyphens.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Optional. The region of all new resources. Default, and where it is empty: that of the resource group.')
param location string = ''

@description('Optional. Tags of all new resources.')
param tags tagsType = {}

@description('Required. The gateway in front of the app: a new or an existing one.')
param apiManagement apiManagementType

@description('Required. The Azure OpenAI accounts of the app, new or existing. The app calls one account directly, and several through a pool on API Management, by priority and weight.')
@minLength(1)
@maxLength(30)
param openAi openAiType[]

@description('Optional. When the pool stops calling an account that answers 429 or 5xx. It has no effect with one account.')
param circuitBreaker circuitBreakerType = {}

@description('Optional. Where the events go. Default: a new Standard namespace that inflates automatically.')
param eventHubs eventHubsType = { kind: 'new' }

@description('Optional. The tool of analysts: an Azure Data Explorer cluster with table and functions, which costs money from then on. Default: none.')
param analytics 'adx' | 'none' = 'none'

@description('Optional. The object id of the first reader of hub and cluster. Default: the deployer.')
param analystObjectId string = deployer().objectId

@description('Optional. Its type. Default: a user, or a service principal if one deploys.')
param analystType 'User' | 'Group' | 'ServicePrincipal' = empty(deployer().?userPrincipalName ?? '')
  ? 'ServicePrincipal'
  : 'User'

@description('Optional. The size and retention of that cluster.')
param dataExplorer dataExplorerType = {}

@description('Optional. Whether the app and its resources have public addresses. Default: they do, for callers that Entra ID authenticates.')
param network networkType = { kind: 'none' }

@description('Optional. Where logs are kept. Default: a new workspace.')
param logAnalytics logAnalyticsType = { kind: 'new' }

@description('Optional. How the app recognises API Management: by a function key in Key Vault, or by its Entra token. Default: function_key.')
param callerAuth 'function_key' | 'entra' = 'function_key'

@description('Optional. The client id of the app registration that is the audience of Entra tokens. Needed if callerAuth is entra.')
param audienceClientId string = ''

@description('Optional. The object ids of those who may call the operators\' routes with an Entra token. Default: nobody.')
param operatorObjectIds string[] = []

@description('Optional. The teams that call: a product, a subscription, its key in the vault, and limits for each. Default: none.')
param teams teamType[] = []

@description('Optional. The claims that Entra tokens of the teams\' applications must have. Default: callers have only subscription keys.')
param clientTokens clientTokensType?

@description('Optional. How long captures and ledger are kept, in days. Default: 30.')
@minValue(1)
@maxValue(3650)
param captureRetentionDays int = 30

@description('Optional. For how many days nobody can alter or delete a capture, by time-based retention of its versions: at most captureRetentionDays. An erased exchange is gone only after that time, and redacted exchanges would be kept unredacted. Decide before the first deployment. Default: none.')
@minValue(1)
@maxValue(3650)
param immutableCaptureDays int?

@description('Optional. How many days erased or replaced captures can be restored, by those who may restore blobs; 0: not at all. Default: 7.')
@minValue(0)
@maxValue(365)
param captureSoftDeleteDays int = 7

@description('Optional. Who may upload a content policy (the setting CONTENT_POLICY names its blob, policies/content.json). Default: nobody.')
param contentPolicyAuthors authorType[] = []

@description('Optional. required: nothing goes upstream, and no response ends, before its capture is stored. Default: best_effort.')
param capturePolicy 'best_effort' | 'required' = 'best_effort'

@description('Optional. How the app scales.')
param scale scaleType = {}

@description('Optional. What happens to running instances when code or settings change. RollingUpdate, which is in preview, lets calls end for up to 230 s; Recreate ends all of them at once. Default: RollingUpdate.')
param siteUpdateStrategy 'RollingUpdate' | 'Recreate' = 'RollingUpdate'

@description('Optional. Settings of the app that differ from their defaults.')
param settings settingsType = {}

@description('Optional. The redundancy of the storage accounts. Default: Standard_LRS, which every region has. Standard_ZRS needs a region with availability zones.')
param storageSku storageSkuType = 'Standard_LRS'

@description('Optional. Whether a deleted Key Vault keeps its name for 90 days, and nobody can shorten that. Decide before the first deployment: Azure changes neither later. Default: false, and a deleted vault keeps its name for 7 days, or until it is purged.')
param keyVaultPurgeProtection bool = false

@description('Optional. Address ranges that may reach the app\'s public address, in addition to the availability test, such as those of the gateway and of operators: 203.0.113.0/24. Default: all; every caller has to authenticate in any case.')
@maxLength(500)
param allowedCallers string[] = []

@description('Optional. Whether Key Vault, storage, Event Hubs and Azure OpenAI log who changed, deleted or read secrets, blobs and keys. Only new resources do. Default: false.')
param auditLogs bool = false

@description('Optional. Who is notified of alerts. Default: nobody; they show in the portal.')
param alerts alertsType = {}

@description('Optional. The address of the folder docs/how-to. Each alert links to its page there. Default: the folder in the repository.')
param runbookUrl string = 'docs/how-to'

// --- Derived values ------------------------------------------------------------------------------

// main.bicepparam cannot leave a parameter out: an environment without a region passes an empty
// text.
#disable-next-line no-loc-expr-outside-params
var region = empty(location) ? resourceGroup().location : location
var names = namesOf(environmentName, uniqueString(resourceGroup().id, environmentName, region))
var allTags = union({ application: 'fnsse', 'azd-env-name': environmentName }, tags)
var here = subscription().subscriptionId

var newApiManagement = apiManagement.kind == 'new' ? apiManagement : null
var newEventHubs = eventHubs.kind == 'new' ? eventHubs : null
var newLogAnalytics = logAnalytics.kind == 'new' ? logAnalytics : null

var existingApiManagement = apiManagement.kind == 'existing' ? apiManagement : null
var existingEventHubs = eventHubs.kind == 'existing' ? eventHubs : null
var existingLogAnalytics = logAnalytics.kind == 'existing' ? logAnalytics : null

var privateNetwork = network.kind == 'private' ? network : null
var private = privateNetwork != null
var newVirtualNetwork = privateNetwork.?virtualNetwork.kind == 'new' ? privateNetwork!.virtualNetwork : null
var existingVirtualNetwork = privateNetwork.?virtualNetwork.kind == 'existing' ? privateNetwork!.virtualNetwork : null
var dns = privateNetwork.?dns ?? { kind: 'new' }

var eventHub = eventHubs.?eventHub ?? 'openai-logs'
var eventHubsSku = newEventHubs.?sku ?? 'Standard'
var capture = newEventHubs.?capture
var retentionHours = newEventHubs.?retentionHours ?? (eventHubsSku == 'Basic' ? 24 : 168)
var basicCannot = private
  ? 'be reached over a private endpoint'
  : capture != null
      ? 'capture'
      : analytics == 'adx' || !empty(newEventHubs.?consumerGroups ?? [])
          ? 'have consumer groups'
          : retentionHours > 24 ? 'keep events for more than 24 hours' : ''
var checkedEventHubsSku = eventHubsSku == 'Basic' && !empty(basicCannot)
  ? fail('Event Hubs of tier Basic cannot ${basicCannot}. Choose Standard or Premium')
  : eventHubsSku == 'Standard' && retentionHours > 168
      ? fail('Event Hubs of tier Standard keeps events for at most 168 hours. Choose Premium, or less')
      : eventHubsSku

var audience = callerAuth == 'entra' && empty(audienceClientId)
  ? fail('callerAuth entra needs audienceClientId: the app registration that is the audience of tokens (docs/how-to/authenticate-callers.md)')
  : audienceClientId

var withDataExplorer = analytics == 'adx'
var auditWorkspaceId = auditLogs ? ids.workspace : ''
var checkedCallers = private && !empty(allowedCallers)
  ? fail('allowedCallers has no effect on a private network: the app has no public address. Leave it out')
  : allowedCallers

var redacts = (settings.?CONTENT_MODE ?? '') == 'redacted' || contains(settings.?CONTENT_POLICY ?? '', '"redacted"')
var immutableCaptures = immutableCaptureDays == null
  ? null
  : immutableCaptureDays! > captureRetentionDays
      ? fail('immutableCaptureDays is more than captureRetentionDays: captures could not be deleted when they should be')
      : redacts
          ? fail('immutableCaptureDays would keep the bodies that the content mode redacted erases. Leave one of both out')
          : { container: containerNames.captures, days: immutableCaptureDays! }

// Ids from names, because the table of a loop must not hold values that are known only after a
// deployment.
var ids = {
  app: resourceId('Microsoft.Web/sites', names.functionApp)
  identity: resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', names.identity)
  captureIdentity: resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', names.captureIdentity)
  apiManagement: resourceId(
    existingApiManagement.?subscriptionId ?? here,
    existingApiManagement.?resourceGroup ?? resourceGroup().name,
    'Microsoft.ApiManagement/service',
    existingApiManagement.?name ?? names.apiManagement
  )
  hostStorage: resourceId('Microsoft.Storage/storageAccounts', names.hostStorage)
  captureStorage: resourceId('Microsoft.Storage/storageAccounts', names.captureStorage)
  dataExplorer: resourceId('Microsoft.Kusto/clusters', names.dataExplorer)
  insights: resourceId('Microsoft.Insights/components', names.applicationInsights)
  keyVault: resourceId('Microsoft.KeyVault/vaults', names.keyVault)
  workspace: resourceId(
    existingLogAnalytics.?subscriptionId ?? here,
    existingLogAnalytics.?resourceGroup ?? resourceGroup().name,
    'Microsoft.OperationalInsights/workspaces',
    existingLogAnalytics.?name ?? names.logAnalytics
  )
  eventHubs: resourceId(
    existingEventHubs.?subscriptionId ?? here,
    existingEventHubs.?resourceGroup ?? resourceGroup().name,
    'Microsoft.EventHub/namespaces',
    existingEventHubs.?name ?? names.eventHubs
  )
}

// It holds the function key, and the teams' subscription keys.
var vaulted = callerAuth == 'function_key' || !empty(teams)
var teamNames = map(teams, team => '${names.gateway}-team-${team.name}')
var checkedTeams = length(union(teamNames, [])) == length(teams) ? teams : fail('Two teams have one name')

var pooled = length(openAi) > 1
var poolPath = '${names.gateway}-pool'
var accounts = map(openAi, account => {
  id: resourceId(
    account.?subscriptionId ?? here,
    account.?resourceGroup ?? resourceGroup().name,
    'Microsoft.CognitiveServices/accounts',
    account.?name ?? (empty(account.?suffix) ? names.openAi : '${names.openAi}-${account.?suffix ?? ''}')
  )
  region: account.?region ?? region
})
var checkedAccounts = length(union(map(accounts, account => account.id), [])) == length(accounts) ? accounts : fail('Two accounts of openAi are one. Give new ones a suffix each')

// --- Logs ----------------------------------------------------------------------------------------

module workspace 'modules/log-analytics.bicep' = if (newLogAnalytics != null) {
  params: {
    name: names.logAnalytics
    location: region
    tags: allTags
    retentionDays: newLogAnalytics.?retentionDays ?? 30
    dailyQuotaGb: newLogAnalytics.?dailyQuotaGb ?? -1
  }
}

module insights 'modules/application-insights.bicep' = {
  params: {
    name: names.applicationInsights
    location: region
    tags: allTags
    workspaceId: ids.workspace
  }
  dependsOn: [workspace]
}

// --- Identities and storage ----------------------------------------------------------------------

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.identity
  location: region
  tags: allTags
}

resource captureIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (capture != null) {
  name: names.captureIdentity
  location: region
  tags: allTags
}

module hostStorage 'modules/storage.bicep' = {
  params: {
    name: names.hostStorage
    location: region
    tags: allTags
    sku: storageSku
    containers: [packageContainerName]
    queues: []
    private: private
  }
}

module captureStorage 'modules/storage.bicep' = {
  params: {
    name: names.captureStorage
    location: region
    tags: allTags
    sku: storageSku
    containers: concat(
      [containerNames.captures, containerNames.ledger, containerNames.policies],
      capture == null ? [] : [eventHubsCaptureContainerName]
    )
    queues: queueNames
    softDeleteDays: captureSoftDeleteDays
    expiries: concat(
      [
        { container: containerNames.captures, days: captureRetentionDays }
        { container: containerNames.ledger, days: captureRetentionDays }
      ],
      capture == null
        ? []
        : [{ container: eventHubsCaptureContainerName, days: capture.?retentionDays ?? captureRetentionDays }]
    )
    immutable: immutableCaptures
    private: private
    trustsAzureServices: capture != null
    auditWorkspaceId: auditWorkspaceId
  }
  dependsOn: [workspace]
}

// --- Event Hubs and Azure OpenAI -----------------------------------------------------------------

module accessOfCapture 'modules/access.bicep' = if (capture != null) {
  params: {
    assignments: [
      {
        principalId: captureIdentity!.properties.principalId
        resourceId: '${ids.captureStorage}/blobServices/default/containers/${eventHubsCaptureContainerName}'
        role: 'Storage Blob Data Contributor'
        reason: 'Event Hubs Capture writes its files here.'
      }
    ]
  }
  dependsOn: [captureStorage]
}

module eventHubsNamespace 'modules/event-hubs.bicep' = if (newEventHubs != null) {
  params: {
    name: names.eventHubs
    location: region
    tags: allTags
    sku: checkedEventHubsSku
    capacity: newEventHubs.?capacity ?? 1
    maximumThroughputUnits: newEventHubs.?maximumThroughputUnits ?? 10
    eventHub: eventHub
    partitions: newEventHubs.?partitions ?? 4
    retentionHours: retentionHours
    consumerGroups: newEventHubs.?consumerGroups ?? []
    capture: capture
    captureIdentityId: capture == null ? '' : captureIdentity.id
    captureStorageId: capture == null ? '' : captureStorage.outputs.resourceId
    private: private
    auditWorkspaceId: auditWorkspaceId
  }
  dependsOn: [accessOfCapture, workspace]
}

resource existingNamespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = if (existingEventHubs != null) {
  name: existingEventHubs.?name ?? ''
  scope: resourceGroup(existingEventHubs.?subscriptionId ?? here, existingEventHubs.?resourceGroup ?? '')
}

module openAiAccounts 'modules/open-ai.bicep' = [
  for (account, index) in openAi: if (account.kind == 'new') {
    params: {
      name: last(split(checkedAccounts[index].id, '/'))
      location: checkedAccounts[index].region
      tags: allTags
      deployments: account.?deployments ?? []
      private: private
      auditWorkspaceId: auditWorkspaceId
    }
    dependsOn: [workspace]
  }
]

resource existingAccounts 'Microsoft.CognitiveServices/accounts@2026-03-01' existing = [
  for (account, index) in openAi: if (account.kind == 'existing') {
    name: last(split(checkedAccounts[index].id, '/'))
    scope: resourceGroup(account.?subscriptionId ?? here, account.?resourceGroup ?? '')
  }
]

// --- Network -------------------------------------------------------------------------------------

module virtualNetwork 'modules/virtual-network.bicep' = if (newVirtualNetwork != null) {
  params: {
    name: names.virtualNetwork
    location: region
    tags: allTags
    addressPrefix: newVirtualNetwork.?addressPrefix ?? ''
  }
}

// Written out, because environment() is not known before the deployment starts, and a loop's table
// has to be.
#disable-next-line no-hardcoded-env-urls
var storageSuffix = 'core.windows.net'
var zones = {
  blob: ['privatelink.blob.${storageSuffix}']
  queue: ['privatelink.queue.${storageSuffix}']
  table: ['privatelink.table.${storageSuffix}']
  eventHubs: ['privatelink.servicebus.windows.net']
  openAi: [
    'privatelink.cognitiveservices.azure.com'
    'privatelink.openai.azure.com'
    'privatelink.services.ai.azure.com'
  ]
  app: ['privatelink.azurewebsites.net']
  keyVault: ['privatelink.vaultcore.azure.net']
  dataExplorer: ['privatelink.${region}.kusto.windows.net']
}

var dataEndpoints = concat(
  [
    { name: 'host-blob', resourceId: ids.hostStorage, groupId: 'blob', zones: zones.blob }
    { name: 'host-queue', resourceId: ids.hostStorage, groupId: 'queue', zones: zones.queue }
    { name: 'host-table', resourceId: ids.hostStorage, groupId: 'table', zones: zones.table }
    { name: 'capture-blob', resourceId: ids.captureStorage, groupId: 'blob', zones: zones.blob }
    { name: 'capture-queue', resourceId: ids.captureStorage, groupId: 'queue', zones: zones.queue }
  ],
  existingEventHubs.?privateEndpoint ?? true
    ? [{ name: 'event-hubs', resourceId: ids.eventHubs, groupId: 'namespace', zones: zones.eventHubs }]
    : [],
  flatten(map(
    openAi,
    (account, index) =>
      account.?privateEndpoint ?? true
        ? [
            {
              name: index == 0 ? 'open-ai' : 'open-ai-${index + 1}'
              resourceId: accounts[index].id
              groupId: 'account'
              zones: zones.openAi
            }
          ]
        : []
  ))
)
var appEndpoints = concat(
  [{ name: 'app', resourceId: ids.app, groupId: 'sites', zones: zones.app }],
  vaulted ? [{ name: 'key-vault', resourceId: ids.keyVault, groupId: 'vault', zones: zones.keyVault }] : []
)

// Queries go to the cluster's own name. Data that is ingested by hand goes to its own blobs and
// queues.
var clusterEndpoints = withDataExplorer
  ? [
      {
        name: 'data-explorer'
        resourceId: ids.dataExplorer
        groupId: 'cluster'
        zones: concat(zones.dataExplorer, zones.blob, zones.queue, zones.table)
      }
    ]
  : []

module privateDns 'modules/private-dns.bicep' = if (private && dns.kind == 'new') {
  params: {
    zones: union(flatten(map(concat(dataEndpoints, appEndpoints, clusterEndpoints), endpoint => endpoint.zones)), [])
    tags: allTags
    virtualNetworkId: newVirtualNetwork != null
      ? virtualNetwork!.outputs.resourceId
      : split(existingVirtualNetwork.?functionAppSubnetId ?? '', '/subnets/')[0]
  }
}

var zonesSubscriptionId = dns.?subscriptionId ?? here
var zonesResourceGroup = dns.kind == 'none' ? '' : dns.?resourceGroup ?? resourceGroup().name
var privateEndpointsSubnetId = newVirtualNetwork != null
  ? virtualNetwork!.outputs.privateEndpointsSubnetId
  : existingVirtualNetwork.?privateEndpointsSubnetId ?? ''

module privateEndpointsOfData 'modules/private-endpoints.bicep' = if (private) {
  params: {
    prefix: names.privateEndpoints
    location: region
    tags: allTags
    subnetId: privateEndpointsSubnetId
    endpoints: dataEndpoints
    zonesSubscriptionId: zonesSubscriptionId
    zonesResourceGroup: zonesResourceGroup
  }
  dependsOn: [hostStorage, captureStorage, eventHubsNamespace, openAiAccounts, privateDns]
}

// --- API Management, the service -----------------------------------------------------------------

module newService 'modules/api-management-service.bicep' = if (newApiManagement != null) {
  params: {
    name: names.apiManagement
    location: region
    tags: allTags
    sku: newApiManagement.?sku ?? 'BasicV2'
    publisherEmail: empty(newApiManagement.?publisherEmail ?? '')
      ? fail('A new API Management needs an address that Azure writes to: azd env set PUBLISHER_EMAIL you@contoso.com')
      : newApiManagement!.publisherEmail
    publisherName: newApiManagement.?publisherName ?? ''
    subnetId: newVirtualNetwork != null
      ? virtualNetwork!.outputs.apiManagementSubnetId
      : private
          ? existingVirtualNetwork.?apiManagementSubnetId ?? fail('A new API Management in an existing network needs apiManagementSubnetId')
          : ''
    logAnalyticsWorkspaceId: ids.workspace
  }
  dependsOn: [workspace]
}

resource existingService 'Microsoft.ApiManagement/service@2024-05-01' existing = if (existingApiManagement != null) {
  name: existingApiManagement.?name ?? ''
  scope: resourceGroup(existingApiManagement.?subscriptionId ?? here, existingApiManagement.?resourceGroup ?? '')
}

var gatewayPrincipalId = newApiManagement != null
  ? newService!.outputs.principalId
  : existingService!.identity.principalId
var gatewayUrl = newApiManagement != null ? newService!.outputs.gatewayUrl : existingService!.properties.gatewayUrl

// Before the app, which takes minutes, because a role is not in effect at once, and API Management
// reads the vault as soon as it gets the named value.
module keyVault 'modules/key-vault.bicep' = if (vaulted) {
  params: {
    name: names.keyVault
    location: region
    tags: allTags
    private: private
    purgeProtection: keyVaultPurgeProtection
    auditWorkspaceId: auditWorkspaceId
  }
  dependsOn: [workspace]
}

module accessOfGateway 'modules/access.bicep' = {
  params: {
    assignments: concat(
      [
        {
          principalId: gatewayPrincipalId
          resourceId: ids.insights
          role: 'Monitoring Metrics Publisher'
          reason: 'API Management reports calls, without bodies and headers; Application Insights takes no key.'
        }
      ],
      callerAuth == 'function_key'
        ? [
            {
              principalId: gatewayPrincipalId
              resourceId: ids.keyVault
              role: 'Key Vault Secrets User'
              reason: 'API Management reads the function key, and writes nothing.'
            }
          ]
        : []
    )
  }
  dependsOn: [insights, keyVault]
}

// --- The app -------------------------------------------------------------------------------------

module accessOfApp 'modules/access.bicep' = {
  params: {
    assignments: [
      {
        principalId: identity.properties.principalId
        resourceId: ids.hostStorage
        role: 'Storage Blob Data Owner'
        reason: 'The Functions host keeps its locks, its keys and the package of the app in blobs; it asks for this role.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: ids.hostStorage
        role: 'Storage Queue Data Contributor'
        reason: 'Durable Functions makes and uses its control and work item queues.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: ids.hostStorage
        role: 'Storage Table Data Contributor'
        reason: 'Durable Functions keeps the history of orchestrations in tables.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.captureStorage}/blobServices/default/containers/${containerNames.captures}'
        role: 'Storage Blob Data Contributor'
        reason: 'The app writes and reads captures, and erases them on request.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.captureStorage}/blobServices/default/containers/${containerNames.ledger}'
        role: 'Storage Blob Data Contributor'
        reason: 'The app appends to the ledger, and writes reports.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.captureStorage}/blobServices/default/containers/${containerNames.policies}'
        role: 'Storage Blob Data Reader'
        reason: 'The app reads the content policy, and cannot change it.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.captureStorage}/queueServices/default/queues/${queueNames[0]}'
        role: 'Storage Queue Data Contributor'
        reason: 'The app puts envelopes on the queue, and its trigger takes them off.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.captureStorage}/queueServices/default/queues/${queueNames[1]}'
        role: 'Storage Queue Data Contributor'
        reason: 'The Functions host moves here what it gave up, and the poison trigger takes it off.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.captureStorage}/queueServices/default/queues/${queueNames[2]}'
        role: 'Storage Queue Data Contributor'
        reason: 'The app puts here the background responses that it follows, and takes off those that are due.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: '${ids.eventHubs}/eventhubs/${eventHub}'
        role: 'Azure Event Hubs Data Sender'
        reason: 'The app sends events, and reads none.'
      }
      {
        principalId: identity.properties.principalId
        resourceId: ids.insights
        role: 'Monitoring Metrics Publisher'
        reason: 'The app sends its logs; Application Insights takes no key.'
      }
    ]
  }
  dependsOn: [hostStorage, captureStorage, eventHubsNamespace, insights]
}

module accessOfPolicyAuthors 'modules/access.bicep' = if (!empty(contentPolicyAuthors)) {
  params: {
    assignments: [
      for author in contentPolicyAuthors: {
        principalId: author.objectId
        principalType: author.?kind ?? 'User'
        resourceId: '${ids.captureStorage}/blobServices/default/containers/${containerNames.policies}'
        role: 'Storage Blob Data Contributor'
        reason: 'Who decides what is recorded uploads the content policy here. No capture is in this container.'
      }
    ]
  }
  dependsOn: [captureStorage]
}

module accessToAccounts 'modules/access.bicep' = {
  params: {
    assignments: [
      for account in accounts: {
        principalId: pooled ? gatewayPrincipalId : identity.properties.principalId
        resourceId: account.id
        role: 'Cognitive Services OpenAI User'
        reason: pooled
          ? 'The pool calls the accounts by the identity of API Management; the app calls the pool.'
          : 'The app relays calls; it changes no deployment.'
      }
    ]
  }
  dependsOn: [openAiAccounts]
}

var eventHubsEndpoint = newEventHubs != null
  ? eventHubsNamespace!.outputs.endpoint
  : existingNamespace!.properties.serviceBusEndpoint

// Only the deployments of the templates; the setting names others.
var deploymentProfiles = map(
  flatten(map(openAi, account => account.?deployments ?? [])),
  deployment => { '${deployment.name}': { sku: deployment.sku, model: deployment.model } }
)
var knownDeployments = reduce(deploymentProfiles, {}, (all, profile) => union(all, profile))
var deploymentSettings = empty(knownDeployments) ? {} : { DEPLOYMENTS: string(knownDeployments) }
var appSettings = union(defaultSettings, deploymentSettings, settings, {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.outputs.connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  AZURE_CLIENT_ID: identity.properties.clientId
  AZURE_EVENTHUB_NAME: eventHub
  // https://contoso.servicebus.windows.net:443/
  AZURE_EVENTHUB_NAMESPACE: split(split(eventHubsEndpoint, '//')[1], ':')[0]
  AZURE_OPENAI_BASE_URL: pooled
    ? '${gatewayUrl}/${poolPath}'
    : openAi[0].kind == 'new' ? openAiAccounts[0]!.outputs.endpoint : existingAccounts[0]!.properties.endpoint
  // The pool names the account of each response.
  AZURE_OPENAI_REGION: pooled ? '' : openAi[0].kind == 'new' ? accounts[0].region : existingAccounts[0]!.location
  AzureWebJobsStorage__blobServiceUri: hostStorage.outputs.blobUri
  AzureWebJobsStorage__clientId: identity.properties.clientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: hostStorage.outputs.queueUri
  AzureWebJobsStorage__tableServiceUri: hostStorage.outputs.tableUri
  CALLER_AUTH: callerAuth
  // A token may name the registration by its id or by its URI.
  CALLER_AUTH_AUDIENCE: callerAuth == 'entra' ? '${audience},api://${audience}' : ''
  CALLER_AUTH_AUTHORITY: environment().authentication.loginEndpoint
  CALLER_AUTH_CALLER_OBJECT_IDS: callerAuth == 'entra' ? gatewayPrincipalId : ''
  CALLER_AUTH_OPERATOR_OBJECT_IDS: join(operatorObjectIds, ',')
  CALLER_AUTH_TENANT_ID: tenant().tenantId
  CAPTURE_POLICY: capturePolicy
  CAPTURE_RETENTION_DAYS: string(captureRetentionDays)
  CAPTURES_STORAGE__blobServiceUri: captureStorage.outputs.blobUri
  CAPTURES_STORAGE__clientId: identity.properties.clientId
  CAPTURES_STORAGE__credential: 'managedidentity'
  CAPTURES_STORAGE__queueServiceUri: captureStorage.outputs.queueUri
})

module app 'modules/app.bicep' = {
  params: {
    name: names.functionApp
    planName: names.plan
    location: region
    tags: allTags
    identityId: identity.id
    packageContainerUri: '${hostStorage.outputs.blobUri}${packageContainerName}'
    settings: appSettings
    alwaysReady: scale.?alwaysReady ?? [{ name: 'http', instanceCount: 1 }, { name: 'durable', instanceCount: 1 }]
    siteUpdateStrategy: siteUpdateStrategy
    instanceMemoryMB: scale.?instanceMemoryMB ?? 2048
    maximumInstanceCount: scale.?maximumInstanceCount ?? 100
    // `make bench`: 100 streams of 50 chunks a second take about half a core and 125 MB; an
    // instance of 2,048 MB has one core.
    httpConcurrency: scale.?httpConcurrency ?? 100
    zoneRedundant: scale.?zoneRedundant ?? false
    subnetId: newVirtualNetwork != null
      ? virtualNetwork!.outputs.functionAppSubnetId
      : existingVirtualNetwork.?functionAppSubnetId ?? ''
    allowedCallers: checkedCallers
  }
  dependsOn: [accessOfApp, accessOfGateway, accessToAccounts, privateEndpointsOfData]
}

// --- API Management, the API ---------------------------------------------------------------------

module functionKey 'modules/function-key.bicep' = if (callerAuth == 'function_key') {
  params: {
    vaultName: names.keyVault
    tags: allTags
    functionAppName: names.functionApp
  }
  dependsOn: [app, keyVault]
}

module privateEndpointsOfApp 'modules/private-endpoints.bicep' = if (private) {
  params: {
    prefix: names.privateEndpoints
    location: region
    tags: allTags
    subnetId: privateEndpointsSubnetId
    endpoints: appEndpoints
    zonesSubscriptionId: zonesSubscriptionId
    zonesResourceGroup: zonesResourceGroup
  }
  dependsOn: [app, functionKey, privateDns]
}

module api 'modules/api-management.bicep' = {
  scope: resourceGroup(
    existingApiManagement.?subscriptionId ?? here,
    existingApiManagement.?resourceGroup ?? resourceGroup().name
  )
  params: {
    serviceName: existingApiManagement.?name ?? names.apiManagement
    name: names.gateway
    functionAppHostName: app.outputs.hostName
    callerAuth: callerAuth
    audience: audience
    functionKeySecretUri: callerAuth == 'function_key' ? functionKey!.outputs.secretUri : ''
    applicationInsightsResourceId: ids.insights
    privateNetwork: private
    pathPrefix: apiManagement.?pathPrefix ?? ''
    teams: checkedTeams
    clientTokens: clientTokens
  }
  dependsOn: [accessOfGateway]
}

module apiOfTeams 'modules/api-management-teams.bicep' = if (!empty(teams)) {
  scope: resourceGroup(
    existingApiManagement.?subscriptionId ?? here,
    existingApiManagement.?resourceGroup ?? resourceGroup().name
  )
  params: {
    serviceName: existingApiManagement.?name ?? names.apiManagement
    name: names.gateway
    teams: checkedTeams
  }
  dependsOn: [api]
}

module teamKeys 'modules/team-keys.bicep' = if (!empty(teams)) {
  params: {
    vaultName: names.keyVault
    tags: allTags
    serviceId: ids.apiManagement
    subscriptionNames: teamNames
  }
  dependsOn: [keyVault, apiOfTeams]
}

module pool 'modules/api-management-pool.bicep' = if (pooled) {
  scope: resourceGroup(
    existingApiManagement.?subscriptionId ?? here,
    existingApiManagement.?resourceGroup ?? resourceGroup().name
  )
  params: {
    serviceName: existingApiManagement.?name ?? names.apiManagement
    name: names.gateway
    path: '${poolPath}/openai'
    appClientId: identity.properties.clientId
    members: [
      for (account, index) in openAi: {
        account: last(split(accounts[index].id, '/'))
        endpoint: account.kind == 'new'
          ? openAiAccounts[index]!.outputs.endpoint
          : existingAccounts[index]!.properties.endpoint
        region: account.kind == 'new' ? accounts[index].region : existingAccounts[index]!.location
        priority: account.?priority ?? 1
        weight: account.?weight ?? 1
      }
    ]
    circuitBreaker: circuitBreaker
  }
  dependsOn: [api, accessToAccounts]
}

// --- Alerts and workbook -------------------------------------------------------------------------

module actionGroup 'modules/action-group.bicep' = if (!empty(alerts.?emails ?? [])) {
  params: {
    name: names.actionGroup
    tags: allTags
    emails: alerts.?emails ?? []
  }
}

var actionGroupIds = concat(
  empty(alerts.?actionGroupId ?? '') ? [] : [alerts.actionGroupId!],
  empty(alerts.?emails ?? []) ? [] : [actionGroup!.outputs.resourceId]
)

module alertRules 'modules/alerts.bicep' = {
  params: {
    prefix: names.alerts
    location: region
    tags: allTags
    applicationInsightsId: insights.outputs.resourceId
    runbookUrl: runbookUrl
    actionGroupIds: actionGroupIds
  }
}

module platformAlerts 'modules/platform-alerts.bicep' = {
  params: {
    prefix: names.alerts
    location: region
    tags: allTags
    applicationInsightsId: ids.insights
    private: private
    functionAppHostName: app.outputs.hostName
    // A rule and its resource are in one subscription.
    eventHubsNamespaceId: split(ids.eventHubs, '/')[2] == here ? ids.eventHubs : null
    storageAccountIds: [ids.hostStorage, ids.captureStorage]
    openAiAccountIds: filter(map(accounts, account => account.id), id => split(id, '/')[2] == here)
    gatewayId: newApiManagement == null ? null : ids.apiManagement
    runbookUrl: runbookUrl
    actionGroupIds: actionGroupIds
  }
  dependsOn: [openAiAccounts]
}

module workbook 'modules/workbook.bicep' = {
  params: {
    displayName: 'fnsse ${environmentName}'
    location: region
    tags: allTags
    applicationInsightsId: ids.insights
  }
  dependsOn: [insights]
}

// --- Analysts ------------------------------------------------------------------------------------

module accessOfAnalyst 'modules/access.bicep' = if (withDataExplorer) {
  params: {
    assignments: [
      {
        principalId: analystObjectId
        principalType: analystType
        resourceId: '${ids.eventHubs}/eventhubs/${eventHub}'
        role: 'Azure Event Hubs Data Receiver'
        reason: 'Analysts may look at the events on the hub.'
      }
    ]
  }
  dependsOn: [eventHubsNamespace]
}

module cluster 'modules/data-explorer.bicep' = if (withDataExplorer) {
  params: {
    name: names.dataExplorer
    location: region
    tags: allTags
    options: dataExplorer
    hubResourceId: '${ids.eventHubs}/eventhubs/${eventHub}'
    consumerGroup: names.dataExplorer
    viewerObjectId: analystObjectId
    viewerType: analystType
    private: private
    hubLocation: newEventHubs != null ? region : existingNamespace!.location
  }
  dependsOn: [eventHubsNamespace]
}

module budgetAlert 'modules/budget-alert.bicep' = if (withDataExplorer && !empty(dataExplorer.?budgets ?? [])) {
  params: {
    prefix: names.alerts
    location: region
    tags: allTags
    workspaceId: ids.workspace
    clusterName: names.dataExplorer
    clusterUri: cluster!.outputs.uri
    databaseName: 'fnsse'
    budgets: private
      ? fail('dataExplorer.budgets asks the cluster from Azure Monitor, which does not reach it on a private network. Leave budgets out')
      : dataExplorer.?budgets ?? []
    actionGroupIds: actionGroupIds
    guideUrl: '${runbookUrl}/watch-cost.md'
  }
  dependsOn: [workspace]
}

module privateEndpointOfCluster 'modules/private-endpoints.bicep' = if (withDataExplorer && private) {
  params: {
    prefix: names.privateEndpoints
    location: region
    tags: allTags
    subnetId: privateEndpointsSubnetId
    endpoints: clusterEndpoints
    zonesSubscriptionId: zonesSubscriptionId
    zonesResourceGroup: zonesResourceGroup
  }
  dependsOn: [cluster, privateDns]
}

// --- Outputs -------------------------------------------------------------------------------------

@description('The azure_endpoint of an OpenAI SDK.')
output gatewayEndpoint string = api.outputs.endpoint

@description('The subscription of the first caller. API Management has its key.')
output subscriptionName string = '${names.gateway}-first'

@description('A model deployment to call first. Empty if every account exists.')
output modelDeployment string = first(flatten(map(
  openAi,
  account => map(account.?deployments ?? [], deployment => deployment.name)
))) ?? ''

@description('The function app: func azure functionapp publish.')
output functionAppName string = app.outputs.name

@description('Its host name.')
output functionAppHostName string = app.outputs.hostName

@description('The client id of the app\'s identity.')
output identityClientId string = identity.properties.clientId

@description('The Event Hubs namespace that a consumer connects to.')
output eventHubsNamespace string = split(split(eventHubsEndpoint, '//')[1], ':')[0]

@description('The hub of the events.')
output eventHubName string = eventHub

@description('The account of captures, envelopes and ledger.')
output captureStorageName string = names.captureStorage

@description('Application Insights, for az monitor app-insights query.')
output applicationInsightsName string = names.applicationInsights

@description('The Azure Data Explorer cluster: open it at https://dataexplorer.azure.com. Empty: there is none.')
output dataExplorerUri string = withDataExplorer ? cluster!.outputs.uri : ''
