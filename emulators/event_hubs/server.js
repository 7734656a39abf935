/** AMQP connections: which links they have, and their end. */

import rhea from "rhea";

import { amqpError } from "./errors.js";
import { padFrames } from "./frame_padding.js";
import { serve } from "./links.js";
import { ReplyLinks } from "./request_links.js";

const MAX_FRAME_BYTES = 65_536; // as the service announces
// AMQP's defaults; the Python SDK does not know them.
const MAX_CHANNEL = 65_535;
const MAX_HANDLE = 4_294_967_295;
const GRACE_MS = 1_000; // for clients to answer the close of their connections

/** Serves a namespace to AMQP clients. */
export class AmqpServer {
  #namespace;
  #listener;
  #connections = new Set();
  /** @type {import("node:net").ListenOptions | undefined} */
  #address;

  /**
   * Begin to listen; `listening` and `error` of the returned object's `listener` tell how it went.
   * @param {import("./namespace.js").Namespace} namespace
   * @param {{ host: string, port: number, idleTimeoutS: number }} options
   */
  constructor(namespace, { host, port, idleTimeoutS }) {
    this.#namespace = namespace;
    const container = rhea.create_container({
      receiver_options: { autoaccept: false, credit_window: 0 },
    });
    container.on("connection_open", ({ connection }) => this.#opened(connection));
    // A client's errors end its connection or link, which is all that they should do.
    for (const event of ["error", "connection_error", "protocol_error", "session_error"]) {
      container.on(event, () => {});
    }
    for (const event of ["disconnected", "connection_close", "session_close"]) {
      container.on(event, () => {});
    }
    // Not a literal in the call: rhea's typings lack tcp_no_delay.
    const options = {
      host,
      port,
      container_id: "emulators/event_hubs",
      properties: { product: "fnsse Event Hubs emulator" },
      max_frame_size: MAX_FRAME_BYTES,
      channel_max: MAX_CHANNEL,
      // AMQP: a peer announces half of the time after which it closes.
      idle_time_out: (idleTimeoutS * 1000) / 2,
      tcp_no_delay: true,
    };
    this.#listener = container.listen(options);
    this.#listener.once("listening", () => {
      const address = /** @type {import("node:net").AddressInfo} */ (this.#listener.address());
      this.#address = { host, port: address.port };
    });
    this.#listener.on("connection", (socket) => this.#accepted(socket));
    namespace.on("mode", () => this.#followMode());
  }

  /** The server of node:net. */
  get listener() {
    return this.#listener;
  }

  /** Accept no client any more, and close the connections of those that are here. */
  async stop() {
    this.#listener.close();
    for (const connection of this.#connections) {
      connection.close(amqpError("amqp:connection:forced", "The Event Hubs emulator is stopping."));
    }
    const sockets = [...this.#namespace.connections];
    const ended = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), GRACE_MS);
    await Promise.all(ended);
    clearTimeout(timer);
  }

  #followMode() {
    if (this.#namespace.mode === "unreachable") {
      this.stop();
    } else if (!this.#listener.listening) {
      this.#listener.listen(this.#address);
    }
  }

  /** @param {import("node:net").Socket} socket */
  #accepted(socket) {
    this.#namespace.connections.add(socket);
    this.#namespace.counters.connections_opened += 1;
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#namespace.connections.delete(socket));
  }

  /** @param {import("./rhea.js").Connection} connection */
  #opened(connection) {
    padFrames(connection);
    const replies = new ReplyLinks();
    const served = new Map();
    const end = (/** @type {object} */ link) => {
      served.get(link)?.closed();
      served.delete(link);
    };
    for (const kind of ["receiver", "sender"]) {
      connection.on(`${kind}_open`, (context) => {
        const link = context[kind];
        const service = serve(link, this.#namespace, replies);
        if (service !== undefined) served.set(link, service);
      });
      for (const event of [`${kind}_close`, `${kind}_error`]) {
        connection.on(event, (context) => end(context[kind]));
      }
    }
    connection.on("session_open", ({ session }) => {
      session.local.begin.handle_max = MAX_HANDLE;
    });
    connection.on("session_close", ({ session }) => {
      [...served.keys()].filter((link) => link.session === session).forEach(end);
    });
    this.#connections.add(connection);
    connection.socket.on("close", () => {
      [...served.keys()].forEach(end);
      this.#connections.delete(connection);
    });
  }
}
