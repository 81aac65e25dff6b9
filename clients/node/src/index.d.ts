// What `readygate` gives an application. Times are in milliseconds.

/** What a gate can be asked for. An application waits for `open`. */
export type Fact = 'open' | 'ready' | 'initialized' | 'healthy';

export type State =
  | 'starting'
  | 'connecting'
  | 'waiting'
  | 'initializing'
  | 'verifying'
  | 'warming'
  | 'ready'
  | 'degraded'
  | 'failed'
  | 'draining';

export interface Facts {
  open: boolean;
  ready: boolean;
  initialized: boolean;
  healthy: boolean;
  reachable: boolean;
}

/** The gate's own account. A later version may have more members. */
export interface Snapshot extends Facts {
  v: number;
  /** Rises by one with each change. */
  seq: number;
  /** Fresh at each start of the daemon. */
  instance_id: string;
  state: State;
  live: boolean;
  /** What is being done; `of` 0 means no steps. */
  phase: { name: string; step: number; of: number; what: string; percent: number | 'unknown' };
  reason: string;
  /** A reason code, `none` when nothing is wrong. */
  code: string;
  retryable: boolean;
  attempt: number;
  /** RFC 3339, as are `since` and `started`. */
  next_attempt_at: string | null;
  since: string;
  started: string;
  schema: { name: string; version: number; hash: string };
  lease: { owner: string; token: number; mine: boolean };
  checks: { name: string; passed: boolean; code: string; reason?: string }[];
  server: { product: string; version: string; topology: string };
  withheld_steps: number;
}

export interface Where {
  /** The gate's socket. Default: READYGATE_GATE_SOCKET, else /run/readygate/gate.sock. */
  socket?: string;
}

export interface WaitOptions extends Where {
  /** Default: `open`. */
  fact?: Fact;
  /** Default: for ever. */
  timeout?: number;
  /** End when the gate says `failed`. Default: false, since it tries again by itself. */
  failFast?: boolean;
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Resolves once the gate says that the fact is true; with READYGATE_DISABLE=1 at once. Rejects with
 * GateTimeout; GateDraining; GateFailed, with `failFast` only; GateForbidden; GateProtocolError;
 * RangeError for an unknown fact or a path that no socket can have; the reason of `signal`.
 */
export function wait(options?: WaitOptions): Promise<void>;

/**
 * Whether the gate is open now, by the state page. Never waits, and never throws for want of a gate.
 * RangeError: a path that no socket can have.
 */
export function isOpen(socket?: string): boolean;

/** What the page says is true; null when there is no page, or an old one. */
export function facts(socket?: string): Facts | null;

/**
 * The gate's account on the page, without asking anybody. null when there is no page, or an old one, or
 * when it did not fit there: then ask status().
 */
export function snapshot(socket?: string): Snapshot | null;

/** The same asked over the socket. GateError: no answer within `timeout` (default 1,000). */
export function status(options?: Where & { timeout?: number; signal?: AbortSignal }): Promise<Snapshot>;

/**
 * The snapshot of now, then each newer one, for ever. While no daemon answers, it waits. Leaving the loop
 * ends it, and so does `signal`, with its reason.
 */
export function watch(options?: Where & { signal?: AbortSignal }): AsyncGenerator<Snapshot, never, void>;

export interface MiddlewareOptions extends Where {
  /** Follow the gate with each request. Default: false, everything passes after the first `open`. */
  strict?: boolean;
  /** Paths that always pass, compared as they are: a liveness probe's, say. */
  exempt?: Iterable<string>;
}

/** Answers 503 with `Retry-After` until the gate has been open; for Express and the like. */
export function gateMiddleware(options?: MiddlewareOptions): (
  req: { url?: string; originalUrl?: string; method?: string },
  res: {
    writeHead(status: number, headers: Record<string, string | number>): unknown;
    end(body?: string): unknown;
  },
  next: () => unknown,
) => void;

/** The gate is not open, and waiting was of no use. */
export class GateError extends Error {
  constructor(message: string, told?: { state?: string; code?: string });
  /** The gate's, or `unknown` when nobody answered. */
  state: string;
  /** A reason code of the gate; `gate_unreachable` when nobody answered. */
  code: string;
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
