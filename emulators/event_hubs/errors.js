/** The errors of the service that clients see, each with its AMQP condition. */

/** An error that closes the link or refuses the request that caused it. */
export class ServiceError extends Error {
  /**
   * @param {string} condition the AMQP error condition; the SDK retries some of them
   * @param {string} description
   */
  constructor(condition, description) {
    super(description);
    this.condition = condition;
  }
}

/** A client named a hub that does not exist. */
export class NodeNotFound extends ServiceError {
  /** @param {string} description */
  constructor(description) {
    super("amqp:not-found", description);
  }
}

/** A client named a partition that its hub does not have. */
export class PartitionNotFound extends ServiceError {
  /** @param {string} description */
  constructor(description) {
    super("com.microsoft:argument-out-of-range", description);
  }
}

/** The filter of a consumer's link is malformed, or names an event that never existed. */
export class InvalidStartPosition extends ServiceError {
  /** @param {string} description */
  constructor(description) {
    super("com.microsoft:argument-error", description);
  }
}

/**
 * An AMQP error with all three fields: the Python SDK reads the third by its position.
 * @param {string} condition
 * @param {string} description
 */
export function amqpError(condition, description) {
  return { condition, description, info: { source: "emulators/event_hubs" } };
}
