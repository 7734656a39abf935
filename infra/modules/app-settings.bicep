metadata description = 'What the app takes for granted where a setting is left out, written out so that the portal shows what can be changed.'

@export()
@description('The defaults of shared/settings/settings.py; a test compares them.')
var defaultSettings = {
  AZURE_OPENAI_SCOPE: 'https://cognitiveservices.azure.com/.default'
  AZURE_OPENAI_API_VERSION: ''
  UPSTREAM_CONNECT_TIMEOUT_S: '10'
  UPSTREAM_WRITE_TIMEOUT_S: '60'
  UPSTREAM_READ_TIMEOUT_S: '600'
  UPSTREAM_MAX_CONNECTIONS: '1000'
  EXCHANGE_TIMEOUT_S: '1500'
  MAX_REQUEST_BODY_MB: '100'
  RECORDING_WAIT_MS: '200'
  CONTENT_MODE: 'full'
  CAPTURE_MEMORY_MB: '256'
  REQUEST_MEMORY_MB: '256'
  ASK_FOR_USAGE: 'true'
  ERROR_FRAMES: 'true'
  KEEP_ALIVE_S: '15'
  EARLY_RESPONSE_AFTER_S: '100'
  DRAIN_AFTER_DISCONNECT_S: '0'
  DRAIN_AFTER_DISCONNECT_KB: '256'
  EVENT_REQUEST_HEADERS: ''
  DEPLOYMENTS: ''
  RECONCILE_SCHEDULE: '0 */10 * * * *'
  RECONCILE_LOOK_BACK_H: '48'
  RECONCILE_GRACE_S: '120'
}
