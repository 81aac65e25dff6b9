// What the shared cases cannot ask: errors as values, aborting, long limits, the warning.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import * as readygate from '../src/index.js';
import { withGate } from './gate.js';

const line = (object) => `${JSON.stringify(object)}\n`;
const OPEN = line({ ok: true, why: 'open' });
const FAILED = { state: 'failed', code: 'duplicate_keys', reason: 'two carts with one owner' };

test('the error says why', async (t) => {
  const gate = await withGate(t);
  gate.answers = { WAIT: line({ ok: false, why: 'failed', ...FAILED }), STATUS: line(FAILED) };
  await assert.rejects(readygate.wait({ socket: gate.socket, failFast: true }), (error) => {
    assert.ok(error instanceof readygate.GateFailed && error instanceof readygate.GateError);
    assert.deepEqual([error.name, error.state, error.code], ['GateFailed', 'failed', 'duplicate_keys']);
    assert.match(error.message, /two carts with one owner/);
    return true;
  });
});

test('a wait is aborted', async (t) => {
  const gate = await withGate(t);
  const reason = new Error('the user left');
  const abort = new AbortController();
  const wait = readygate.wait({ socket: gate.socket, signal: abort.signal });
  while (gate.clients.size === 0) await new Promise(setImmediate);
  const [client] = gate.clients;
  abort.abort(reason);
  await assert.rejects(wait, reason);
  if (!client.destroyed) await once(client, 'close'); // its connection has ended too
});

test('a wait for a gate that is not there is aborted', async (t) => {
  const gate = await withGate(t);
  const abort = new AbortController();
  const wait = readygate.wait({ socket: `${gate.socket}.not`, signal: abort.signal });
  const reason = new Error('the user left');
  setImmediate(() => abort.abort(reason));
  await assert.rejects(wait, reason);
});

test('what was aborted before asks nobody', async (t) => {
  const gate = await withGate(t);
  gate.answers = { WAIT: OPEN };
  await assert.rejects(readygate.wait({ socket: gate.socket, signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
});

test('a limit that no timer can hold', async (t) => {
  const gate = await withGate(t);
  const warned = [];
  const warn = (warning) => warned.push(warning.name);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const wait = readygate.wait({ socket: gate.socket, timeout: 2 ** 40 });
  while (gate.clients.size === 0) await new Promise(setImmediate);
  for (const client of gate.clients) client.end(OPEN);
  await wait;
  assert.deepEqual(warned, []);
});

test('many at once', async (t) => {
  const gate = await withGate(t);
  gate.answers = { WAIT: OPEN };
  await Promise.all(Array.from({ length: 50 }, () => readygate.wait({ socket: gate.socket })));
});

test('the kill switch is said once', async (t) => {
  const warned = [];
  const warn = (warning) => warned.push(warning.message);
  process.on('warning', warn);
  process.env.READYGATE_DISABLE = '1';
  t.after(() => {
    process.off('warning', warn);
    delete process.env.READYGATE_DISABLE;
  });
  await readygate.wait({ socket: '/nowhere' });
  await readygate.wait({ socket: '/nowhere' });
  assert.equal(readygate.isOpen('/nowhere'), true);
  await new Promise(setImmediate);
  assert.equal(warned.length, 1);
  assert.match(warned[0], /READYGATE_DISABLE/);
});

test('where the socket is', async (t) => {
  const gate = await withGate(t);
  gate.answers = { STATUS: line({ state: 'ready' }) };
  process.env.READYGATE_GATE_SOCKET = gate.socket;
  t.after(() => delete process.env.READYGATE_GATE_SOCKET);
  assert.deepEqual(await readygate.status(), { state: 'ready' });
  await assert.rejects(readygate.status({ socket: '/nowhere' }), {
    code: 'gate_unreachable',
    message: /\/nowhere.*does not exist/,
  });
  assert.throws(() => readygate.isOpen('/'.padEnd(108, 'x')), RangeError);
});

test('leaving the loop ends a watch', async (t) => {
  const gate = await withGate(t);
  const seen = [];
  const serve = setInterval(() => {
    for (const client of gate.clients) client.write(line({ state: 'ready', seq: ++seq }));
  }, 5);
  let seq = 0;
  t.after(() => clearInterval(serve));
  for await (const snapshot of readygate.watch({ socket: gate.socket })) {
    seen.push(snapshot.state);
    if (seen.length === 2) break;
  }
  while (gate.clients.size > 0) await new Promise(setImmediate);
  assert.deepEqual(seen, ['ready', 'ready']);
});

test('a watch is aborted', async (t) => {
  const gate = await withGate(t);
  const abort = new AbortController();
  const next = readygate.watch({ socket: gate.socket, signal: abort.signal }).next();
  while (gate.clients.size === 0) await new Promise(setImmediate);
  abort.abort();
  await assert.rejects(next, { name: 'AbortError' });
});
