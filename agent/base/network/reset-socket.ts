import { Socket } from 'node:net';

/**
 * Ends a connection at once, without what the kernel has yet to send: a slow receiver would get megabytes of it for
 * half a minute.
 */
export function resetSocket(socket: Socket): void {
  // Node resets TCP sockets only; a TLS socket of a server has the TCP socket below it as `_parent`.
  const { _parent: below } = socket as Socket & { readonly _parent?: unknown };
  const tcp = below instanceof Socket ? below : socket;
  try {
    tcp.resetAndDestroy();
  } catch {
    // Another kind of socket, such as a pipe.
  }
  socket.destroy();
}
