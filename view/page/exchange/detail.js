/** The exchange that is open, and what is loaded of it. */
import { effect, signal } from "@preact/signals";
import { openId } from "../address.js";
import * as api from "../api.js";

/** @typedef {{id: string, exchange?: import("../types.js").Exchange, problem?: string}} Detail */
/**
 * @typedef {{id: string, capture?: import("../types.js").Capture, problem?: string}} LoadedCapture
 */

/** @type {import("@preact/signals").Signal<Detail|null>} */
export const detail = signal(null);
/** @type {import("@preact/signals").Signal<LoadedCapture|null>} */
export const loadedCapture = signal(null);

/** @param {string} id */
async function load(id) {
  /** @type {Detail} */
  let loaded;
  try {
    loaded = { id, exchange: await api.exchange(id) };
  } catch (error) {
    const { status, message } = /** @type {api.ApiError} */ (error);
    loaded = {
      id,
      problem:
        status === 404
          ? "This exchange is not in the store. Its event may still be on its way."
          : message,
    };
  }
  if (openId.peek() === id) detail.value = loaded;
}

/** @param {string} id */
export async function loadCapture(id) {
  if (loadedCapture.peek()?.id === id) return;
  /** @type {LoadedCapture} */
  let loaded;
  try {
    loaded = { id, capture: await api.capture(id) };
  } catch (error) {
    loaded = { id, problem: /** @type {Error} */ (error).message };
  }
  if (openId.peek() === id) loadedCapture.value = loaded;
}

/** Load what opens, from now on. The last exchange stays in view until the next one is there. */
export function follow() {
  effect(() => {
    const id = openId.value;
    if (id === null) detail.value = null;
    else if (detail.peek()?.id !== id) load(id);
  });
}
