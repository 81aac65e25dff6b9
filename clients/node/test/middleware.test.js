import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';

import { gateMiddleware, isOpen } from '../src/index.js';
import { withGate, zeroPage } from './gate.js';

/** An http server behind the middleware; asks it for a path. */
async function serve(t, gate, options) {
  const middleware = gateMiddleware({ socket: gate.socket, ...options });
  const server = createServer((req, res) => middleware(req, res, () => res.end('served')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (path, method = 'GET') =>
    fetch(`http://127.0.0.1:${server.address().port}${path}`, {
      method,
      headers: { connection: 'close' },
    });
}

/** Until the page that lies there now is looked at. */
async function until(ask, status) {
  while ((await ask('/')).status !== status) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('503 until the gate has been open, then everything passes', async (t) => {
  const gate = await withGate(t);
  const ask = await serve(t, gate, { exempt: ['/livez'] });
  const refused = await ask('/orders?page=2');
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  assert.equal(await refused.text(), 'not ready\n');
  assert.equal((await ask('/orders', 'HEAD')).status, 503);
  assert.equal((await ask('/livez?verbose')).status, 200);
  gate.writePage(1);
  await until(ask, 200);
  zeroPage(gate);
  assert.equal(isOpen(gate.socket), false);
  assert.equal(await (await ask('/')).text(), 'served');
});

test('strict follows the gate', async (t) => {
  const gate = await withGate(t);
  gate.writePage(1, { expires: 300 });
  const ask = await serve(t, gate, { strict: true });
  await until(ask, 503);
  gate.writePage(1);
  await until(ask, 200);
});

test('a path below which a router is mounted counts whole', async (t) => {
  const gate = await withGate(t);
  const passed = [];
  const middleware = gateMiddleware({ socket: gate.socket, exempt: ['/api/livez'] });
  middleware({ url: '/livez', originalUrl: '/api/livez' }, {}, () => passed.push('livez'));
  assert.deepEqual(passed, ['livez']);
});
