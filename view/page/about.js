/** The server's description of itself, read once. */
import { signal } from "@preact/signals";
import * as api from "./api.js";

/** @type {import("@preact/signals").Signal<import("./types.js").About|null>} */
export const about = signal(null);

export async function load() {
  try {
    about.value = await api.about();
  } catch {
    about.value = null; // the table says that the server does not answer
  }
}
