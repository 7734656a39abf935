/** Filters that are one click away. */

/** @type {{name: string, terms: string, title: string}[]} */
export const PRESETS = [
  { name: "All", terms: "", title: "Every exchange" },
  {
    name: "Errors",
    terms: "outcome:!completed,client_disconnected",
    title: "What failed, whoever failed",
  },
  {
    name: "Disconnected",
    terms: "outcome:client_disconnected",
    title: "The client disconnected before the end",
  },
  { name: "Aborted", terms: "outcome:aborted", title: "The instance was killed" },
  { name: "Slow first token", terms: "ttft>1s", title: "More than a second to the first token" },
  { name: "Estimated usage", terms: "usage:estimated", title: "The upstream never reported usage" },
  {
    name: "Truncated",
    terms: "truncated:yes",
    title: "Too large for the Event Hub: the captures are whole",
  },
];

/** @type {Record<string, string[]>} */
const VALUES = {
  outcome: [
    "completed",
    "client_disconnected",
    "upstream_error",
    "upstream_interrupted",
    "timed_out",
    "rejected",
    "aborted",
  ],
  type: [
    "stream_completion",
    "completion",
    "embedding",
    "image",
    "audio",
    "batch",
    "call",
    "error",
  ],
  usage_source: ["upstream", "estimated", "none"],
};

/** Values that may follow a key's colon.
 * @param {string} name of a key, or an alias
 * @param {import("../types.js").About|null} about
 * @returns {string[]} */
function valuesOf(name, about) {
  const key = about?.keys?.find((known) => known.name === name || known.aliases.includes(name));
  if (key?.kind === "flag") return ["yes", "no"];
  if (key?.name === "deployment") return about?.deployments ?? [];
  return VALUES[key?.name ?? name] ?? [];
}

/** Completions of the word that is being typed: the whole term, and what it means.
 * @param {string} word
 * @param {import("../types.js").About|null} about
 * @returns {{text: string, hint: string}[]} */
export function completions(word, about) {
  const colon = word.indexOf(":");
  if (colon < 0) return keysLike(word, about?.keys ?? []);
  const key = word.slice(0, colon);
  const typed = word.slice(colon + 1);
  const sign = typed.startsWith("!") ? "!" : "";
  const before = typed.slice(sign.length).split(",");
  const last = before.pop() ?? "";
  return valuesOf(key, about)
    .filter((value) => value.startsWith(last) && value !== last && !before.includes(value))
    .map((value) => ({ text: `${key}:${sign}${[...before, value].join(",")}`, hint: "" }));
}

/** @param {string} word
 * @param {import("../types.js").Key[]} keys */
function keysLike(word, keys) {
  if (!/^[a-z_]*$/.test(word)) return [];
  return keys
    .map((key) => ({ key, name: [key.name, ...key.aliases].find((name) => name.startsWith(word)) }))
    .filter(({ name }) => name !== undefined)
    .map(({ key, name }) => ({
      text: name + (key.kind === "text" || key.kind === "flag" ? ":" : ">"),
      hint: key.meaning,
    }));
}
