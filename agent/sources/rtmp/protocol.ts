import { pick } from '../../base/pick.ts';
import { RTMP_SOURCE } from '../../config/schema/keyless-sources.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';

/** RTMP, with TLS and without. */
export const rtmpSource: SourceProtocol = {
  apiType: 'rtmpSource',
  keys: RTMP_SOURCE,
  create({ name, settings, config, clock, log }) {
    const options = { ...pick(settings, ['sourceFingerprint']), ...pick(config, ['readTimeoutMs']) };
    return new LateSource('rtmpSource', async () => {
      const { RtmpSource } = await import('./source.ts');
      return new RtmpSource({ ...options, name, url: settings.source }, clock, log);
    });
  },
};
