// `isOpen()`: eight bytes read from a file that is kept open, and one look at a clock.
//
// The daemon keeps a page of 4 KiB beside its socket, whose word at offset 64 holds what is true and
// until when: it is rewritten every 500 ms and good for 3 s, so that a daemon that was killed is
// believed for that long at most. A page that is missing, has expired, was zeroed (the daemon's orderly
// end), or is of an earlier boot says not open, and is opened anew, every 100 ms at most. Other
// languages map the file; Node would need an addon for that, and pread(2) does.
//
// The word's times are of CLOCK_MONOTONIC_COARSE. Node reads CLOCK_MONOTONIC, which is the same clock
// at most a tick (10 ms) further on: a page expires for us that much earlier, never later.
//
// The writer stores the word at once, but nothing promises that read(2) copies it at once. A mixture
// of two words still does no harm: it can only be read while the daemon writes, its facts are one byte,
// and "open" then is what either word says or said half a second ago. Any other answer is looked at
// again before it is given.

import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { endianness } from 'node:os';

import { disabled, socketPath } from './environment.js';

const MAGIC = 'RDYGATE\0';
const VERSION = 1;
const SIZE = 4096; // bytes
const OPEN = 1;
const BITS = { open: 1, ready: 2, initialized: 4, healthy: 8, reachable: 16 };
const AT = { version: 8, size: 12, boot: 16, offset: 48, word: 64, sequence: 128, snapshot: 136 };
const TRIES = 100;
const REOPEN = 100; // ms
const LITTLE = endianness() === 'LE';
const { bigint: nanoseconds } = process.hrtime; // kept: test frameworks put false clocks in its place

export function isOpen(socket) {
  return pageOf(socket).isOpen();
}

export function facts(socket) {
  return pageOf(socket).facts();
}

export function snapshot(socket) {
  return pageOf(socket).snapshot();
}

/** The page beside one socket: the given one, or the one that the environment names. */
class StatePage {
  #socket;
  #file = null; // the open page: { fd, path, shift }
  #tried = null; // the socket whose page was opened last
  #triedAt = 0; // ms
  #bytes = new Uint8Array(8);
  #halves = new Uint32Array(this.#bytes.buffer);

  constructor(socket) {
    this.#socket = socket;
  }

  isOpen() {
    if (this.#file !== null && (this.#word() & OPEN) !== 0) return true;
    return this.facts()?.open === true || disabled();
  }

  facts() {
    if (!this.#current()) return null;
    const word = this.#word();
    if (word === 0) return null;
    return Object.fromEntries(Object.entries(BITS).map(([name, bit]) => [name, (word & bit) !== 0]));
  }

  snapshot() {
    if (!this.#current()) return null;
    const text = this.#copy();
    try {
      const found = JSON.parse(text);
      return typeof found === 'object' && !Array.isArray(found) ? found : null;
    } catch {
      return null;
    }
  }

  /** The word's facts and a bit that is always set; 0 when it has expired or cannot be read. */
  #word() {
    try {
      if (readSync(this.#file.fd, this.#bytes, 0, 8, AT.word) !== 8) return 0;
    } catch {
      return 0;
    }
    const [low, high] = LITTLE ? this.#halves : [this.#halves[1], this.#halves[0]];
    const expires = high * 2 ** 24 + (low >>> 8);
    return clock() - this.#file.shift < expires ? (low & 0xff) | 0x100 : 0;
  }

  /** The snapshot under its sequence lock; null: there is none, or no whole one. */
  #copy() {
    // Each load is a system call of its own, in which the kernel takes and drops its hold of the page
    // with atomic operations: they stay in this order on every machine.
    const head = Buffer.alloc(8);
    const body = Buffer.alloc(SIZE - AT.snapshot);
    try {
      for (let tries = 0; tries < TRIES; ++tries) {
        readSync(this.#file.fd, head, 0, 4, AT.sequence);
        const before = uint32(head, 0);
        if (before % 2 !== 0) continue;
        readSync(this.#file.fd, head, 4, 4, AT.sequence + 4);
        const length = uint32(head, 4);
        readSync(this.#file.fd, body, 0, body.length, AT.snapshot);
        readSync(this.#file.fd, head, 0, 4, AT.sequence);
        // A longer one did not fit, and is left out.
        if (uint32(head, 0) === before) return length <= body.length ? body.toString('utf8', 0, length) : null;
      }
    } catch {
      // Not to be read any more.
    }
    return null;
  }

  /** Whether a page is open that is good, opened anew if need be and not tried of late. */
  #current() {
    const path = socketPath(this.#socket);
    if (this.#file?.path === path && this.#word() !== 0) return true;
    const now = clock();
    if (this.#tried !== path || now - this.#triedAt >= REOPEN) {
      this.#tried = path;
      this.#triedAt = now;
      if (this.#file) closeSync(this.#file.fd);
      this.#file = open(path);
    }
    return this.#file !== null && this.#word() !== 0;
  }
}

/** Opens the page of this socket; null: there is none that can be believed. */
function open(path) {
  let fd;
  try {
    // A FIFO or a device in its place must not hold us up.
    fd = openSync(`${path}.page`, constants.O_RDONLY | constants.O_NONBLOCK);
    const page = Buffer.alloc(SIZE);
    if (readSync(fd, page, 0, SIZE, 0) === SIZE && believed(page)) {
      const writers = LITTLE ? page.readBigInt64LE(AT.offset) : page.readBigInt64BE(AT.offset);
      return { fd, path, shift: clockOffset() - Number(writers) };
    }
  } catch {
    // Not there, or not for us.
  }
  if (fd !== undefined) closeSync(fd);
  return null;
}

function believed(page) {
  return (
    page.toString('latin1', 0, 8) === MAGIC &&
    uint32(page, AT.version) === VERSION &&
    uint32(page, AT.size) === SIZE &&
    page.toString('hex', AT.boot, AT.boot + 16) === bootId()
  );
}

/** The kernel's id of this boot: on a volume that outlives it, a page of an earlier one may lie about,
 * whose times mean nothing now. */
function bootId() {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', '');
}

/** ms that CLOCK_MONOTONIC is ahead of the kernel's in our time namespace (time_namespaces(7)). */
function clockOffset() {
  let text;
  try {
    text = readFileSync('/proc/self/timens_offsets', 'latin1');
  } catch {
    return 0; // a kernel that knows none
  }
  const found = /^monotonic\s+(-?\d+)\s+(\d+)/m.exec(text);
  return found ? Number(found[1]) * 1000 + Math.trunc(Number(found[2]) / 1e6) : 0;
}

/** ms. */
function clock() {
  return Number(nanoseconds() / 1_000_000n);
}

function uint32(bytes, at) {
  return LITTLE ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

const standard = new StatePage();
const pages = new Map();

function pageOf(socket) {
  if (socket === undefined) return standard;
  let page = pages.get(socket);
  if (!page) pages.set(socket, (page = new StatePage(socket)));
  return page;
}
