// The time between two tries: a second, or until something about the socket's file changes.

import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const TRY_AGAIN = 1000; // ms, after a try that led nowhere
const LOOK = 50; // ms, between looks at the socket's file while nobody serves it

/** ms of a clock that is never set. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Changes when something about the socket's file does: made, replaced, chmod, removed. One stat(2).
 * A folder's events would be cheaper yet, but some sandboxes deliver none.
 */
export function look(path) {
  try {
    const found = statSync(path, { bigint: true });
    return `${found.dev} ${found.ino} ${found.ctimeNs}`;
  } catch (error) {
    return error.code;
  }
}

/**
 * Sleeps until a second after `tried`, or until the socket's file is not what was `seen`, or until
 * `deadline`. Throws the signal's reason.
 */
export async function pause(path, seen, tried, deadline, signal) {
  for (;;) {
    const left = Math.min(tried + TRY_AGAIN, deadline) - now();
    if (left <= 0 || look(path) !== seen) return;
    try {
      await sleep(Math.min(LOOK, left), undefined, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }
}
