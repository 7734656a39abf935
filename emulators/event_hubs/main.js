/** `node emulators/event_hubs/main.js`: start the emulator and serve until SIGTERM or SIGINT. */

import { once } from "node:events";

import { controlServer } from "./control.js";
import { Namespace } from "./namespace.js";
import { USAGE, UsageError, parseOptions } from "./options.js";
import { AmqpServer } from "./server.js";

const HOST = "127.0.0.1";

/** A port is in use; the message names it and says how to choose another. */
class PortTakenError extends Error {}

/** @param {import("./options.js").Options} options */
async function serve(options) {
  const namespace = new Namespace(options.hubs, {
    partitions: options.partitions,
    retentionBytes: options["retention-mb"] * 1_048_576,
  });
  const stop = Promise.race(["SIGTERM", "SIGINT"].map((signal) => once(process, signal)));
  const amqp = new AmqpServer(namespace, {
    host: HOST,
    port: options.port,
    idleTimeoutS: options["idle-timeout"],
  });
  const amqpPort = await portOf(amqp.listener, options.port, "AMQP", "--port");
  const control = controlServer(namespace).listen(options["control-port"], HOST);
  const controlPort = await portOf(control, options["control-port"], "control", "--control-port");
  console.log(
    `event_hubs ready: amqp://${HOST}:${amqpPort} control http://${HOST}:${controlPort} ` +
      `hubs ${options.hubs.join(", ")} (${options.partitions} partitions each)`,
  );
  await stop;
  control.close();
  control.closeAllConnections();
  await amqp.stop();
}

/**
 * The port that a server listens on.
 * @param {import("node:net").Server} server
 * @param {number} port the one that was asked for; 0: any free one
 * @param {string} what the server, in words
 * @param {string} option of the command line
 * @throws {PortTakenError}
 */
async function portOf(server, port, what, option) {
  try {
    if (!server.listening) await once(server, "listening");
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    throw new PortTakenError(
      `Port ${port} (${what}) is taken by another program on ${HOST}. Choose another with ` +
        `${option} PORT.`,
    );
  }
  return /** @type {import("node:net").AddressInfo} */ (server.address()).port;
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(USAGE);
  else await serve(options);
  process.exit(); // rhea's timers for heartbeats would keep the process
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof PortTakenError)) throw error;
  console.error(`event_hubs: ${error.message}`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
