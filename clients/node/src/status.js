// `status()`: the gate's own account of itself, asked over the socket.

import { askOnce } from './connection.js';
import { socketPath } from './environment.js';
import { GateError } from './errors.js';
import { LONGEST_SNAPSHOT, jsonObject, whyNotConnected } from './protocol.js';

export async function status({ socket, timeout = 1000, signal } = {}) {
  const path = socketPath(socket);
  const unreachable = (why) =>
    new GateError(`no answer from the gate at ${path}: ${why}`, { code: 'gate_unreachable' });
  let line;
  try {
    line = await askOnce(path, 'STATUS\n', { longest: LONGEST_SNAPSHOT, limit: timeout, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(whyNotConnected(error));
  }
  if (line === null) throw unreachable('the daemon ended before it answered');
  return jsonObject(line);
}
