/**
 * What the emulator uses of rhea beyond its typings.
 *
 * @typedef {import("rhea").Connection & { socket: import("node:net").Socket, _write_frame:
 *   (channel: number, performative: Composite | undefined, payload?: Buffer) => void }} Connection
 *
 * @typedef {{ value: unknown[] }} Composite its fields by position
 *
 * @typedef {import("rhea").Session & { incoming: any, outgoing: { available: () => number },
 *   local: { begin: { handle_max: number } } }} Session
 *
 * @typedef {import("rhea").Delivery} Delivery
 *
 * @typedef {{ connection: Connection, session: Session, credit: number,
 *   local: { attach: { max_message_size: number, snd_settle_mode: number } } }} Link
 *
 * @typedef {import("rhea").Sender & Link & { delivery_count: number }} Sender
 *
 * @typedef {import("rhea").Receiver & Link} Receiver
 */

import rhea from "rhea";

/** AMQP's types: constructors, readers and writers, which have no typings. */
export const types = /** @type {any} */ (rhea.types);
