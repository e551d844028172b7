import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { PerchError } from '../../base/errors.ts';

interface UnixEvents {
  /** @param chunk valid during the call only */
  onData(chunk: Uint8Array): void;
  /** The sender has closed the connection. */
  onEnd(cause: PerchError): void;
}

/**
 * Opens the local socket of a URL such as `unix+mpegts:///run/camera.sock` and takes one connection; later ones are rejected while it is
 * open. A socket that an earlier process left is replaced, any other file is not.
 * @throws PerchError unavailable
 */
export async function acceptUnix(url: string, events: UnixEvents): Promise<{ close(): void }> {
  const path = decodeURIComponent(new URL(url).pathname);
  let sender: Socket | undefined;
  const server = createServer((socket) => {
    if (sender) {
      socket.destroy();
      return;
    }
    sender = socket;
    socket.on('data', (chunk: Buffer) => events.onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => events.onEnd(new PerchError('unavailable', 'the sender has closed the connection')));
  });
  try {
    if (
      await lstat(path).then(
        (file) => file.isSocket(),
        () => false,
      )
    ) {
      await rm(path);
    }
    const listening = once(server, 'listening');
    server.listen(path);
    await listening;
  } catch (cause) {
    server.close();
    throw new PerchError('unavailable', `the local socket ${path} cannot be opened`, { path }, cause);
  }
  return {
    close: () => {
      server.close();
      sender?.destroy();
    },
  };
}
