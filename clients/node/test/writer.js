// A worker that writes a page's snapshot at full speed, each one whole in itself.

import { openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const fd = openSync(workerData, 'r+');
const half = new Uint32Array(1);
const store = (at, value) => {
  half[0] = value;
  writeSync(fd, half, 0, 4, at);
};

for (let seq = 1, lock = 2; ; seq = (seq % 9) + 1) {
  const text = JSON.stringify({ seq, pad: String(seq).repeat(3000 + 80 * seq) });
  store(128, ++lock);
  store(132, text.length);
  writeSync(fd, text, 136);
  store(128, ++lock);
  if (lock === 4) parentPort.postMessage('written');
}
