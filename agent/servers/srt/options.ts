import type { Config } from '../../config/load/load.ts';
import type { RunningServer } from '../../protocols/contract.ts';

export const OPTION_KEYS = [
  'srtAddress',
  'readTimeoutMs',
  'udpMaxPayloadSize',
  'udpReadBufferSize',
  'dumpPackets',
] as const;
export type SrtOptions = Pick<Config, (typeof OPTION_KEYS)[number]>;

export interface RunningSrt extends RunningServer {
  readonly port: number;
}
