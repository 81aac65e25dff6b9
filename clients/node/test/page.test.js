// The state page: load, descriptors, the clock. What it says when is in the cases that all clients share.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { Worker } from 'node:worker_threads';

import { facts, isOpen, snapshot } from '../src/index.js';
import { page, withGate, zeroPage } from './gate.js';

test('nothing is torn: a writer at full speed', async (t) => {
  const gate = await withGate(t);
  gate.writePage(1);
  const writer = new Worker(new URL('writer.js', import.meta.url), { workerData: `${gate.socket}.page` });
  await once(writer, 'message');
  let whole = 0;
  for (let round = 0; round < 3000; ++round) {
    assert.equal(isOpen(gate.socket), true);
    const found = snapshot(gate.socket);
    if (found === null) continue; // a hundred tries met the writer each time
    assert.equal(found.pad, String(found.seq).repeat(3000 + 80 * found.seq));
    ++whole;
  }
  await writer.terminate();
  assert.ok(whole > 0);
});

test('facts', async (t) => {
  const gate = await withGate(t);
  assert.equal(facts(gate.socket), null);
  const other = await withGate(t);
  other.writePage(0b01100);
  assert.deepEqual(facts(other.socket), {
    open: false,
    ready: false,
    initialized: true,
    healthy: true,
    reachable: false,
  });
});

test('a page is opened at most every 100 ms', async (t) => {
  const gate = await withGate(t);
  const real = process.hrtime.bigint;
  const start = real();
  let now = start;
  process.hrtime.bigint = () => now;
  t.after(() => (process.hrtime.bigint = real));
  const { isOpen: asked } = await import('../src/page.js?with-a-clock-of-its-own');
  const after = (ms) => {
    now = start + BigInt(ms) * 1_000_000n;
    return asked(gate.socket);
  };
  assert.equal(after(0), false);
  gate.writePage(1);
  assert.equal(after(99), false);
  assert.equal(after(100), true);
  assert.equal(after(59_000), true);
  assert.equal(after(60_500), false);
});

test('no descriptor is left behind', async (t) => {
  const gate = await withGate(t);
  const open = () => readdirSync('/proc/self/fd').length;
  const { isOpen: asked } = await import('../src/page.js?descriptors');
  const until = async (expected) => {
    while (asked(gate.socket) !== expected) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  gate.writePage(1);
  await until(true);
  const before = open();
  for (let round = 0; round < 3; ++round) {
    zeroPage(gate);
    await until(false);
    gate.writePage(1);
    await until(true);
  }
  assert.equal(open(), before);
});

test('what is no file holds nobody up', async (t) => {
  const gate = await withGate(t);
  execFileSync('mkfifo', [`${gate.socket}.page`]);
  assert.equal(isOpen(gate.socket), false);
  rmSync(`${gate.socket}.page`);
});

test('a page that was cut off under us', async (t) => {
  const gate = await withGate(t);
  gate.writePage(1);
  assert.equal(isOpen(gate.socket), true);
  writeFileSync(`${gate.socket}.page`, page(1).subarray(0, 64));
  assert.equal(isOpen(gate.socket), false);
});
