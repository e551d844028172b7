import { HLS_SOURCE } from '../../config/schema/hls-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { HlsSource } from './source.ts';

/** A stream that a server offers as HLS. */
export const hlsSource: SourceProtocol = {
  apiType: 'hlsSource',
  keys: HLS_SOURCE,
  create({ name, settings, config, clock, log }) {
    const { source: url, sourceFingerprint: fingerprint, audio, useAbsoluteTimestamp: usesSenderClock } = settings;
    return new HlsSource(
      { name, url, fingerprint, audio, usesSenderClock, readTimeoutMs: config.readTimeoutMs },
      clock,
      log,
    );
  },
};
