import { WHEP_SOURCE } from '../../config/schema/sources/whep-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';

/** A stream of another server, by WebRTC. */
export const whepSource: SourceProtocol = {
  // MediaMTX's name.
  apiType: 'webRTCSource',
  keys: WHEP_SOURCE,
  create({ name, settings, config, clock, log }) {
    const options = {
      name,
      url: settings.source,
      bearerToken: settings.whepBearerToken,
      server: { noun: 'server', path: name },
      fingerprint: settings.sourceFingerprint,
      timeoutMs: config.readTimeoutMs,
      hasAudio: settings.audio,
      usesSenderClock: settings.useAbsoluteTimestamp,
      stunGatherTimeoutMs: settings.whepSTUNGatherTimeoutMs,
      handshakeTimeoutMs: settings.whepHandshakeTimeoutMs,
      trackGatherTimeoutMs: settings.whepTrackGatherTimeoutMs,
    } as const;
    return new LateSource('webRTCSource', async () => {
      const { WhepSource } = await import('./source.ts');
      return new WhepSource(options, clock, log);
    });
  },
};
