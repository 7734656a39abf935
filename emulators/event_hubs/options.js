/** The command line of the emulator. */

import { parseArgs } from "node:util";

const CONNECTION_STRING =
  "Endpoint=sb://127.0.0.1:PORT;SharedAccessKeyName=RootManageSharedAccessKey;" +
  "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;";

export const USAGE = `usage: node emulators/event_hubs/main.js [options]

Event Hubs emulator for the azure-eventhub SDK. Events are kept in memory only.

  --port PORT           AMQP port (default 5672; 0: any free one)
  --control-port PORT   HTTP control port (default 5673; 0: any free one)
  --hub NAME            a hub to serve, repeatable (default openai-logs)
  --partitions N        partitions per hub, 1 to 32 (default 4)
  --retention-mb N      newest MB of events that each partition keeps (default 32, at least 2)
  --idle-timeout S      close connections silent for S seconds (default 240)
  --help                show this text

Connection string: ${CONNECTION_STRING}
(the port may be omitted if it is 5672)
`;

/**
 * @typedef {{ help: boolean, hubs: string[], port: number, "control-port": number,
 *   partitions: number, "retention-mb": number, "idle-timeout": number }} Options
 */

/** The command line is wrong; the message names the option. */
export class UsageError extends Error {}

const NUMBERS = {
  port: { fallback: 5672, least: 0, most: 65_535 },
  "control-port": { fallback: 5673, least: 0, most: 65_535 },
  // as in Azure
  partitions: { fallback: 4, least: 1, most: 32 },
  // the largest event has 1 MB
  "retention-mb": { fallback: 32, least: 2, most: Number.MAX_SAFE_INTEGER },
  "idle-timeout": { fallback: 240, least: 0.1, most: 86_400 },
};

/**
 * @param {string[]} args
 * @returns {Options}
 * @throws {UsageError}
 */
export function parseOptions(args) {
  const values = parsed(args);
  return {
    help: values.help ?? false,
    hubs: values.hub ?? ["openai-logs"],
    port: number("port", values.port),
    "control-port": number("control-port", values["control-port"]),
    partitions: number("partitions", values.partitions),
    "retention-mb": number("retention-mb", values["retention-mb"]),
    "idle-timeout": number("idle-timeout", values["idle-timeout"]),
  };
}

/**
 * The texts of the options that were given.
 * @param {string[]} args
 */
function parsed(args) {
  const text = /** @type {const} */ ({ type: "string" });
  const options = /** @type {const} */ ({
    port: text,
    "control-port": text,
    partitions: text,
    "retention-mb": text,
    "idle-timeout": text,
    hub: { type: "string", multiple: true },
    help: { type: "boolean" },
  });
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
}

/**
 * @param {keyof typeof NUMBERS} name
 * @param {string | undefined} text
 */
function number(name, text) {
  const { fallback, least, most } = NUMBERS[name];
  if (text === undefined) return fallback;
  const value = text.trim() === "" ? NaN : Number(text);
  if (!(value >= least && value <= most)) {
    throw new UsageError(`--${name} must be a number between ${least} and ${most}, not '${text}'`);
  }
  return value;
}
