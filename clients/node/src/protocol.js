// The line dialect, without sockets: what is asked, and what an answer means. One place for the rule
// that everything depends on: what is not a whole answer that says `ok` is not open.

import { GateDraining, GateFailed, GateForbidden, GateProtocolError } from './errors.js';

export const LONGEST_ANSWER = 4096; // bytes: an answer to WAIT has a few hundred
export const LONGEST_SNAPSHOT = 1024 * 1024; // bytes

const FACTS = ['open', 'ready', 'initialized', 'healthy'];

/** RangeError: no such fact. The time limit is kept here, not there: daemons come and go. */
export function waitRequest(fact, failFast) {
  if (!FACTS.includes(fact)) {
    throw new RangeError(`there is no fact ${JSON.stringify(fact)}; there are: ${FACTS.join(', ')}`);
  }
  return `WAIT ${fact}${failFast ? ' fail-fast' : ''}\n`;
}

/** The object on a line. GateProtocolError: there is none. */
export function jsonObject(line) {
  let value;
  try {
    value = JSON.parse(line);
  } catch {
    value = null;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new GateProtocolError('what answers on the socket is not understood: is it a gate?');
  }
  return value;
}

/** null: the fact is true. Text: why to try again. Throws what ends the wait. */
export function judge(line) {
  const answer = jsonObject(line);
  if (answer.ok === true) return null;
  const { why = 'unknown', state = 'unknown', code = 'unknown' } = answer;
  const told = { state: String(state), code: String(code) };
  switch (why) {
    case 'busy':
    case 'timeout':
      return `the gate answers: ${why}`;
    case 'failed':
      throw new GateFailed(`the gate failed (${code})`, told);
    case 'draining':
      throw new GateDraining('the gate is draining: it will not open again', told);
    case 'forbidden':
      throw new GateForbidden('the gate does not answer this user', told);
    default:
      throw new GateProtocolError(`the gate answers: ${why}; is it of another version?`, told);
  }
}

/** The snapshot on a line of WATCH, or null: a heartbeat, or told to come again later. */
export function news(line) {
  const answer = jsonObject(line);
  return 'state' in answer && !('ok' in answer) ? answer : null;
}

/** What a person reads in place of an error number. */
export function whyNotConnected(error) {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'the socket does not exist (is `readygate run` started, and the folder mounted?)';
    case 'ECONNREFUSED':
      return 'nobody listens on the socket';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not connect (see gate.socket_mode and gate.socket_group)';
    case 'EAGAIN':
      return 'too many clients connect at once';
    default:
      return error.message;
  }
}

/** The gate's account in a sentence. */
export function describe({ state = 'unknown', phase, code = 'none', reason }) {
  let text = `the gate is ${state}`;
  if (phase?.what) text += ` (${phase.what})`;
  if (code !== 'none') text += `, ${code}`;
  if (reason) text += `: ${reason}`;
  return text;
}
