import { pick } from '../../base/pick.ts';
import { RTP_SOURCE } from '../../config/schema/sources/rtp-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';

/** RTP without RTSP, described by a configured SDP. */
export const rtpSource: SourceProtocol = {
  apiType: 'rtpSource',
  keys: RTP_SOURCE,
  create({ name, settings, config, clock, log }) {
    const options = {
      ...pick(settings, ['rtpSDP', 'audio', 'continueAfterLoss', 'useAbsoluteTimestamp']),
      readTimeoutMs: config.readTimeoutMs,
      readBufferBytes: settings.rtpUDPReadBufferSize ?? config.udpReadBufferSize,
    };
    return new LateSource('rtpSource', async () => {
      const { RtpSource } = await import('./source.ts');
      return new RtpSource({ ...options, name, url: settings.source }, clock, log);
    });
  },
};
