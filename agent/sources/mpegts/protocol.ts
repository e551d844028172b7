import { pick } from '../../base/pick.ts';
import { MPEGTS_SOURCE } from '../../config/schema/sources/mpegts-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';

/** MPEG-TS over UDP, or from a local socket. */
export const mpegtsSource: SourceProtocol = {
  apiType: 'mpegtsSource',
  keys: MPEGTS_SOURCE,
  create({ name, settings, config, clock, log }) {
    const options = {
      ...pick(settings, ['audio']),
      readTimeoutMs: config.readTimeoutMs,
      readBufferBytes: settings.mpegtsUDPReadBufferSize ?? config.udpReadBufferSize,
    };
    return new LateSource('mpegtsSource', async () => {
      const { MpegTsSource } = await import('./source.ts');
      return new MpegTsSource({ ...options, name, url: settings.source }, clock, log);
    });
  },
};
