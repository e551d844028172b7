import Type from 'typebox';
import type { SourceKeys } from '../common/key-rules.ts';
import { portFaults } from './udp-port.ts';

const schema = {
  mpegtsUDPReadBufferSize: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1 << 30,
      description: 'Receive buffer of a source udp+mpegts:// in bytes. Default: udpReadBufferSize.',
    }),
  ),
};

export const MPEGTS_SOURCE: SourceKeys<typeof schema> = {
  // MediaMTX's former name is the last.
  schemes: ['udp+mpegts', 'unix+mpegts', 'udp'],
  example: 'udp+mpegts://238.0.0.1:1234',
  schema,
  faults: ({ source }) => portFaults(source, ['udp+mpegts', 'udp']),
  inert: [],
  renamed: {},
};
