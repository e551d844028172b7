import Type from 'typebox';
import type { SourceKeys } from '../common/key-rules.ts';
import { portFaults } from './udp-port.ts';

const schema = {
  rtpSDP: Type.String({
    default: '',
    maxLength: 65_536,
    description: 'With a source udp+rtp://: SDP that describes the RTP packets.',
  }),
  rtpUDPReadBufferSize: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1 << 30,
      description: 'Receive buffer of a source udp+rtp:// in bytes. Default: udpReadBufferSize.',
    }),
  ),
};

export const RTP_SOURCE: SourceKeys<typeof schema> = {
  schemes: ['udp+rtp', 'unix+rtp'],
  example: 'udp+rtp://238.0.0.1:5004',
  schema,
  faults({ source, rtpSDP }) {
    const faults = portFaults(source, ['udp+rtp']);
    const [scheme] = /^(udp|unix)\+rtp:\/\//i.exec(source.trim()) ?? [];
    if (scheme !== undefined && rtpSDP.trim() === '') {
      faults.push({ key: 'rtpSDP', message: `a source ${scheme} needs this key, the SDP of the packets` });
    }
    return faults;
  },
  inert: [],
  renamed: {},
};
