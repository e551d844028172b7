import { HLS_SOURCE } from '../../config/schema/keyless-sources.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';

/** A stream that a server offers as HLS. */
export const hlsSource: SourceProtocol = {
  apiType: 'hlsSource',
  keys: HLS_SOURCE,
  create({ name, settings, config, clock, log }) {
    const { source: url, sourceFingerprint: fingerprint, audio, useAbsoluteTimestamp: usesSenderClock } = settings;
    const options = { name, url, fingerprint, audio, usesSenderClock, readTimeoutMs: config.readTimeoutMs };
    return new LateSource('hlsSource', async () => {
      const { HlsSource } = await import('./source.ts');
      return new HlsSource(options, clock, log);
    });
  },
};
