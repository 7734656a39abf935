/** The responses of the operators' routes, requested while the view is visible. */
import { effect, signal } from "@preact/signals";
import { view } from "../address.js";
import * as api from "../api.js";

const REFRESH_MS = 5_000;

/** @typedef {{value: any} | {problem: string}} Answer */

/**
 * @type {import("@preact/signals").Signal<Record<"status"|"reports"|"dead-letters", Answer>|null>}
 */
export const health = signal(null);

/** @param {"status"|"reports"|"dead-letters"} name
 * @returns {Promise<Answer>} */
async function answer(name) {
  try {
    return { value: await api.ops(name) };
  } catch (error) {
    const { status, message } = /** @type {api.ApiError} */ (error);
    return {
      problem:
        status === 404
          ? "Not available: this app does not have the route yet."
          : `Not available: ${message}`,
    };
  }
}

export async function load() {
  const [status, reports, deadLetters] = await Promise.all([
    answer("status"),
    answer("reports"),
    answer("dead-letters"),
  ]);
  health.value = { status, reports, "dead-letters": deadLetters };
}

export function follow() {
  effect(() => {
    if (view.value !== "health") return undefined;
    load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  });
}
