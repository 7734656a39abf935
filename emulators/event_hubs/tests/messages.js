/** Messages as producers encode them, and as consumers decode them. */

import rhea from "rhea";

import { readPublication } from "../publication.js";

const { message } = rhea;

/** An encoded message with one data section. */
export function encoded(body, fields = {}) {
  return message.encode({ body: message.data_section(Buffer.from(body)), ...fields });
}

/** An encoded batch of encoded messages. */
export function batchOf(messages, fields = {}) {
  return message.encode({ body: message.data_sections(messages), ...fields });
}

/** The events of a single message with this body. */
export function eventsOf(body, fields) {
  return readPublication(encoded(body, fields), 0).events;
}

export function bodyOf(stored) {
  return message.decode(stored.message).body.content.toString();
}

export function annotationsOf(stored) {
  return message.decode(stored.message).message_annotations;
}
