// One connection to the gate: a request line out, answer lines in.

import { createConnection } from 'node:net';

const LF = 0x0a;
const LONGEST_TIMER = 2 ** 31 - 1; // ms: Node fires a longer one at once

/** Destroys a connection whose time is up. */
export class TimeIsUp extends Error {}

/**
 * The whole lines that a daemon answers with, until its end of stream. Half a line is none, and one
 * longer than `longest` bytes ends it. Throws what connecting fails with, TimeIsUp, or the signal's
 * reason. `limit` is in ms for all of it, `silence` in ms between bytes; both may be undefined.
 */
export async function* ask(path, request, { longest, limit, silence, signal }) {
  signal?.throwIfAborted();
  const socket = createConnection({ path });
  const end = () => socket.destroy(new TimeIsUp('no answer in time'));
  const abort = () => socket.destroy(asError(signal.reason));
  const timer = limit === undefined ? undefined : setTimeout(end, Math.min(limit, LONGEST_TIMER));
  if (silence !== undefined) socket.setTimeout(silence, end);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    socket.write(request);
    let held = Buffer.alloc(0);
    for await (const piece of socket) {
      held = held.length === 0 ? piece : Buffer.concat([held, piece]);
      for (let at = held.indexOf(LF); at >= 0; at = held.indexOf(LF)) {
        yield held.toString('utf8', 0, at);
        held = held.subarray(at + 1);
      }
      if (held.length > longest) return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** The first whole line; null: the stream ended before there was one, or it is too long. */
export async function askOnce(path, request, options) {
  for await (const line of ask(path, request, options)) return line;
  return null;
}

function asError(reason) {
  return reason instanceof Error ? reason : new Error(String(reason));
}
