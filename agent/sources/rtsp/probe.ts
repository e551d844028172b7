import { connect } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { openChannel } from './channel/open-channel.ts';
import { parseAddress } from './request/address.ts';
import { Authenticator } from './request/authenticator.ts';
import { RtspConnection } from './request/connection.ts';

/** A device in a local network answers in milliseconds; TCP retries after one second. */
const MAX_WAIT_MS = 2_000;
const NAME = 'camera';

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
    return await Promise.race([connected, clock.sleep(MAX_WAIT_MS, over.signal).then(() => false)]);
  } finally {
    over.abort();
    socket.destroy();
  }
}

/** Whether a server answers OPTIONS in RTSP, with any status (RFC 2326 §10.1). Sends no login. */
export async function speaksRtsp(url: string, clock: Clock, waitMs: number, signal: AbortSignal): Promise<boolean> {
  const address = parseAddress(url, NAME);
  const authenticator = new Authenticator(undefined, false);
  const channel = openChannel(address, { name: NAME, fingerprint: '', authenticator });
  const connection = new RtspConnection(channel, address, NAME, clock);
  try {
    await connection.request('OPTIONS', address.uri, [], waitMs, signal);
    return true;
  } catch (error) {
    if (error instanceof PerchError || signal.aborted) {
      return false;
    }
    throw error;
  } finally {
    connection.fail(new PerchError('unavailable', 'connection is over'));
  }
}
