import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import { dumpServer } from '../../base/packet-dump/dump-connections.ts';

interface UnixEvents {
  /** @param chunk valid during the call only */
  onData(chunk: Uint8Array): void;
  /** The sender has closed the connection. */
  onEnd(cause: PerchError): void;
}

/**
 * Opens the local socket of a URL such as `unix+mpegts:///run/camera.sock` and takes one connection; later ones are rejected once it has
 * sent something. A socket that an earlier process left is replaced; any other file is not, nor a socket on which a program listens.
 * @throws PerchError unavailable
 */
export async function acceptUnix(url: string, events: UnixEvents): Promise<{ close(): void }> {
  const path = decodeURIComponent(new URL(url).pathname);
  let sender: Socket | undefined;
  const server = createServer((socket) => {
    if (sender && sender.bytesRead > 0) {
      socket.destroy();
      return;
    }
    // The earlier connection has sent nothing: it may be the probe of `removeStale` for another path.
    sender?.destroy();
    sender = socket;
    socket.on('data', (chunk: Buffer) => events.onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (socket.bytesRead > 0) {
        events.onEnd(new PerchError('unavailable', 'the sender has closed the connection'));
      }
    });
  });
  dumpServer(server, `${url.startsWith('unix+rtp') ? 'rtp' : 'mpegts'}_source_unix_conn`);
  try {
    await removeStale(path);
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

/** Removes a socket on which no program listens. @throws PerchError if one does, or an error of the system */
async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (!file?.isSocket()) {
    return;
  }
  const probe = connect(path);
  try {
    await once(probe, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
      throw error;
    }
    await rm(path);
    return;
  } finally {
    probe.destroy();
  }
  throw new PerchError('unavailable', 'a program or another path listens on it', { path });
}
