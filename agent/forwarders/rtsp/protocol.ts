import { RTSP_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { LateForwarder } from '../../protocols/late.ts';

/** RTSP, with TLS, by ANNOUNCE and RECORD. */
export const rtspForwarder: ForwarderProtocol = {
  keys: RTSP_FORWARD,
  create: (request) =>
    new LateForwarder('RTSP forwarder', async () => {
      const { RtspForwarder } = await import('./forwarder.ts');
      return new RtspForwarder(request);
    }),
};
