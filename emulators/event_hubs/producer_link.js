/**
 * Receives publications: checks their size, appends or rejects them, and settles them.
 */

import { amqpError } from "./errors.js";
import { MalformedMessage, readPublication } from "./publication.js";
import { receiveRaw } from "./raw_deliveries.js";

// https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas: 1 MB per publication (all tiers
// but Basic).
export const MAX_PUBLICATION_BYTES = 1_048_576;
const CREDIT = 300; // publications that a producer may have in flight

/**
 * Receives on `hub`, or on one of its partitions.
 *
 * In mode stall, publications wait unsettled until the mode changes; the credit bounds them.
 */
export class ProducerLink {
  #receiver;
  #namespace;
  #hub;
  #partitionId;
  #deliveries = 0;
  /** @type {{ message: Buffer, delivery: import("./rhea.js").Delivery }[]} */
  #waiting = [];
  #work = () => this.#settleWaiting();

  /**
   * @param {import("./rhea.js").Receiver} receiver
   * @param {import("./namespace.js").Namespace} namespace
   * @param {import("./namespace.js").Hub} hub
   * @param {string} [partitionId]
   */
  constructor(receiver, namespace, hub, partitionId) {
    if (partitionId !== undefined) hub.partition(partitionId);
    this.#receiver = receiver;
    this.#namespace = namespace;
    this.#hub = hub;
    this.#partitionId = partitionId;
    receiver.local.attach.max_message_size = MAX_PUBLICATION_BYTES;
    receiveRaw(receiver);
    receiver.on("message", ({ message, delivery }) => {
      this.#waiting.push({ message, delivery });
      this.#settleWaiting();
    });
    receiver.add_credit(CREDIT);
    namespace.on("mode", this.#work);
  }

  closed() {
    this.#namespace.off("mode", this.#work);
    this.#waiting = [];
  }

  #settleWaiting() {
    while (this.#namespace.mode !== "stall") {
      const publication = this.#waiting.shift();
      if (publication === undefined) break;
      const { message, delivery } = publication;
      const refusal = this.#publish(message, delivery.format);
      if (refusal === undefined) delivery.accept();
      else delivery.reject(refusal);
      this.#deliveries += 1;
    }
    const used = CREDIT - this.#receiver.credit - this.#waiting.length;
    if (used > CREDIT / 2) this.#receiver.add_credit(used);
  }

  /**
   * Append the publication, or return the error.
   * @param {Buffer} message
   * @param {number} format
   */
  #publish(message, format) {
    const { counters } = this.#namespace;
    if (message.length > MAX_PUBLICATION_BYTES) {
      counters.publications_too_large += 1;
      // Condition and words as in https://github.com/Azure/azure-event-hubs-python/issues/106
      return amqpError(
        "amqp:link:message-size-exceeded",
        `The received message (delivery-id:${this.#deliveries}, size:${message.length} bytes) ` +
          `exceeds the limit (${MAX_PUBLICATION_BYTES} bytes) currently allowed on the link.`,
      );
    }
    if (this.#namespace.mode === "reject") {
      counters.publications_rejected += 1;
      return amqpError(
        "com.microsoft:server-busy",
        "PUT /behaviour made the emulator reject. Please retry the operation.",
      );
    }
    return this.#append(message, format);
  }

  /**
   * @param {Buffer} message
   * @param {number} format
   */
  #append(message, format) {
    const { counters, unwanted } = this.#namespace;
    let publication;
    try {
      publication = readPublication(message, format);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      counters.publications_malformed += 1;
      return amqpError("amqp:decode-error", error.message);
    }
    if (unwanted !== undefined && message.includes(unwanted.text)) {
      counters.publications_unwanted += 1;
      return amqpError(unwanted.condition, "PUT /behaviour made the emulator reject this text.");
    }
    this.#hub.publish(publication, this.#partitionId);
    counters.publications_accepted += 1;
    counters.events_accepted += publication.events.length;
    return undefined;
  }
}
