import { pick } from '../../base/pick.ts';
import { RTP_SOURCE } from '../../config/schema/rtp-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { RtpSource } from './source.ts';

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
    return new RtpSource({ ...options, name, url: settings.source }, clock, log);
  },
};
