// A gate for the tests: a socket that answers as told, and a state page. Layout: docs/protocol.md.

import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Gate {
  folder = mkdtempSync(join(tmpdir(), 'rg-'));
  socket = join(this.folder, 'gate.sock');
  clients = new Set();
  answers = {}; // by the request's first word: a string is sent, and then the end of stream
  #server = createServer((client) => {
    this.clients.add(client);
    client.on('close', () => this.clients.delete(client));
    client.on('error', () => {});
    client.once('data', (request) => {
      const answer = this.answers[request.toString().split(/\s/)[0]];
      if (answer !== undefined) client.end(answer);
    });
  });

  async listen() {
    await new Promise((resolve) => this.#server.listen(this.socket, resolve));
    return this;
  }

  async close() {
    for (const client of this.clients) client.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.folder, { recursive: true });
  }

  writePage(bits, options) {
    writeFileSync(`${this.socket}.new`, page(bits, options));
    renameSync(`${this.socket}.new`, `${this.socket}.page`);
  }
}

/** For who has it open as well, as the daemon does at its orderly end. */
export function zeroPage(gate) {
  writeFileSync(`${gate.socket}.page`, Buffer.alloc(4096), { flag: 'r+' });
}

/** A whole page. `expires` is in ms from now. */
export function page(bits, { expires = 60_000, snapshot = '' } = {}) {
  const bytes = Buffer.alloc(4096);
  bytes.write('RDYGATE\0');
  new Uint32Array(bytes.buffer, bytes.byteOffset).set([1, 4096], 2);
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', '');
  bytes.write(boot, 16, 'hex');
  const until = process.hrtime.bigint() / 1_000_000n + BigInt(expires);
  new BigUint64Array(bytes.buffer, bytes.byteOffset)[8] = (until << 8n) | BigInt(bits);
  new Uint32Array(bytes.buffer, bytes.byteOffset).set([2, snapshot.length], 32);
  bytes.write(snapshot, 136);
  return bytes;
}

/** For node:test: a gate that ends with its test. */
export async function withGate(test) {
  const gate = await new Gate().listen();
  test.after(() => gate.close());
  return gate;
}
