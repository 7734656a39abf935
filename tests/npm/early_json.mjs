// Calls without a stream, as an application makes them. Writes the result of each call as a line
// of JSON.
// Arguments: the relay's address, the stand-in's directives.
import { AzureOpenAI } from "openai";

const [endpoint, directives] = process.argv.slice(2);
const client = new AzureOpenAI({
  endpoint,
  apiKey: "callers",
  apiVersion: "2025-04-01-preview",
  maxRetries: 0,
  defaultHeaders: { "x-stand-in": directives },
});

const calls = {
  chat: () =>
    client.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "a" }] }),
  responses: () => client.responses.create({ model: "gpt-4o", input: "a" }),
  embeddings: () => client.embeddings.create({ model: "text-embedding-3-small", input: "a" }),
};

for (const [name, call] of Object.entries(calls)) {
  const { data, response } = await call().withResponse();
  console.log(JSON.stringify({ name, status: response.status, data }));
}
