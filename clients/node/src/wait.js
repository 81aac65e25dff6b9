// `wait()`: until the gate says that something is true.
//
// It fails closed. No socket, a refused connection, a full backlog, no permission (yet), an end of
// stream before an answer: each of them means *not open*, and is tried again, once a second and when
// the socket's file changes.

import { askOnce, TimeIsUp } from './connection.js';
import { disabled, socketPath } from './environment.js';
import { GateError, GateFailed, GateTimeout } from './errors.js';
import { look, now, pause } from './pause.js';
import { LONGEST_ANSWER, describe, judge, waitRequest, whyNotConnected } from './protocol.js';
import { status } from './status.js';

const STATUS_LIMIT = 200; // ms, to learn why, once the wait has ended

export async function wait({ fact = 'open', timeout, failFast = false, signal, socket } = {}) {
  const path = socketPath(socket);
  const request = waitRequest(fact, failFast);
  signal?.throwIfAborted();
  if (disabled()) return;
  const deadline = now() + (timeout ?? Infinity);
  for (;;) {
    const tried = now();
    const seen = look(path);
    const cause = await attempt(path, request, deadline - tried, signal).catch(async (error) => {
      throw error instanceof GateFailed ? explained(error, await account(path, signal)) : error;
    });
    if (cause === null) return;
    if (cause !== NO_ANSWER) await pause(path, seen, tried, deadline, signal);
    if (now() < deadline) continue;
    const why =
      cause === NO_ANSWER
        ? await account(path, signal)
        : new GateError(cause, { code: 'gate_unreachable' });
    throw new GateTimeout(`not ${fact} after ${timeout} ms: ${why.message}`, why);
  }
}

const NO_ANSWER = 'no answer in time';

/** One connection. null: the fact is true. Text: why to try again. */
async function attempt(path, request, limit, signal) {
  let line;
  try {
    line = await askOnce(path, request, { longest: LONGEST_ANSWER, limit, signal });
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof TimeIsUp ? NO_ANSWER : `${path}: ${whyNotConnected(error)}`;
  }
  return line === null ? 'the daemon ended before it answered' : judge(line);
}

/** What the gate says of itself, as the cause of another error. */
async function account(path, signal) {
  try {
    const said = await status({ socket: path, timeout: STATUS_LIMIT, signal });
    return new GateError(describe(said), said);
  } catch (error) {
    if (error instanceof GateError) return error;
    throw error;
  }
}

/** The same failure with the gate's own sentence, if it still says that it failed. */
function explained(failed, why) {
  return why.state === failed.state ? new GateFailed(why.message, failed) : failed;
}
