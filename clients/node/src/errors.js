// What a wait can end with, other than the gate being open.

/**
 * The gate is not open, and waiting was of no use. `state` is the gate's, or `unknown` when nobody
 * answered; `code` is a reason code of the gate, `gate_unreachable` when nobody answered.
 */
export class GateError extends Error {
  constructor(message, { state = 'unknown', code = 'unknown' } = {}) {
    super(message);
    this.name = new.target.name;
    this.state = state;
    this.code = code;
  }
}

/** Not in time. The message says what stood in the way last. */
export class GateTimeout extends GateError {}

/** The gate failed, and `failFast` was asked for. It tries again by itself. */
export class GateFailed extends GateError {}

/** The gate closes for good: what is not true now will not be. */
export class GateDraining extends GateError {}

/** The gate does not answer this user. */
export class GateForbidden extends GateError {}

/** What answers on the socket is not understood: another program, or another version. */
export class GateProtocolError extends GateError {}
