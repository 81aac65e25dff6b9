// The Node client's driver of tests/protocol/clients: questions on standard input, answers on standard
// output, a line each.

import { createInterface } from 'node:readline';

import * as readygate from '../src/index.js';

const UNITS = { ms: 1, s: 1000 };
const WORDS = {
  GateTimeout: 'timeout',
  GateFailed: 'failed',
  GateDraining: 'draining',
  GateForbidden: 'forbidden',
};

function milliseconds(limit) {
  const found = /^(\d+)(ms|s)$/.exec(limit);
  return found ? Number(found[1]) * UNITS[found[2]] : undefined;
}

async function wait(fact, limit, ...flags) {
  const failFast = flags.includes('fail-fast');
  try {
    await readygate.wait({ fact, timeout: milliseconds(limit), failFast });
  } catch (error) {
    if (error instanceof RangeError) return 'usage';
    if (error instanceof readygate.GateProtocolError) return 'protocol';
    return `${WORDS[error.name]} ${error.state} ${error.code}`;
  }
  return 'ok';
}

const account = (snapshot) => (snapshot ? `${snapshot.state} ${snapshot.seq}` : 'none');

async function* answers(line) {
  const [question, ...words] = line.split(' ');
  if (question === 'wait') {
    yield await wait(...words);
  } else if (question === 'watch') {
    let left = Number(words[0]);
    for await (const snapshot of readygate.watch()) {
      yield account(snapshot);
      if (--left === 0) break;
    }
  } else if (question === 'is_open') {
    yield String(readygate.isOpen());
  } else if (question === 'snapshot') {
    yield account(readygate.snapshot());
  } else {
    yield `no such question: ${question}`;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  for await (const answer of answers(line)) process.stdout.write(`${answer}\n`);
}
