import { RTMP_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { LateForwarder } from '../../protocols/late.ts';

/** RTMP, with TLS. */
export const rtmpForwarder: ForwarderProtocol = {
  keys: RTMP_FORWARD,
  create: (request) =>
    new LateForwarder('RTMP forwarder', async () => {
      const { RtmpForwarder } = await import('./forwarder.ts');
      return new RtmpForwarder(request);
    }),
};
