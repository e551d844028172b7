import { connect } from 'node:net';
import type { Clock } from '../clock.ts';

/** Whether the port accepts a TCP connection, which is closed at once. */
export async function answersAt(host: string, port: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) {
    return false;
  }
  const over = new AbortController();
  const socket = connect({ host, port });
  const connected = new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    signal.addEventListener('abort', () => resolve(false), { signal: over.signal });
  });
  try {
    // A device in a local network answers in milliseconds; TCP retries after one second.
    return await Promise.race([connected, clock.sleep(2_000, over.signal).then(() => false)]);
  } finally {
    over.abort();
    socket.destroy();
  }
}
