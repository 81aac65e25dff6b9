// `watch()`: every change of the gate, across the ends of its daemons.
//
// The daemon sends the newest snapshot and then each change; a reader that is slow gets the newest
// and not each (`seq` shows the gap). A heartbeat comes every 15 s, so silence for longer than two of
// them and a bit means that nobody is there any more.

import { ask } from './connection.js';
import { socketPath } from './environment.js';
import { look, now, pause } from './pause.js';
import { LONGEST_SNAPSHOT, news } from './protocol.js';

const SILENCE = 35_000; // ms

export async function* watch({ socket, signal } = {}) {
  const path = socketPath(socket);
  let last;
  for (;;) {
    const tried = now();
    const seen = look(path);
    const lines = ask(path, 'WATCH\n', { longest: LONGEST_SNAPSHOT, silence: SILENCE, signal });
    try {
      for await (const line of lines) {
        const snapshot = news(line);
        // A new connection begins with what the one before it ended with.
        const key = snapshot && `${snapshot.instance_id} ${snapshot.seq}`;
        if (snapshot === null || key === last) continue;
        last = key;
        yield snapshot;
      }
    } catch {
      // Nobody is there, or it is no gate: both may change. Or it was aborted: pause() throws that.
    }
    await pause(path, seen, tried, Infinity, signal);
  }
}
