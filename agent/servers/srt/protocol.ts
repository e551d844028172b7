import { pick } from '../../base/pick.ts';
import { SRT } from '../../config/schema/servers/srt.ts';
import { portOf } from '../../config/values/address.ts';
import type { ServerProtocol } from '../../protocols/contract.ts';
import { loadLate } from '../../protocols/late.ts';
import { OPTION_KEYS, type RunningSrt, type SrtOptions } from './options.ts';
import { SRT_CONN } from './session-kind.ts';

/** MPEG-TS over SRT, for readers and publishers that call. */
export const srtServer: ServerProtocol<SrtOptions, RunningSrt> = {
  name: 'srt',
  publishing: {
    key: 'srt',
    urls: ({ srtAddress }) => [`srt://HOST:${portOf(srtAddress)}?streamid=publish:PATH:USER:PASSWORD`],
  },
  label: 'SRT server',
  keys: SRT,
  kinds: [SRT_CONN],
  options: (config) => (config.srt ? pick(config, OPTION_KEYS) : undefined),
  start: async (options, deps) => (await loadLate('SRT server', () => import('./server.ts'))).startSrt(options, deps),
};
