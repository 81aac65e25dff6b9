// 503 until the gate has been open, for whatever takes `(req, res, next)`: Express, Connect, a bare
// http server.
//
// Until the first `open` in this process every request is answered with 503 and `Retry-After`; after
// that everything passes, so that a request in flight during a shutdown is not refused. With `strict`
// each request follows the gate. It asks the state page.

import { isOpen } from './page.js';

const BODY = 'not ready\n';

export function gateMiddleware({ strict = false, exempt = [], socket } = {}) {
  const exempted = new Set(exempt);
  let opened = false;
  return (req, res, next) => {
    if (opened || isOpen(socket)) {
      opened = !strict;
      return next();
    }
    // Express shortens `url` by what a router is mounted at.
    if (exempted.has((req.originalUrl ?? req.url).split('?', 1)[0])) return next();
    res.writeHead(503, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': BODY.length,
      'Retry-After': 1, // s
      'Cache-Control': 'no-store',
    });
    res.end(req.method === 'HEAD' ? undefined : BODY);
  };
}
