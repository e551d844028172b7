import { RTMP_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { RtmpForwarder } from './forwarder.ts';

/** RTMP, with TLS. */
export const rtmpForwarder: ForwarderProtocol = {
  keys: RTMP_FORWARD,
  create: (request) => new RtmpForwarder(request),
};
