import type { Config } from '../../config/load/load.ts';
import type { RunningServer } from '../../protocols/contract.ts';
import type { FlvServer } from './flv-server.ts';

export const OPTION_KEYS = [
  'rtmpAddress',
  'rtmpsAddress',
  'rtmpEncryption',
  'rtmpServerKey',
  'rtmpServerCert',
  'rtmpTrustedProxies',
  'readTimeoutMs',
  'writeTimeoutMs',
  'writeQueueSize',
] as const satisfies readonly (keyof Config)[];
export type RtmpOptions = Pick<Config, (typeof OPTION_KEYS)[number]>;

export interface RunningRtmp extends RunningServer {
  /** 0: closed. */
  readonly ports: { readonly rtmp: number; readonly rtmps: number };
  readonly flv: FlvServer;
}
