// The gateway's log of calls, for each API that prompts pass through.

@export()
@description('No body, no header, no query: bodies hold prompts and answers, headers and query may hold keys.')
var nothingLogged = {
  request: {
    headers: []
    body: { bytes: 0 }
    dataMasking: {
      queryParams: [{ value: '*', mode: 'Hide' }]
    }
  }
  response: {
    headers: []
    body: { bytes: 0 }
  }
}
