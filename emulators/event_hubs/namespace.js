/** The state of the emulator: hubs, publication mode, and counters. */

import { EventEmitter } from "node:events";

import { ConsumerGroups } from "./consumer_groups.js";
import { NodeNotFound, PartitionNotFound } from "./errors.js";
import { PartitionLog } from "./partition_log.js";

/**
 * How the emulator treats publications. "reject": settled with a retriable error. "stall":
 * neither read nor settled, until the mode changes. "unreachable": no client can connect, and those
 * that are connected are cut off; the events are kept.
 */
export const MODES = ["accept", "reject", "stall", "unreachable"];

/** @typedef {{ text: string, condition: string }} Unwanted publications */

/** An event hub: its partitions and who reads them. */
export class Hub {
  #nextInTurn = 0;
  createdAtMs = Date.now();
  consumerGroups = new ConsumerGroups();

  /**
   * @param {string} name
   * @param {{ partitions: number, retentionBytes: number }} size
   */
  constructor(name, { partitions, retentionBytes }) {
    this.name = name;
    this.partitions = Array.from({ length: partitions }, () => new PartitionLog(retentionBytes));
  }

  get partitionIds() {
    return this.partitions.map((_, number) => String(number));
  }

  /**
   * The partition of that id.
   * @param {string} partitionId
   * @throws {PartitionNotFound} with the service's message
   */
  partition(partitionId) {
    if (!this.partitionIds.includes(partitionId)) {
      throw new PartitionNotFound(
        "The specified partition is invalid for an EventHub partition sender or receiver. It " +
          `should be between 0 and ${this.partitions.length - 1}. ` +
          `(Hub '${this.name}', partition '${partitionId}'.)`,
      );
    }
    return this.partitions[Number(partitionId)];
  }

  /**
   * Append to the given partition, else to the partition of the key, else to the next in turn.
   * @param {import("./publication.js").Publication} publication
   * @param {string} [partitionId]
   */
  publish({ events, partitionKey }, partitionId) {
    this.#partitionFor(partitionKey, partitionId).append(events, partitionKey);
  }

  /**
   * @param {string | undefined} key
   * @param {string | undefined} partitionId
   */
  #partitionFor(key, partitionId) {
    if (partitionId !== undefined) return this.partition(partitionId);
    const count = this.partitions.length;
    if (key !== undefined) return this.partitions[hash(key) % count];
    const partition = this.partitions[this.#nextInTurn];
    this.#nextInTurn = (this.#nextInTurn + 1) % count;
    return partition;
  }
}

/**
 * Any stable hash will do: the service uses another one, so a key's partition differs there.
 * @param {string} text
 */
function hash(text) {
  let value = 2166136261; // FNV-1a
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 16777619) >>> 0;
  return value;
}

/** All hubs, the mode, the counters. Emits "mode" after each change of the mode. */
export class Namespace extends EventEmitter {
  mode = "accept";
  /** Publications with this text are rejected with this condition, in any mode.
   * @type {Unwanted | undefined} */
  unwanted;
  connections = new Set();
  counters = {
    connections_opened: 0,
    publications_accepted: 0,
    publications_rejected: 0, // by the mode
    publications_too_large: 0,
    publications_malformed: 0,
    publications_unwanted: 0,
    events_accepted: 0,
    events_delivered: 0,
  };

  /**
   * @param {string[]} hubNames
   * @param {{ partitions: number, retentionBytes: number }} size of each hub
   */
  constructor(hubNames, size) {
    super();
    this.setMaxListeners(0); // a listener for each producer's link
    this.hubs = hubNames.map((name) => new Hub(name, size));
  }

  /**
   * The hub of that name, in any case.
   * @param {string} name
   * @throws {NodeNotFound} with the names of the existing hubs
   */
  hub(name) {
    const hub = this.hubs.find((other) => other.name.toLowerCase() === name.toLowerCase());
    if (hub !== undefined) return hub;
    throw new NodeNotFound(
      `The messaging entity '${name}' could not be found. This emulator has: ` +
        `${this.hubs.map((other) => other.name).join(", ")} (choose with --hub).`,
    );
  }

  /**
   * Change the mode, also for publications that a stall delays.
   * @param {string} mode one of MODES
   * @param {Unwanted} [unwanted]
   */
  setMode(mode, unwanted) {
    this.mode = mode;
    this.unwanted = unwanted;
    this.emit("mode");
  }

  /** The body of `GET /stats`. */
  statistics() {
    return {
      mode: this.mode,
      connections: this.connections.size,
      ...this.counters,
      hubs: Object.fromEntries(this.hubs.map((hub) => [hub.name, describe(hub)])),
    };
  }
}

/** @param {Hub} hub */
function describe(hub) {
  const partitions = hub.partitions.map((log, number) => [
    String(number),
    {
      first_sequence_number: log.firstSequenceNumber,
      next_sequence_number: log.nextSequenceNumber,
      retained_bytes: log.retainedBytes,
    },
  ]);
  return {
    partitions: Object.fromEntries(partitions),
    consumers: hub.consumerGroups.describe(),
  };
}
