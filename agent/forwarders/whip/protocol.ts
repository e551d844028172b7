import { WHIP_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { WhipForwarder } from './forwarder.ts';

/** WebRTC by WHIP (RFC 9725). */
export const whipForwarder: ForwarderProtocol = {
  keys: WHIP_FORWARD,
  create: (request) => new WhipForwarder(request),
};
