import Type from 'typebox';
import { OrNull, TimeText } from '../schema/schemas.ts';

const numbers = <const Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, Type.Number()])) as Record<Name, ReturnType<typeof Type.Number>>;

const Id = Type.String({ format: 'uuid' });
const Address = Type.String({ description: 'address:port, an IPv6 address in brackets.' });
const OLDER = { description: 'An older name of the same number.' };
const BYTES = { bytesReceived: Type.Integer(OLDER), bytesSent: Type.Integer(OLDER) };
const WHO = { path: Type.String(), query: Type.String(), user: Type.String(), userAgent: Type.String() };
const BEGIN = { id: Id, created: TimeText, remoteAddr: Address };

export const RtspConn = Type.Object({
  ...BEGIN,
  session: OrNull(Id),
  tunnel: Type.Enum(['none', 'http', 'websocket']),
  ...numbers(['inboundBytes', 'outboundBytes']),
  ...BYTES,
});

export const RtspSession = Type.Object({
  ...BEGIN,
  state: Type.Enum(['idle', 'read', 'publish']),
  ...WHO,
  transport: OrNull(Type.Enum(['UDP', 'UDP-multicast', 'TCP'])),
  profile: OrNull(Type.Enum(['AVP', 'SAVP'])),
  conns: Type.Array(Id),
  ...numbers([
    'inboundBytes',
    'inboundRTPPackets',
    'inboundRTPPacketsLost',
    'inboundRTPPacketsInError',
    'inboundRTPPacketsJitter',
    'inboundRTCPPackets',
    'inboundRTCPPacketsInError',
    'outboundBytes',
    'outboundRTPPackets',
    'outboundRTPPacketsReportedLost',
    'outboundRTPPacketsDiscarded',
    'outboundRTCPPackets',
  ]),
  ...BYTES,
  ...numbers([
    'rtpPacketsReceived',
    'rtpPacketsSent',
    'rtpPacketsLost',
    'rtpPacketsInError',
    'rtpPacketsJitter',
    'rtcpPacketsReceived',
    'rtcpPacketsSent',
    'rtcpPacketsInError',
  ]),
});

export const WebRtcSession = Type.Object({
  ...BEGIN,
  peerConnectionEstablished: Type.Boolean(),
  localCandidate: Type.String({ description: '`host/udp/192.168.1.4/8189`' }),
  remoteCandidate: Type.String(),
  state: Type.Enum(['read', 'publish']),
  ...WHO,
  ...numbers([
    'inboundBytes',
    'inboundRTPPackets',
    'inboundRTPPacketsLost',
    'inboundRTPPacketsJitter',
    'inboundRTCPPackets',
    'outboundBytes',
    'outboundRTPPackets',
    'outboundRTPPacketsReportedLost',
    'outboundRTCPPackets',
    'outboundFramesDiscarded',
  ]),
  roundTripMs: OrNull(Type.Number({ description: "By the peer's receiver reports." })),
  viewing: OrNull(
    Type.Enum(['all', 'fallback', 'keyFrames'], { description: 'How much of the stream a viewer is given.' }),
  ),
  ...BYTES,
  ...numbers([
    'rtpPacketsReceived',
    'rtpPacketsSent',
    'rtpPacketsLost',
    'rtpPacketsJitter',
    'rtcpPacketsReceived',
    'rtcpPacketsSent',
  ]),
});

export const HlsSession = Type.Object({
  ...BEGIN,
  ...WHO,
  isCDN: Type.Boolean(),
  outboundBytes: Type.Integer(),
  outboundFramesDiscarded: Type.Optional(Type.Integer({ description: 'Of live fMP4.' })),
  transport: Type.Optional(Type.Enum(['mse', 'mp4'], { description: 'Live fMP4, over a WebSocket or as one file.' })),
});

export const HlsMuxer = Type.Object({
  path: Type.String(),
  created: TimeText,
  lastRequest: TimeText,
  outboundBytes: Type.Integer(),
  outboundFramesDiscarded: Type.Integer(),
  bytesSent: BYTES.bytesSent,
});
