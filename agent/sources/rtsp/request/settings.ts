import type { ByteChannel } from '../../../base/network/socket-channel.ts';
import { pick } from '../../../base/pick.ts';
import type { Config } from '../../../config/load/load.ts';
import type { PathSettings } from '../../../config/schema/path.ts';
import type { Login } from './redirects.ts';

/** Settings of a path that the source reads. */
const PATH_KEYS = [
  'rtspTransport',
  'rtspAnyPort',
  'rtspRangeType',
  'rtspRangeStart',
  'rtspScale',
  'rtspDemuxMpegts',
  'rtspUDPSourcePortRange',
  'sourceFingerprint',
  'audio',
  'continueAfterLoss',
  'useAbsoluteTimestamp',
] as const satisfies readonly (keyof PathSettings)[];

type Settings = Pick<PathSettings, (typeof PATH_KEYS)[number]> & Pick<Config, 'readTimeoutMs' | 'udpReadBufferSize'>;

/** `udpReadBufferSize` is the path's own, if it has one. */
export const settingsOf = (path: PathSettings, { readTimeoutMs, udpReadBufferSize }: Config): Settings => ({
  ...pick(path, PATH_KEYS),
  readTimeoutMs,
  udpReadBufferSize: path.rtspUDPReadBufferSize ?? udpReadBufferSize,
});

/** Settings under the names of their keys; an absent one has its default. */
export interface RtspSourceOptions extends Login, Partial<Settings> {
  /** Limit for the connection, each reply, and the pause between packets of media. */
  readonly readTimeoutMs: number;
  /** A paired box, instead of the address of the URL. */
  readonly box?: {
    /** Opens a connection for each attempt. */
    open(signal: AbortSignal): Promise<ByteChannel>;
    isConnected(): boolean;
    mayTalk(): boolean;
  };
}
