/** The calls of `/api`. Addresses are relative, so the page works under any path. */

/**
 * An answer that is not a success. `at` is the place in the filter line that is wrong, if it is.
 */
export class ApiError extends Error {
  /** @param {number} status
   * @param {string} message
   * @param {number|null} at */
  constructor(status, message, at = null) {
    super(message);
    this.status = status;
    this.at = at;
  }
}

/** @param {Response} response */
async function failure(response) {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new ApiError(response.status, error.message, error.at ?? null);
  } catch {
    return new ApiError(response.status, text.slice(0, 300) || `HTTP ${response.status}`);
  }
}

/** @param {string} path
 * @param {RequestInit} [init] */
async function call(path, init) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw new ApiError(0, "The page's server does not answer.");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** @param {string} path
 * @param {Record<string, string|number|null|undefined>} [query]
 * @param {AbortSignal} [signal] */
async function get(path, query = {}, signal = undefined) {
  const defined = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const text = new URLSearchParams(defined.map(([key, value]) => [key, String(value)])).toString();
  const response = await call(text ? `${path}?${text}` : path, { signal });
  return response.json();
}

/** @param {string} path
 * @param {object} body
 * @param {AbortSignal} [signal] */
function post(path, body, signal) {
  return call(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-fnsse-view": "1" },
    body: JSON.stringify(body),
    signal,
  });
}

/** @returns {Promise<import("./types.js").About>} */
export const about = () => get("api/about");

/** @param {string} q
 * @param {string|null} before
 * @param {number} limit
 * @param {AbortSignal} [signal]
 * @returns {Promise<{rows: import("./types.js").Row[], total: number, next: string|null}>} */
export const exchanges = (q, before, limit, signal) =>
  get("api/exchanges", { q, before, limit }, signal);

/** @param {string} id
 * @returns {Promise<import("./types.js").Exchange>} */
export const exchange = (id) => get(`api/exchanges/${encodeURIComponent(id)}`);

/** @param {string} id
 * @returns {Promise<import("./types.js").Capture>} */
export const capture = (id) => get(`api/exchanges/${encodeURIComponent(id)}/capture`);

/** @param {string} q
 * @param {number} minutes */
export const charts = (q, minutes) => get("api/charts", { q, minutes });

/** @param {"status"|"reports"|"dead-letters"} name */
export const ops = (name) => get(`api/ops/${name}`);

/** How far a run is that the page began.
 * @param {string} id */
export const run = (id) => get(`api/ops/runs/${encodeURIComponent(id)}`);

/** @param {"requeue"|"replay"|"erase"|"reconcile"} action
 * @param {object} body */
export const operate = (action, body) => post(`api/ops/${action}`, body);

/** The proxy's answer, as it comes.
 * @param {object} body
 * @param {AbortSignal} signal */
export async function playground(body, signal) {
  try {
    return await fetch("api/playground", {
      method: "POST",
      headers: { "content-type": "application/json", "x-fnsse-view": "1" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "The connection broke.");
  }
}

/** @param {string} q */
export const live = (q) => new EventSource(q ? `api/live?q=${encodeURIComponent(q)}` : "api/live");
