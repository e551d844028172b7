import { pick } from '../../base/pick.ts';
import { RTMP_SOURCE } from '../../config/schema/rtmp-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { RtmpSource } from './source.ts';

/** RTMP, with TLS and without. */
export const rtmpSource: SourceProtocol = {
  apiType: 'rtmpSource',
  keys: RTMP_SOURCE,
  create: ({ name, settings, config, clock, log }) =>
    new RtmpSource(
      { ...pick(settings, ['sourceFingerprint']), ...pick(config, ['readTimeoutMs']), name, url: settings.source },
      clock,
      log,
    ),
};
