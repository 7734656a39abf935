/** Sends events from the start position on, as credit and buffers allow. */

import { EARLIEST, parseSelector } from "./start_position.js";

// At most this much (and one event) waits for a consumer that does not read its socket.
const MAX_WAITING_BYTES = 262_144;

const SELECTOR = "apache.org:selector-filter:string";
const SETTLED = 1; // sender settle mode
const PLAIN_FORMAT = 0;

/**
 * Sends a partition's events, settled: Event Hubs waits for no acknowledgement, since consumers
 * keep checkpoints.
 *
 * It ignores a consumer's wish for last-enqueued properties
 * (`track_last_enqueued_event_properties` of the SDK).
 */
export class ConsumerLink {
  #sender;
  #log;
  #counters;
  #leave;
  #next;
  #unsubscribe;
  #sent = 0; // handed to rhea, which sends at the end of the turn
  #open = true;
  #turnDue = false;

  /**
   * @param {import("./rhea.js").Sender} sender
   * @param {{ hub: import("./namespace.js").Hub, group: string, partitionId: string,
   *   counters: import("./namespace.js").Namespace["counters"] }} what
   * @throws {import("./errors.js").ServiceError} if the link must be refused
   */
  constructor(sender, { hub, group, partitionId, counters }) {
    this.#sender = sender;
    this.#log = hub.partition(partitionId);
    this.#counters = counters;
    this.#next = this.#log.start(startPosition(sender));
    hub.consumerGroups.join(group, partitionId);
    this.#leave = () => hub.consumerGroups.leave(group, partitionId);
    this.#unsubscribe = this.#log.subscribe(() => this.#wake());
    sender.local.attach.snd_settle_mode = SETTLED;
    sender.on("sender_flow", () => this.#wake());
    sender.connection.socket.on("drain", this.#drained);
  }

  closed() {
    this.#open = false;
    this.#unsubscribe();
    this.#leave();
    this.#sender.connection.socket?.off("drain", this.#drained);
  }

  #drained = () => this.#wake();

  /** Send soon. Calls until then have no further effect. */
  #wake() {
    if (this.#turnDue) return;
    this.#turnDue = true;
    setImmediate(() => {
      this.#turnDue = false;
      this.#send();
    });
  }

  #send() {
    let bytes = 0;
    while (this.#open && this.#hasRoom()) {
      const event = this.#log.read(this.#next);
      if (event === undefined) return;
      // A fuller socket calls by "drain", a long turn by itself.
      if (this.#sender.connection.socket.writableLength >= MAX_WAITING_BYTES) return;
      if (bytes >= MAX_WAITING_BYTES) {
        this.#wake();
        return;
      }
      this.#sender.send(event.message, Buffer.from(String(event.sequenceNumber)), PLAIN_FORMAT);
      bytes += event.message.length;
      this.#sent += 1;
      this.#next = event.sequenceNumber + 1;
      this.#counters.events_delivered += 1;
    }
  }

  #hasRoom() {
    const unsent = this.#sent - this.#sender.delivery_count;
    return this.#sender.credit > unsent && this.#sender.session.outgoing.available() > 0;
  }
}

/** @param {import("./rhea.js").Sender} sender */
function startPosition(sender) {
  const selector = sender.source?.filter?.[SELECTOR];
  if (selector === undefined || selector === null) return EARLIEST;
  return parseSelector(String(selector.value ?? selector));
}
