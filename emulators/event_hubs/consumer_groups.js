/**
 * Which consumer reads which partition for which consumer group, and which one may.
 *
 * A consumer group exists as soon as a consumer names it. The rule for owner levels ("epochs"):
 * https://learn.microsoft.com/azure/event-hubs/event-processor-balance-partition-load and the
 * SDK's `owner_level`.
 */

import { ReceiverDisconnected } from "./errors.js";

/**
 * A link that reads a partition.
 * @typedef {{ group: string, partitionId: string, ownerLevel: number | null,
 *   disconnect: (reason: string) => void }} Consumer ownerLevel null: not exclusive
 */

/** The consumers of a hub. */
export class ConsumerGroups {
  /** @type {Map<string, Set<Consumer>>} */
  #readers = new Map();

  /**
   * Admit the consumer and disconnect those that it displaces.
   * @param {Consumer} consumer
   * @throws {ReceiverDisconnected}
   */
  join(consumer) {
    const readers = this.#readersOf(consumer);
    const exclusive = consumer.ownerLevel !== null;
    const level = consumer.ownerLevel ?? -1;
    const highest = Math.max(-1, ...[...readers].map((other) => other.ownerLevel ?? -1));
    if (highest > level || (!exclusive && highest >= 0)) {
      throw new ReceiverDisconnected(
        `Receiver '${consumer.group}/${consumer.partitionId}' with epoch '${level}' cannot be ` +
          `created: a receiver with epoch '${highest}' is connected.`,
      );
    }
    if (exclusive) {
      for (const other of readers) {
        readers.delete(other);
        other.disconnect(
          `New receiver with higher epoch '${level}' is created hence current receiver is ` +
            "disconnected.",
        );
      }
    }
    readers.add(consumer);
  }

  /** @param {Consumer} consumer */
  leave(consumer) {
    this.#readersOf(consumer).delete(consumer);
  }

  /** Number of consumers by 'group/partition', for those that have any. */
  describe() {
    return Object.fromEntries(
      [...this.#readers]
        .filter(([, readers]) => readers.size > 0)
        .map(([place, readers]) => [place, readers.size]),
    );
  }

  /** @param {Consumer} consumer */
  #readersOf({ group, partitionId }) {
    // Group names ignore case: the SDK's "$Default" and the service's "$default" are one.
    const place = `${group.toLowerCase()}/${partitionId}`;
    let readers = this.#readers.get(place);
    if (readers === undefined) {
      readers = new Set();
      this.#readers.set(place, readers);
    }
    return readers;
  }
}
