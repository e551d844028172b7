import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { openChannel } from './channel/open-channel.ts';
import { parseAddress } from './request/address.ts';
import { Authenticator } from './request/authenticator.ts';
import { RtspConnection } from './request/connection.ts';

const NAME = 'camera';

/** Whether there is a server at this address that answers OPTIONS in RTSP, with whatever status (RFC 2326 §10.1). Nobody logs in. */
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
