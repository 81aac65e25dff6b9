// What is shipped: no dependencies, types that say what there is, a README that is true.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import * as readygate from '../src/index.js';
import { withGate } from './gate.js';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

test('no dependencies', () => {
  const kinds = Object.keys(JSON.parse(read('../package.json')));
  assert.deepEqual(kinds.filter((name) => /dependencies/i.test(name)), []);
});

test('the types name what there is, and nothing else', () => {
  const declared = [...read('../src/index.d.ts').matchAll(/^export (?:function|class) (\w+)/gm)];
  assert.deepEqual(declared.map((found) => found[1]).sort(), Object.keys(readygate).sort());
});

const blocks = [...read('../README.md').matchAll(/^```js\n(.*?)^```/gms)].map((found) => found[1]);

for (const [number, block] of blocks.entries()) {
  test(`the README is true: ${number}`, async (t) => {
    const gate = await withGate(t);
    gate.answers = {
      WAIT: '{"ok":true,"why":"open"}\n',
      WATCH: '{"state":"ready","code":"none","seq":1}\n',
    };
    gate.writePage(1);
    // As its own package: `import ... from 'readygate'` finds this one by its name.
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', block], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, READYGATE_GATE_SOCKET: gate.socket },
      timeout: 60_000,
    });
  });
}
