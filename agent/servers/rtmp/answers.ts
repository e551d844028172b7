import { PerchError } from '../../base/errors.ts';
import type { AmfInput } from '../../media/amf/amf0.ts';
import { OUR_ABILITIES } from '../../transports/rtmp/abilities.ts';
import type { RtmpLink } from '../../transports/rtmp/link.ts';

/** Clients expect the form of a Flash Media Server's version. */
const SERVER = { fmsVer: 'FMS/3,0,1,123', capabilities: 31 };
const CONNECTED = {
  level: 'status',
  code: 'NetConnection.Connect.Success',
  description: 'Connection succeeded.',
  objectEncoding: 0,
  ...OUR_ABILITIES,
};

/** RTMP 1.0 §7.2.1.1 */
export function acceptConnect(link: RtmpLink, transaction: number): void {
  link.command(0, '_result', transaction, SERVER, CONNECTED);
}

/** onStatus: RTMP 1.0 §7.2.2 */
export function sendStatus(
  link: RtmpLink,
  messageStream: number,
  code: string,
  description: string,
  level: 'status' | 'error' = 'status',
): void {
  const information: { readonly [name: string]: AmfInput } = { level, code, description };
  link.command(messageStream, 'onStatus', 0, null, information);
}

export function rejectionCode(action: 'publish' | 'play', error: unknown): string {
  const code = error instanceof PerchError ? error.code : undefined;
  if (action === 'publish') {
    return code === 'unauthorized' ? 'NetStream.Publish.Denied' : 'NetStream.Publish.BadName';
  }
  return code === 'notFound' ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed';
}
