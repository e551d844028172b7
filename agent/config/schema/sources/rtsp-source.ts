import Type from 'typebox';
import { rangeStartOf } from '../../values/range-start.ts';
import { attempt, type Fault, type SourceKeys } from '../common/key-rules.ts';

const schema = {
  rtspTransport: Type.Enum(['automatic', 'udp', 'multicast', 'tcp'], {
    default: 'automatic',
    description: 'Transport of RTP from the camera.',
  }),
  rtspAnyPort: Type.Boolean({
    default: false,
    description: 'Accept RTP over UDP from any port of the camera, not only from the one it names.',
  }),
  rtspRangeType: Type.Enum(['', 'clock', 'npt', 'smpte'], {
    default: '',
    description: 'Unit of rtspRangeStart. Empty = live.',
  }),
  rtspRangeStart: Type.String({
    default: '',
    maxLength: 64,
    description:
      'Where a recorded source begins: 20260131T120000Z for clock, a duration such as 1m30s for npt and smpte.',
  }),
  rtspDemuxMpegts: Type.Boolean({
    default: false,
    description: 'Demux MPEG-TS in RTP, from a camera or an RTSP publisher, into its tracks.',
  }),
  rtspScale: Type.String({
    default: '',
    maxLength: 16,
    description: 'Playback speed of a recorded source, such as 2.0.',
  }),
  rtspUDPSourcePortRange: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), {
    default: [32_768, 60_999],
    description: 'First and last local UDP port for RTP from the camera.',
  }),
  rtspUDPReadBufferSize: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1 << 30,
      description: 'Receive buffer of RTP over UDP from the camera, in bytes. Default: udpReadBufferSize.',
    }),
  ),
};

export const RTSP_SOURCE: SourceKeys<typeof schema> = {
  schemes: ['rtsp', 'rtsps', 'rtsp+http', 'rtsps+http', 'rtsp+ws', 'rtsps+ws'],
  example: 'rtsp://192.168.1.20:554/stream',
  schema,
  faults({ rtspRangeType, rtspRangeStart, rtspScale, rtspUDPSourcePortRange: ports }) {
    const faults: Fault[] = [];
    const range = attempt(() => rangeStartOf(rtspRangeType, rtspRangeStart));
    if ('fault' in range) {
      faults.push({ key: 'rtspRangeStart', message: range.fault });
    }
    if (!/^(-?\d{1,4}(\.\d{1,6})?)?$/.test(rtspScale)) {
      faults.push({ key: 'rtspScale', message: `'${rtspScale}' is not a number such as 2.0` });
    }
    const [first = 0, last = 0] = ports;
    if (ports.length !== 2 || last - first < 1) {
      const message = `[${ports.join(', ')}] is not the first and the last of at least two ports: write for example [32768, 60999]`;
      faults.push({ key: 'rtspUDPSourcePortRange', message });
    }
    return faults;
  },
  inert: [],
  renamed: { sourceProtocol: { to: 'rtspTransport' }, sourceAnyPortEnable: { to: 'rtspAnyPort' } },
};
