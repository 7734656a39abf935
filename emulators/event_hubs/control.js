/**
 * The HTTP control port: GET /health, GET /stats, and PUT /behaviour with
 * {"mode": "accept" | "reject" | "stall" | "unreachable"}.
 *
 * Behaviour may also hold `"unwanted": {"text": "…", "condition": "amqp:not-allowed"}`, which
 * rejects publications that contain the text.
 */

import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import { MODES } from "./namespace.js";

const NAMES_OF_MODES = MODES.map((mode) => `"${mode}"`).join(", ");

/** @param {import("./namespace.js").Namespace} namespace */
export function controlServer(namespace) {
  /** @type {Record<string, (request: import("node:http").IncomingMessage) =>
   *   [number, object] | Promise<[number, object]>>} */
  const routes = {
    "GET /health": () => [200, { status: "ready" }],
    "GET /stats": () => [200, namespace.statistics()],
    "PUT /behaviour": (request) => changeBehaviour(namespace, request),
  };
  return createServer(async (request, response) => {
    const route = routes[`${request.method} ${request.url}`];
    const [status, body] = route ? await route(request) : [404, { error: "no such route" }];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
}

/**
 * @param {import("./namespace.js").Namespace} namespace
 * @param {import("node:http").IncomingMessage} request
 * @returns {Promise<[number, object]>}
 */
async function changeBehaviour(namespace, request) {
  /** @type {any} */
  const behaviour = await json(request).catch(() => undefined);
  if (!isBehaviour(behaviour)) {
    return [400, { error: `send {"mode": …} with one of ${NAMES_OF_MODES}` }];
  }
  namespace.setMode(behaviour.mode, behaviour.unwanted ?? undefined);
  return [200, { mode: behaviour.mode }];
}

/** @param {any} value parsed JSON, or undefined */
function isBehaviour(value) {
  return MODES.includes(value?.mode) && isUnwanted(value.unwanted ?? undefined);
}

/** @param {any} value parsed JSON, or undefined */
function isUnwanted(value) {
  return (
    value === undefined || (typeof value.text === "string" && typeof value.condition === "string")
  );
}
