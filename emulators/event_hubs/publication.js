/**
 * A publication: the bytes of one message that a producer sent, read into events without a copy
 * of their bodies.
 *
 * Source: AMQP 1.0 part 3 (messaging), section 3.2.
 */

import { types } from "./rhea.js";

/** The message format by which the SDKs mark a batch: data sections that are encoded messages. */
export const BATCH_FORMAT = 0x80013700;

export const HEADER = 0x70;
export const DELIVERY_ANNOTATIONS = 0x71;
export const MESSAGE_ANNOTATIONS = 0x72;
const DATA = 0x75;
const FOOTER = 0x78;

const PARTITION_KEY = "x-opt-partition-key";
// Annotations that the service sets; a received event that is sent again carries the old values.
const WRITTEN_BY_THE_SERVICE = new Set([
  "x-opt-sequence-number",
  "x-opt-offset",
  "x-opt-enqueued-time",
  PARTITION_KEY,
]);

/** The bytes are not a complete AMQP message. */
export class MalformedMessage extends Error {}

/**
 * An event as its producer encoded it, cut where the service adds its own annotations.
 * @typedef {{ header: Buffer, annotations: import("rhea").Typed[], body: Buffer,
 *   partitionKey: string | undefined }} PublishedEvent header: empty if there was none;
 *   annotations: rhea's typed keys and values in turn; body: all later sections, unchanged
 */

/**
 * An event or a batch, accepted or rejected as a whole; the partition key is the batch's, else
 * its first event's.
 * @typedef {{ events: PublishedEvent[], partitionKey: string | undefined }} Publication
 */

/**
 * The events in an encoded message.
 * @param {Buffer} message
 * @param {number} format the delivery's message format
 * @returns {Publication}
 * @throws {MalformedMessage}
 */
export function readPublication(message, format) {
  const outer = readEvent(message);
  if (format !== BATCH_FORMAT) return { events: [outer], partitionKey: outer.partitionKey };
  const events = sections(message)
    .filter((section) => section.code === DATA)
    .map((section) => readEvent(section.value.value));
  if (events.length === 0) throw new MalformedMessage("the batch holds no message");
  return { events, partitionKey: outer.partitionKey ?? events[0].partitionKey };
}

/**
 * @param {Buffer} message
 * @returns {PublishedEvent}
 * @throws {MalformedMessage}
 */
function readEvent(message) {
  /** @type {Buffer} */
  let header = Buffer.alloc(0);
  /** @type {import("rhea").Typed[]} */
  let annotations = [];
  let partitionKey;
  let bodyAt = 0;
  for (const section of sections(message)) {
    if (section.code === HEADER) header = message.subarray(section.start, section.end);
    else if (section.code === MESSAGE_ANNOTATIONS) {
      [annotations, partitionKey] = readAnnotations(section.value);
    } else if (section.code !== DELIVERY_ANNOTATIONS) break;
    bodyAt = section.end;
  }
  return { header, annotations, body: message.subarray(bodyAt), partitionKey };
}

/**
 * The annotations that the service does not set itself, and the partition key.
 * @param {import("rhea").Typed} section
 * @returns {[import("rhea").Typed[], string | undefined]}
 */
function readAnnotations(section) {
  if (!types.is_map(section)) throw new MalformedMessage("the annotations are not a map");
  const annotations = [];
  let partitionKey;
  for (let at = 0; at + 1 < section.value.length; at += 2) {
    const [key, value] = section.value.slice(at, at + 2);
    if (key.value === PARTITION_KEY && value.value) partitionKey = String(value.value);
    if (!WRITTEN_BY_THE_SERVICE.has(key.value)) annotations.push(key, value);
  }
  return [annotations, partitionKey];
}

/**
 * The sections of an encoded message, in order.
 * @param {Buffer} message
 * @returns {{ code: number, value: import("rhea").Typed, start: number, end: number }[]}
 * @throws {MalformedMessage}
 */
function sections(message) {
  const reader = new types.Reader(message);
  const sections = [];
  try {
    while (reader.remaining() > 0) {
      const start = reader.position;
      const value = reader.read();
      sections.push({ code: Number(value.descriptor?.value), value, start, end: reader.position });
    }
  } catch (error) {
    throw new MalformedMessage(`the message cannot be decoded: ${error.message}`);
  }
  if (reader.remaining() < 0) throw new MalformedMessage("the message is cut off");
  for (const { code, start } of sections) {
    if (!(code >= HEADER && code <= FOOTER)) {
      throw new MalformedMessage(`no message section begins at byte ${start}`);
    }
  }
  if (sections.length === 0) throw new MalformedMessage("the message is empty");
  return sections;
}
