// What the environment says: where the gate is, and whether it is to be left out.
//
// READYGATE_GATE_SOCKET is the path of the socket, as it is for the daemon and for `readygate wait`.
// READYGATE_DISABLE=1 is the kill switch: nothing waits, and the gate counts as open. It is for the
// day on which the gate itself is what is broken.

const DEFAULT_SOCKET = '/run/readygate/gate.sock';
const LONGEST_PATH = 107; // bytes, of a Unix socket's address (unix(7))

let said = false;

/** The argument, else the environment's, else the default. RangeError: it cannot be one. */
export function socketPath(given) {
  const path = given ?? (process.env.READYGATE_GATE_SOCKET || DEFAULT_SOCKET);
  const length = Buffer.byteLength(path);
  if (length < 1 || length > LONGEST_PATH || path.includes('\0')) {
    throw new RangeError(
      `${JSON.stringify(path)} cannot be a socket's path: it has ${length} bytes, ` +
        `and 1 to ${LONGEST_PATH} are allowed, none of them NUL`,
    );
  }
  return path;
}

/** Whether the kill switch is set. The first time that it is, a warning says so. */
export function disabled() {
  if (process.env.READYGATE_DISABLE !== '1') return false;
  if (!said) {
    said = true;
    process.emitWarning('READYGATE_DISABLE=1 is set: the gate is not waited for', 'ReadygateWarning');
  }
  return true;
}
