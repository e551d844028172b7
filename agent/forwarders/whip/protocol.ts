import { WHIP_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { LateForwarder } from '../../protocols/late.ts';

/** WebRTC by WHIP (RFC 9725). */
export const whipForwarder: ForwarderProtocol = {
  keys: WHIP_FORWARD,
  create: (request) =>
    new LateForwarder('WHIP forwarder', async () => {
      const { WhipForwarder } = await import('./forwarder.ts');
      return new WhipForwarder(request);
    }),
};
