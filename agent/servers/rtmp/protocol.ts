import { pick } from '../../base/pick.ts';
import { RTMP } from '../../config/schema/servers/rtmp.ts';
import { portOf } from '../../config/values/address.ts';
import type { ServerProtocol } from '../../protocols/contract.ts';
import { loadLate } from '../../protocols/late.ts';
import { mountFlv } from './flv-routes.ts';
import { OPTION_KEYS, type RtmpOptions, type RunningRtmp } from './options.ts';
import { PLAIN, SECURE } from './session-kinds.ts';

export const rtmpServer: ServerProtocol<RtmpOptions, RunningRtmp> = {
  name: 'rtmp',
  publishing: {
    key: 'rtmp',
    urls: ({ rtmpEncryption, rtmpAddress, rtmpsAddress }) => [
      ...(rtmpEncryption === 'strict' ? [] : [`rtmp://HOST:${portOf(rtmpAddress)}/PATH?user=USER&pass=PASSWORD`]),
      ...(rtmpEncryption === 'no' ? [] : [`rtmps://HOST:${portOf(rtmpsAddress)}/PATH?user=USER&pass=PASSWORD`]),
    ],
  },
  label: 'RTMP server',
  keys: RTMP,
  kinds: [PLAIN, SECURE],
  options: (config) => (config.rtmp ? pick(config, OPTION_KEYS) : undefined),
  start: async (options, deps) => (await loadLate('RTMP server', () => import('./server.ts'))).startRtmp(options, deps),
  routes: { openingMethod: 'GET', mount: (app, _prefix, deps) => mountFlv(app, deps) },
};
