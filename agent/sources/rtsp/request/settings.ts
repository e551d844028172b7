import type { Config } from '../../../config/load/load.ts';
import type { PathSettings } from '../../../config/schema/path.ts';
import type { Login } from './redirects.ts';

/** Settings of a path that the source reads. */
export const PATH_KEYS = [
  'rtspTransport',
  'rtspAnyPort',
  'rtspRangeType',
  'rtspRangeStart',
  'rtspScale',
  'rtspUDPSourcePortRange',
  'sourceFingerprint',
  'audio',
  'continueAfterLoss',
  'useAbsoluteTimestamp',
] as const satisfies readonly (keyof PathSettings)[];

/** Top-level settings that the source reads. */
export const GLOBAL_KEYS = ['readTimeoutMs', 'udpReadBufferSize'] as const satisfies readonly (keyof Config)[];

type Settings = Pick<PathSettings, (typeof PATH_KEYS)[number]> & Pick<Config, (typeof GLOBAL_KEYS)[number]>;

/** Settings under the names of their keys; an absent one has its default. */
export interface RtspSourceOptions extends Login, Partial<Settings> {
  /** For the connection, each reply, and the pause between packets of media. */
  readonly readTimeoutMs: number;
}
