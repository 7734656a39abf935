/**
 * The responses of the `$management` node: the properties of a hub and of a partition.
 *
 * Source of names and types: azure.eventhub's _client_base.py (_get_eventhub_properties,
 * _get_partition_properties).
 */

import { NodeNotFound, PartitionNotFound } from "./errors.js";
import { types } from "./rhea.js";

// The service's "never": 0001-01-01 in ms since 1970, which the SDK turns into datetime.min.
const NEVER_MS = -62_135_596_800_000;

/** A request that gets a status of 400 or more. */
class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} description
   */
  constructor(status, description) {
    super(description);
    this.status = status;
  }
}

/**
 * Respond to a request's application properties (operation, type, name, partition).
 * @param {Record<string, unknown>} request
 * @param {import("./namespace.js").Namespace} namespace
 * @returns {{ status: number, description: string, body: unknown }}
 */
export function respond(request, namespace) {
  try {
    return { status: 200, description: "OK", body: properties(request, namespace) };
  } catch (error) {
    return { status: statusOf(error), description: error.message, body: "" };
  }
}

/** @param {unknown} error */
function statusOf(error) {
  if (error instanceof Refusal) return error.status;
  if (error instanceof NodeNotFound) return 404;
  if (error instanceof PartitionNotFound) return 400;
  throw error;
}

/**
 * @param {Record<string, unknown>} request
 * @param {import("./namespace.js").Namespace} namespace
 */
function properties({ operation, type, name, partition }, namespace) {
  if (operation !== "READ") {
    throw new Refusal(501, `operation '${operation}' is not emulated, only READ is`);
  }
  const hub = namespace.hub(String(name));
  if (type === "com.microsoft:eventhub") return hubProperties(hub);
  if (type === "com.microsoft:partition") return partitionProperties(hub, String(partition));
  throw new Refusal(501, `type '${type}' is not emulated`);
}

/** @param {import("./namespace.js").Hub} hub */
function hubProperties(hub) {
  return {
    name: hub.name,
    type: "com.microsoft:eventhub",
    created_at: new Date(hub.createdAtMs),
    partition_count: types.Int(hub.partitions.length),
    partition_ids: types.wrap_array(hub.partitionIds, types.Str8.typecode),
  };
}

/**
 * @param {import("./namespace.js").Hub} hub
 * @param {string} partitionId
 */
function partitionProperties(hub, partitionId) {
  const log = hub.partition(partitionId);
  return {
    name: hub.name,
    type: "com.microsoft:partition",
    partition: partitionId,
    begin_sequence_number: types.Long(log.firstSequenceNumber),
    last_enqueued_sequence_number: types.Long(log.nextSequenceNumber - 1), // -1: never an event
    last_enqueued_offset: String(log.last?.offset ?? -1),
    last_enqueued_time_utc: types.Timestamp(log.last?.enqueuedTimeMs ?? NEVER_MS),
    is_partition_empty: log.firstSequenceNumber === log.nextSequenceNumber,
  };
}
