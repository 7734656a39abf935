/**
 * The events of one partition, in order, in memory, bounded.
 *
 * Retention: the newest events whose encoded sizes (plus 512 bytes of bookkeeping each) fit into
 * `retentionBytes`. Older ones are dropped, and their consumers continue with the oldest event
 * that is kept, as with the real service's retention.
 */

import { InvalidStartPosition } from "./errors.js";
import { MESSAGE_ANNOTATIONS } from "./publication.js";
import { types } from "./rhea.js";
import { LATEST } from "./start_position.js";

// a stored event with its buffer and its place in the log, rounded up
export const BOOKKEEPING_BYTES = 512;

/**
 * An event of a partition; `message` holds all its sections, encoded for its consumers.
 * @typedef {{ sequenceNumber: number, offset: number, enqueuedTimeMs: number,
 *   message: Buffer }} StoredEvent
 */

/** Appends and reads events by sequence number; notifies subscribers of new ones. */
export class PartitionLog {
  /** @type {Map<number, StoredEvent>} */
  #events = new Map();
  #retentionBytes;
  #now;
  #nextOffset = 0;
  #subscribers = new Set();

  /** The sequence number of the oldest stored event; nextSequenceNumber if there is none. */
  firstSequenceNumber = 0;
  nextSequenceNumber = 0;
  retainedBytes = 0;
  /** The newest event, even if it was dropped. @type {StoredEvent | undefined} */
  last;

  /**
   * @param {number} retentionBytes
   * @param {() => number} now ms since 1970 UTC
   */
  constructor(retentionBytes, now = Date.now) {
    this.#retentionBytes = retentionBytes;
    this.#now = now;
  }

  /**
   * Store a publication's events one after the other with one enqueued time, then wake the
   * subscribers.
   * @param {import("./publication.js").PublishedEvent[]} events
   * @param {string} [partitionKey]
   */
  append(events, partitionKey) {
    // Never decreases, even if the clock does: positions are searched by bisection.
    const enqueued = Math.max(this.#now(), this.last?.enqueuedTimeMs ?? 0);
    for (const event of events) this.#store(event, enqueued, event.partitionKey ?? partitionKey);
    this.#dropOldest();
    for (const wake of this.#subscribers) wake();
  }

  /**
   * @param {import("./publication.js").PublishedEvent} event
   * @param {number} enqueuedTimeMs
   * @param {string | undefined} partitionKey
   */
  #store(event, enqueuedTimeMs, partitionKey) {
    const sequenceNumber = this.nextSequenceNumber;
    const offset = this.#nextOffset;
    const message = Buffer.concat([
      event.header,
      encodeAnnotations(event.annotations, sequenceNumber, offset, enqueuedTimeMs, partitionKey),
      event.body,
    ]);
    this.last = { sequenceNumber, offset, enqueuedTimeMs, message };
    this.#events.set(sequenceNumber, this.last);
    this.retainedBytes += message.length + BOOKKEEPING_BYTES;
    // Like the service's, an offset is a position in bytes; only its order has a meaning.
    this.#nextOffset += message.length;
    this.nextSequenceNumber += 1;
  }

  #dropOldest() {
    while (
      this.retainedBytes > this.#retentionBytes &&
      this.firstSequenceNumber < this.nextSequenceNumber
    ) {
      const oldest = /** @type {StoredEvent} */ (this.#events.get(this.firstSequenceNumber));
      this.#events.delete(this.firstSequenceNumber);
      this.retainedBytes -= oldest.message.length + BOOKKEEPING_BYTES;
      this.firstSequenceNumber += 1;
    }
  }

  /**
   * The event with this number, or the oldest one kept after it; undefined: not there yet.
   * @param {number} sequenceNumber
   */
  read(sequenceNumber) {
    return this.#events.get(Math.max(sequenceNumber, this.firstSequenceNumber));
  }

  /**
   * The sequence number of the first event for a consumer at this position.
   * @param {import("./start_position.js").StartPosition | typeof LATEST} position
   * @throws {InvalidStartPosition}
   */
  start(position) {
    if (position === LATEST) return this.nextSequenceNumber;
    this.#checkKnown(position);
    let low = this.firstSequenceNumber;
    let high = this.nextSequenceNumber;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const event = /** @type {StoredEvent} */ (this.#events.get(middle));
      const value = valueOf(event, position.field);
      if (position.inclusive ? value < position.value : value <= position.value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * A consumer may start after an event that never existed: with a checkpoint of an old run.
   * @param {import("./start_position.js").StartPosition} position
   */
  #checkKnown({ field, value }) {
    if (field === "enqueued-time" || value < 0) return;
    const last = this.last === undefined ? -1 : valueOf(this.last, field);
    if (value <= last) return;
    const name = field.replace("-", " ");
    throw new InvalidStartPosition(
      `The supplied ${name} '${value}' is invalid. The last ${name} in the system is '${last}'`,
    );
  }

  /**
   * Call `wake` after every append, until the returned function is called.
   * @param {() => void} wake
   */
  subscribe(wake) {
    this.#subscribers.add(wake);
    return () => this.#subscribers.delete(wake);
  }
}

/**
 * @param {StoredEvent} event
 * @param {import("./start_position.js").StartPosition["field"]} field
 */
function valueOf(event, field) {
  if (field === "offset") return event.offset;
  return field === "enqueued-time" ? event.enqueuedTimeMs : event.sequenceNumber;
}

/**
 * @param {import("rhea").Typed[]} own the producer's: keys and values in turn
 * @param {number} sequenceNumber
 * @param {number} offset
 * @param {number} enqueuedTimeMs
 * @param {string | undefined} partitionKey
 */
function encodeAnnotations(own, sequenceNumber, offset, enqueuedTimeMs, partitionKey) {
  const items = [
    ...own,
    types.wrap_symbol("x-opt-sequence-number"),
    types.Long(sequenceNumber),
    types.wrap_symbol("x-opt-offset"),
    types.wrap_string(String(offset)),
    types.wrap_symbol("x-opt-enqueued-time"),
    types.Timestamp(enqueuedTimeMs),
  ];
  if (partitionKey !== undefined) {
    items.push(types.wrap_symbol("x-opt-partition-key"), types.wrap_string(partitionKey));
  }
  const writer = new types.Writer();
  writer.write(types.described(types.wrap_ulong(MESSAGE_ANNOTATIONS), types.Map32(items)));
  return Buffer.from(writer.toBuffer());
}
