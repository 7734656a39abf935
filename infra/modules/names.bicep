// All names of the deployment.

@export()
@description('The queues of the account of captures. The app names them in shared/core/records/queue/envelope_message.py and follow_up.py; a test compares.')
var queueNames = ['envelopes', 'envelopes-poison', 'follow-ups']

@export()
@description('The containers of the account of captures. The app names the first two in shared/core/records, the setting CONTENT_POLICY the third; a test compares.')
var containerNames = {
  captures: 'captures'
  ledger: 'ledger'
  policies: 'policies'
}

@export()
@description('The container of the host\'s account that holds the app\'s package.')
var packageContainerName = 'app-package'

@export()
@description('The container of Event Hubs Capture, in the account of captures.')
var eventHubsCaptureContainerName = 'event-hubs-capture'

@export()
@description('The secret that holds the function key for API Management.')
var functionKeySecretName = 'functions-host-key'

@export()
@description('The names of a deployment\'s resources.')
type namesType = {
  @description('Required. The function app.')
  functionApp: string

  @description('Required. Its Flex Consumption plan.')
  plan: string

  @description('Required. The app\'s identity.')
  identity: string

  @description('Required. The identity of Event Hubs Capture.')
  captureIdentity: string

  @description('Required. The storage account of the Functions host and of Durable.')
  hostStorage: string

  @description('Required. The storage account of captures, envelopes and ledger.')
  captureStorage: string

  @description('Required. The Event Hubs namespace.')
  eventHubs: string

  @description('Required. The Azure OpenAI account, and its subdomain.')
  openAi: string

  @description('Required. The API Management service.')
  apiManagement: string

  @description('Required. The prefix of the environment\'s resources on an API Management service; each environment has its own, because several may share a service.')
  gateway: string

  @description('Required. The Azure Data Explorer cluster.')
  dataExplorer: string

  @description('Required. The vault of the function key.')
  keyVault: string

  @description('Required. The Log Analytics workspace.')
  logAnalytics: string

  @description('Required. Application Insights.')
  applicationInsights: string

  @description('Required. The action group that is notified of alerts.')
  actionGroup: string

  @description('Required. The prefix of alert names.')
  alerts: string

  @description('Required. The virtual network.')
  virtualNetwork: string

  @description('Required. The prefix of private endpoints.')
  privateEndpoints: string
}

@description('The characters that all resources\' names may have: lower-case letters, digits, and single hyphens between them.')
func plainNameOf(environmentName string) string =>
  join(
    filter(
      split(
        take(
          reduce(
            ['_', '.', '(', ')', ' '],
            toLower(environmentName),
            (name, character) => replace(string(name), string(character), '-')
          ),
          20
        ),
        '-'
      ),
      part => !empty(part)
    ),
    '-'
  )

@export()
@description('The names of an environment; `token` makes names unique in all of Azure where that is required.')
func namesOf(environmentName string, token string) namesType =>
  namesOfPlain(empty(plainNameOf(environmentName)) ? 'fnsse' : plainNameOf(environmentName), token)

func namesOfPlain(name string, token string) namesType => {
  functionApp: 'func-${name}-${token}'
  plan: 'plan-${name}'
  identity: 'id-${name}'
  captureIdentity: 'id-${name}-capture'
  hostStorage: 'sthost${token}'
  captureStorage: 'stcapt${token}'
  eventHubs: 'evhns-${name}-${token}'
  openAi: 'oai-${name}-${token}'
  apiManagement: 'apim-${name}-${token}'
  gateway: 'fnsse-${name}-${take(token, 5)}'
  dataExplorer: 'adx${token}'
  keyVault: 'kv-${token}'
  logAnalytics: 'log-${name}'
  applicationInsights: 'appi-${name}'
  actionGroup: 'ag-${name}'
  alerts: 'alert-${name}'
  virtualNetwork: 'vnet-${name}'
  privateEndpoints: 'pep-${name}'
}
