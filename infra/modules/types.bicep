// The types of main.bicep's parameters.

@export()
@description('Tags of all resources.')
type tagsType = {
  @description('Optional. A tag.')
  *: string
}

@export()
@description('How often, and where, a storage account keeps its data: in one datacenter, in three zones, or in a second region as well.')
type storageSkuType = 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS'

@export()
@description('Blobs of a container are deleted some days after they were last written to.')
type expiryType = {
  @description('Required. The container.')
  container: string

  @description('Required. The days.')
  @minValue(1)
  days: int
}

@export()
@description('A container whose blobs nobody can alter or delete for a time.')
type immutableType = {
  @description('Required. The container.')
  container: string

  @description('Required. The days, from the creation of a blob, or of a version of it.')
  @minValue(1)
  days: int
}

@export()
@description('Who may upload a content policy.')
type authorType = {
  @description('Required. The object id.')
  objectId: string

  @description('Optional. Its type. Default: User.')
  kind: ('User' | 'Group' | 'ServicePrincipal')?
}

@export()
@description('A role of an identity on one resource.')
type assignmentType = {
  @description('Required. The object id of the identity. It stands in the name of the assignment.')
  principalId: string

  @description('Optional. Its type. Default: ServicePrincipal, which managed identities are.')
  principalType: ('ServicePrincipal' | 'User' | 'Group')?

  @description('Required. The resource.')
  resourceId: string

  @description('Required. The role.')
  role: string

  @description('Required. What it is for.')
  reason: string
}

@export()
@description('A private endpoint of one service of one resource.')
type privateEndpointType = {
  @description('Required. The end of its name.')
  name: string

  @description('Required. The resource.')
  resourceId: string

  @description('Required. The service: blob, queue, table, namespace, account, sites, vault.')
  groupId: string

  @description('Required. The private DNS zones that its names are in.')
  zones: string[]
}

@description('A new API Management service.')
type newApiManagementType = {
  @description('Required. A new service.')
  kind: 'new'

  @description('Required. Its tier. With the private network StandardV2 or PremiumV2: BasicV2 cannot reach one.')
  sku: 'BasicV2' | 'StandardV2' | 'PremiumV2'

  @description('Required. The address to which Azure writes about the service.')
  publisherEmail: string

  @description('Required. The name that developers see.')
  publisherName: string

  @description('Optional. First segments of the API\'s path: `ai` makes it /ai/openai. Default: none.')
  pathPrefix: string?
}

@description('An existing API Management service with a system-assigned identity.')
type existingApiManagementType = {
  @description('Required. An existing service.')
  kind: 'existing'

  @description('Optional. First segments of the API\'s path, if /openai is taken: `ai` makes it /ai/openai. Default: none.')
  pathPrefix: string?

  @description('Required. Its name.')
  name: string

  @description('Required. Its resource group.')
  resourceGroup: string

  @description('Optional. Its subscription. Default: that of the deployment.')
  subscriptionId: string?
}

@export()
@description('The gateway in front of the app.')
@discriminator('kind')
type apiManagementType = newApiManagementType | existingApiManagementType

@export()
@description('A model that a new Azure OpenAI account serves.')
type modelDeploymentType = {
  @description('Required. The name that callers use.')
  name: string

  @description('Required. The model, such as gpt-5.4-mini.')
  model: string

  @description('Required. Its version, such as 2026-03-17.')
  version: string

  @description('Required. How it is sold, such as GlobalStandard.')
  sku: string

  @description('Required. Its quota, in thousands of tokens a minute.')
  @minValue(1)
  capacity: int
}

@description('A new Azure OpenAI account.')
type newOpenAiType = {
  @description('Required. A new account.')
  kind: 'new'

  @description('Required. The models that it serves. Accounts of a pool serve deployments of the same names.')
  deployments: modelDeploymentType[]

  @description('Optional. Its region. Default: that of the deployment.')
  region: string?

  @description('Optional. The end of its name, to distinguish several new accounts: ptu, france. Default: none.')
  @maxLength(20)
  suffix: string?

  @description('Optional. Its priority among several accounts: 1 is called before 2. Default: 1.')
  @minValue(1)
  @maxValue(100)
  priority: int?

  @description('Optional. Its share of the calls among those of its priority. Default: 1.')
  @minValue(1)
  @maxValue(100)
  weight: int?
}

@description('An existing Azure OpenAI account, with a custom subdomain, which identities need.')
type existingOpenAiType = {
  @description('Required. An existing account.')
  kind: 'existing'

  @description('Required. Its name.')
  name: string

  @description('Required. Its resource group.')
  resourceGroup: string

  @description('Optional. Its subscription. Default: that of the deployment.')
  subscriptionId: string?

  @description('Optional. Whether the private network gets an endpoint for it. false if the network reaches it already.')
  privateEndpoint: bool?

  @description('Optional. Its priority among several accounts: 1 is called before 2. Default: 1.')
  @minValue(1)
  @maxValue(100)
  priority: int?

  @description('Optional. Its share of the calls among those of its priority. Default: 1.')
  @minValue(1)
  @maxValue(100)
  weight: int?
}

@export()
@description('An account of the upstream. The app calls several accounts through a backend pool of API Management.')
@discriminator('kind')
type openAiType = newOpenAiType | existingOpenAiType

@export()
@description('An account of the pool, as the module of the pool takes it.')
type poolMemberType = {
  @description('Required. The name of the account, which events have.')
  account: string

  @description('Required. Its address, with a slash at the end.')
  endpoint: string

  @description('Required. Its region, which events have.')
  region: string

  @description('Required. Its priority: 1 is called before 2.')
  priority: int

  @description('Required. Its share of the calls among those of its priority.')
  weight: int
}

@export()
@description('A team that calls the API: it has a product, a subscription and limits of its own.')
type teamType = {
  @description('Required. Its name, of lower-case letters, digits and hyphens: caller.team of its events.')
  @minLength(1)
  @maxLength(20)
  name: string

  @description('Optional. Tokens a minute, of prompts and answers together; beyond them 429. Default: no limit.')
  @minValue(1)
  tokensPerMinute: int?

  @description('Optional. Tokens a calendar month (UTC); beyond them 403. Default: no limit.')
  @minValue(1)
  monthlyTokens: int?

  @description('Optional. Client ids of its applications that call with an Entra token instead of the key. They need clientTokens. Default: none.')
  applicationIds: string[]?
}

@export()
@description('The claims that an Entra token of a team\'s application must have, in addition to the application\'s id and the tenant of the deployment.')
type clientTokensType = {
  @description('Required. The audience: the application id URI, or the client id, of the app registration that stands for the API.')
  audience: string

  @description('Optional. The application\'s app role there. Default: OpenAI.Call.')
  role: string?
}

@export()
@description('When the pool stops calling an account that answers 429 or 5xx.')
type circuitBreakerType = {
  @description('Optional. After so many such responses within a minute. Default: 1; with a higher number the retry of a call may go to the same account.')
  @minValue(1)
  failures: int?

  @description('Optional. For so many seconds, if the response has no Retry-After. Default: 10.')
  @minValue(1)
  @maxValue(3600)
  seconds: int?
}

@export()
@description('Event Hubs Capture: a copy of the events as Avro files in the account of captures.')
type eventHubsCaptureType = {
  @description('Required. A file is closed after so many seconds.')
  @minValue(60)
  @maxValue(900)
  intervalInSeconds: int

  @description('Required. A file is closed after so many bytes.')
  @minValue(10485760)
  @maxValue(524288000)
  sizeLimitInBytes: int

  @description('Optional. How long the files are kept, in days. Default: as long as captures.')
  @minValue(1)
  retentionDays: int?
}

@export()
@description('A new Event Hubs namespace with one hub.')
type newEventHubsType = {
  @description('Required. A new namespace.')
  kind: 'new'

  @description('Optional. Its tier. Default: Standard. Basic has events of at most 256 KB, a retention of one day, one consumer group, and no private network.')
  sku: ('Basic' | 'Standard' | 'Premium')?

  @description('Optional. The hub. Default: openai-logs.')
  eventHub: string?

  @description('Optional. Throughput or processing units to begin with. Default: 1. One throughput unit takes 1 MB or 1,000 events a second.')
  capacity: int?

  @description('Optional. Throughput units that Standard may inflate to. Default: 10.')
  @maxValue(40)
  maximumThroughputUnits: int?

  @description('Optional. Default: 4. Standard cannot change it later.')
  @minValue(1)
  @maxValue(32)
  partitions: int?

  @description('Optional. How long events are kept. Default: 24 on Basic, otherwise 168.')
  @minValue(1)
  @maxValue(2160)
  retentionHours: int?

  @description('Optional. One for each reader. Default: none but $Default.')
  consumerGroups: string[]?

  @description('Optional. Default: no Event Hubs Capture.')
  capture: eventHubsCaptureType?
}

@description('A hub of an existing Event Hubs namespace.')
type existingEventHubsType = {
  @description('Required. An existing namespace.')
  kind: 'existing'

  @description('Required. Its name.')
  name: string

  @description('Required. Its resource group.')
  resourceGroup: string

  @description('Optional. Its subscription. Default: that of the deployment.')
  subscriptionId: string?

  @description('Required. The hub.')
  eventHub: string

  @description('Optional. Whether the private network gets an endpoint for it. false if the network reaches it already.')
  privateEndpoint: bool?
}

@export()
@description('Where the events go.')
@discriminator('kind')
type eventHubsType = newEventHubsType | existingEventHubsType

@description('Public addresses, for callers that Entra ID authenticates.')
type noNetworkType = {
  @description('Required. No network of its own.')
  kind: 'none'
}

@description('A new virtual network.')
type newVirtualNetworkType = {
  @description('Required. A new network.')
  kind: 'new'

  @description('Required. Its address range: a /24 or larger.')
  addressPrefix: string
}

@description('An existing virtual network with its subnets.')
type existingVirtualNetworkType = {
  @description('Required. An existing network.')
  kind: 'existing'

  @description('Required. For the app: a /27 or larger of its own, delegated to Microsoft.App/environments.')
  functionAppSubnetId: string

  @description('Required. For the private endpoints.')
  privateEndpointsSubnetId: string

  @description('Optional. For a new API Management service: of its own, delegated to Microsoft.Web/serverFarms, with a security group.')
  apiManagementSubnetId: string?
}

@export()
@description('The network of the app and the private endpoints.')
@discriminator('kind')
type virtualNetworkType = newVirtualNetworkType | existingVirtualNetworkType

@description('New private DNS zones, linked to the network.')
type newDnsType = {
  @description('Required. New zones.')
  kind: 'new'
}

@description('Existing private DNS zones of their usual names, linked to the network.')
type existingDnsType = {
  @description('Required. Existing zones.')
  kind: 'existing'

  @description('Required. Their resource group.')
  resourceGroup: string

  @description('Optional. Their subscription. Default: that of the deployment.')
  subscriptionId: string?
}

@description('No zones: the network\'s owner makes the records, by Azure Policy for example.')
type noDnsType = {
  @description('Required. No zones.')
  kind: 'none'
}

@export()
@description('How the names of private endpoints are resolved.')
@discriminator('kind')
type dnsType = newDnsType | existingDnsType | noDnsType

@description('Private endpoints, and no public access.')
type privateNetworkType = {
  @description('Required. A private network.')
  kind: 'private'

  @description('Required. The network.')
  virtualNetwork: virtualNetworkType

  @description('Optional. Default: new zones.')
  dns: dnsType?
}

@export()
@description('Whether the app and its resources have public addresses.')
@discriminator('kind')
type networkType = noNetworkType | privateNetworkType

@description('A new Log Analytics workspace.')
type newLogAnalyticsType = {
  @description('Required. A new workspace.')
  kind: 'new'

  @description('Optional. How long logs are kept, in days. Default: 30.')
  @minValue(30)
  @maxValue(730)
  retentionDays: int?

  @description('Optional. At most so many GB a day. Default: no limit.')
  @minValue(1)
  dailyQuotaGb: int?
}

@description('An existing Log Analytics workspace.')
type existingLogAnalyticsType = {
  @description('Required. An existing workspace.')
  kind: 'existing'

  @description('Required. Its name.')
  name: string

  @description('Required. Its resource group.')
  resourceGroup: string

  @description('Optional. Its subscription. Default: that of the deployment.')
  subscriptionId: string?
}

@export()
@description('Where logs are kept.')
@discriminator('kind')
type logAnalyticsType = newLogAnalyticsType | existingLogAnalyticsType

@export()
@description('Always-ready instances.')
type alwaysReadyType = {
  @description('Required. http, durable, or function:NAME for a function that scales separately: function:enrichment.')
  name: string

  @description('Required. How many.')
  @minValue(0)
  instanceCount: int
}

@export()
@description('How the app scales. Flex Consumption scales http, enrichment and durable separately.')
type scaleType = {
  @description('Optional. Default: one for http, so that no call waits for a cold start, and one for durable, so that reconcile runs on time.')
  alwaysReady: alwaysReadyType[]?

  @description('Optional. Default: 2048.')
  instanceMemoryMB: (512 | 2048 | 4096)?

  @description('Optional. Default: 100.')
  @minValue(40)
  @maxValue(1000)
  maximumInstanceCount: int?

  @description('Optional. Instances in several zones. Azure then keeps at least two always ready. Default: false.')
  zoneRedundant: bool?

  @description('Optional. Calls that an instance handles at once. Default: 100, from a measurement (main.bicep).')
  @minValue(1)
  @maxValue(1000)
  httpConcurrency: int?
}

@export()
@description('Who is notified of alerts, and when.')
type alertsType = {
  @description('Optional. The resource id of an existing action group.')
  actionGroupId: string?

  @description('Optional. Addresses to write to; they become a new action group.')
  emails: string[]?
}

@export()
@description('Settings of the app that differ from their defaults (docs/reference/settings.md). All are text.')
@sealed()
type settingsType = {
  @description('Optional. Scope of the managed identity\'s token.')
  AZURE_OPENAI_SCOPE: string?

  @description('Optional. For calls that name no api-version.')
  AZURE_OPENAI_API_VERSION: string?

  @description('Optional. Limit for connecting to the upstream.')
  UPSTREAM_CONNECT_TIMEOUT_S: string?

  @description('Optional. Limit for writing each piece of a request body.')
  UPSTREAM_WRITE_TIMEOUT_S: string?

  @description('Optional. Longest silence of the upstream.')
  UPSTREAM_READ_TIMEOUT_S: string?

  @description('Optional. Connections of one worker to the upstream.')
  UPSTREAM_MAX_CONNECTIONS: string?

  @description('Optional. Longest exchange.')
  EXCHANGE_TIMEOUT_S: string?

  @description('Optional. Larger bodies are answered 413.')
  MAX_REQUEST_BODY_MB: string?

  @description('Optional. How long the end of a chunked response waits for its recording.')
  RECORDING_WAIT_MS: string?

  @description('Optional. Memory for captures that wait for storage.')
  CAPTURE_MEMORY_MB: string?

  @description('Optional. Memory for request bodies until the upstream answers; beyond it large ones are answered 503.')
  REQUEST_MEMORY_MB: string?

  @description('Optional. Ask for usage in streams on the caller\'s behalf.')
  ASK_FOR_USAGE: string?

  @description('Optional. End a broken stream with an error frame.')
  ERROR_FRAMES: string?

  @description('Optional. Silence after which a stream gets a comment.')
  KEEP_ALIVE_S: string?

  @description('Optional. Answer a stream with 200 if its headers have not come by then.')
  EARLY_RESPONSE_AFTER_S: string?

  @description('Optional. Answer a call for JSON with 200 and white space if its headers have not come by then. Below 230 it lets responses take longer than the front end of Azure Functions waits.')
  EARLY_JSON_RESPONSE_AFTER_S: string?

  @description('Optional. How long to read the upstream after the client has disconnected.')
  DRAIN_AFTER_DISCONNECT_S: string?

  @description('Optional. How much to read then at most.')
  DRAIN_AFTER_DISCONNECT_KB: string?

  @description('Optional. How much of prompts and answers is recorded: full, redacted or metadata.')
  CONTENT_MODE: string?

  @description('Optional. Content modes by caller and deployment: as JSON, or the name of a blob that holds it, policies/content.json.')
  CONTENT_POLICY: string?

  @description('Optional. For Presidio, if it is deployed with the app: a spaCy model for each language, en=en_core_web_lg.')
  PRESIDIO_MODELS: string?

  @description('Optional. How long Presidio may take for one event.')
  PRESIDIO_TIMEOUT_S: string?

  @description('Optional. Request headers to copy into events.')
  EVENT_REQUEST_HEADERS: string?

  @description('Optional. Type, data zone and model of deployments, as JSON: {"gpt-4o": {"sku": "GlobalStandard"}}. Its cost depends on them. Default: those of the deployments of the templates.')
  DEPLOYMENTS: string?

  @description('Optional. Give every event a cost, by the rates that are deployed with the app.')
  EVENT_COST: string?

  @description('Optional. Seconds until the first poll of a background response. 0: never.')
  FOLLOW_BACKGROUND_AFTER_S: string?

  @description('Optional. When the app polls the background responses that are due.')
  FOLLOW_SCHEDULE: string?

  @description('Optional. When completeness is checked.')
  RECONCILE_SCHEDULE: string?

  @description('Optional. How far back completeness is checked.')
  RECONCILE_LOOK_BACK_H: string?

  @description('Optional. How long after its end an exchange may be undelivered before it counts as missing.')
  RECONCILE_GRACE_S: string?

  @description('Optional. Address of an OpenTelemetry collector, for spans and metrics.')
  OTEL_EXPORTER_OTLP_ENDPOINT: string?

  @description('Optional. Another address for spans, or the only one.')
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string?

  @description('Optional. Another address for metrics, or the only one.')
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: string?

  @description('Optional. Another address for events, or the only one.')
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: string?

  @description('Optional. Headers for the collector, such as a reference to a key in Key Vault.')
  OTEL_EXPORTER_OTLP_HEADERS: string?

  @description('Optional. The protocol of the collector.')
  OTEL_EXPORTER_OTLP_PROTOCOL: string?

  @description('Optional. Which traces are exported.')
  OTEL_TRACES_SAMPLER: string?

  @description('Optional. Export nothing.')
  OTEL_SDK_DISABLED: string?

  @description('Optional. Whether the collector gets prompts and answers, on spans or in events.')
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: string?

  @description('Optional. Members of the caller that become attributes of spans and metrics.')
  TELEMETRY_CALLER_ATTRIBUTES: string?

  @description('Optional. Also export metrics by their former names.')
  TELEMETRY_OLD_METRIC_NAMES: string?
}

@export()
@description('The Azure Data Explorer cluster of `analytics` adx.')
type dataExplorerType = {
  @description('Optional. Its size. Default: Dev(No SLA)_Standard_E2a_v4, one instance without a service level agreement.')
  sku: string?

  @description('Optional. Instances of a size other than Dev. Default: 2.')
  @minValue(2)
  instances: int?

  @description('Optional. How long it keeps events, in days. Default: 90.')
  @minValue(1)
  @maxValue(36500)
  retentionDays: int?

  @description('Optional. How many of these days are on fast disks. Default: 31.')
  @minValue(0)
  hotDays: int?

  @description('Optional. Budgets of teams for a month, at list prices; an alert follows beyond them. Default: none.')
  budgets: budgetType[]?
}

@export()
@description('The budget of a team.')
type budgetType = {
  @description('Required. The team, as callers are named in the events; *: all of them together.')
  team: string

  @description('Required. The amount in a calendar month, in the currency of the rates.')
  @minValue(1)
  amount: int
}
