import { RTSP_SOURCE } from '../../config/schema/rtsp-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { RtspSource } from './client.ts';

export const rtspSource: SourceProtocol = {
  apiType: 'rtspSource',
  keys: RTSP_SOURCE,
  create({ name, settings, config, loginWatch, clock, log }) {
    const { user, password } = settings.camera ?? {};
    const [firstPort = 0, lastPort = 0] = settings.rtspUDPSourcePortRange;
    const options = {
      name,
      url: settings.source,
      ...(user === undefined ? {} : { user, password: password ?? '' }),
      loginWatch,
      readTimeoutMs: config.readTimeoutMs,
      rtspTransport: settings.rtspTransport,
      rtspAnyPort: settings.rtspAnyPort,
      rtspRangeType: settings.rtspRangeType,
      rtspRangeStart: settings.rtspRangeStart,
      rtspScale: settings.rtspScale,
      rtspUDPSourcePortRange: [firstPort, lastPort] as const,
      udpReadBufferBytes: config.udpReadBufferSize,
      ...(settings.sourceFingerprint === '' ? {} : { sourceFingerprint: settings.sourceFingerprint }),
      isSilent: !settings.audio,
      continueAfterLoss: settings.continueAfterLoss,
      useAbsoluteTimestamp: settings.useAbsoluteTimestamp,
    };
    return new RtspSource(options, clock, log);
  },
};
