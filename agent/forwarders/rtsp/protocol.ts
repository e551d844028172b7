import { RTSP_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { RtspForwarder } from './forwarder.ts';

/** RTSP, with TLS, by ANNOUNCE and RECORD. */
export const rtspForwarder: ForwarderProtocol = {
  keys: RTSP_FORWARD,
  create: (request) => new RtspForwarder(request),
};
