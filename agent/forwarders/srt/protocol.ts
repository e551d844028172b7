import { SRT_FORWARD } from '../../config/schema/forward.ts';
import type { ForwarderProtocol } from '../../protocols/contract.ts';
import { SrtForwarder } from './forwarder.ts';

/** MPEG-TS over SRT, as caller. */
export const srtForwarder: ForwarderProtocol = {
  keys: SRT_FORWARD,
  create: (request) => new SrtForwarder(request),
};
