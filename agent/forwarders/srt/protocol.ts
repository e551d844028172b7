import { SRT_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { LateForwarder } from '../../protocols/late.ts';

/** MPEG-TS over SRT, as caller. */
export const srtForwarder: ForwarderProtocol = {
  keys: SRT_FORWARD,
  create: (request) =>
    new LateForwarder('SRT forwarder', async () => {
      const { SrtForwarder } = await import('./forwarder.ts');
      return new SrtForwarder(request);
    }),
};
