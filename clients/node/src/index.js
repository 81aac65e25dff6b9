// Waits until the gate of a service is open, and tells whether it still is.
//
//     import * as readygate from 'readygate';
//
//     await readygate.wait({ timeout: 60_000 });  // until the database is as the schema says
//     if (readygate.isOpen()) ...                 // about a microsecond: for every request
//
// The gate is a sidecar, `readygate run`; its protocol stands in docs/protocol.md of the project.
// Types and what each call does: index.d.ts.

export { GateDraining, GateError, GateFailed, GateForbidden, GateProtocolError, GateTimeout } from './errors.js';
export { gateMiddleware } from './middleware.js';
export { facts, isOpen, snapshot } from './page.js';
export { status } from './status.js';
export { wait } from './wait.js';
export { watch } from './watch.js';
