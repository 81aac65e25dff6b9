// What a request pays for isOpen(), and the look at the clock that is in it: ns each, medians of as many
// rounds as the argument says.

import { isOpen } from '../src/index.js';
import { Gate } from './gate.js';

const ASKED = 200_000;

const gate = new Gate();
gate.writePage(1, { expires: 600_000 });
process.env.READYGATE_GATE_SOCKET = gate.socket;
if (!isOpen()) throw new Error('not open');

function nanoseconds(ask) {
  const begin = process.hrtime.bigint();
  for (let i = 0; i < ASKED; ++i) ask();
  return Number(process.hrtime.bigint() - begin) / ASKED;
}

const asked = [];
const clock = [];
for (let round = 0; round < Number(process.argv[2]); ++round) {
  asked.push(nanoseconds(isOpen));
  clock.push(nanoseconds(process.hrtime.bigint));
}
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
console.log(median(asked), median(clock));
await gate.close();
