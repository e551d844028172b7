import Type, { type Static } from 'typebox';
import { parseAddress } from '../../../config/values/address.ts';
import { TimeText } from '../../../http/api/schema/schemas.ts';
import type { SessionKind } from '../../../protocols/contract.ts';
import { DEPRECATED_BYTES, ORIGIN, SUBJECT } from '../../../protocols/session-schema.ts';

const HlsSession = Type.Object({
  ...ORIGIN,
  ...SUBJECT,
  isCDN: Type.Boolean(),
  outboundBytes: Type.Integer(),
  outboundFramesDiscarded: Type.Optional(Type.Integer({ description: 'Discarded frames of live fMP4.' })),
  transport: Type.Optional(
    Type.Enum(['mse', 'mp4'], { description: 'Transport of live fMP4: over a WebSocket (mse) or as one file (mp4).' }),
  ),
});
export type HlsSessionItem = Static<typeof HlsSession>;

const HlsMuxer = Type.Object({
  path: Type.String(),
  created: TimeText,
  lastRequest: TimeText,
  outboundBytes: Type.Integer(),
  outboundFramesDiscarded: Type.Integer(),
  bytesSent: DEPRECATED_BYTES.bytesSent,
});
export type HlsMuxerItem = Static<typeof HlsMuxer>;

export const HLS_MUXER: SessionKind = {
  apiType: 'hlsMuxer',
  protocol: 'hls',
  collection: 'hlsmuxers',
  key: 'path',
  noun: 'muxer',
  labels: { one: 'path that is being made into HLS', all: 'Paths that are being made into HLS' },
  itemSchema: HlsMuxer,
  metrics: {
    name: 'hls_muxers',
    title: 'HLS muxers',
    what: 'HLS muxers',
    labels: [['name', 'path']],
    rows: [
      ['outbound_bytes', 'outboundBytes', 'Bytes of the muxer that were sent.'],
      ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames that the muxer left out.'],
    ],
    deprecatedRows: [['bytes_sent', 'bytesSent', 'Older name of hls_muxers_outbound_bytes.']],
  },
};

/** Viewers of playlists, and those of live fMP4. */
export const HLS_SESSION: SessionKind = {
  apiType: 'hlsSession',
  protocol: 'hls',
  collection: 'hlssessions',
  noun: 'session',
  labels: { one: 'HLS session', all: 'HLS sessions' },
  itemSchema: HlsSession,
  metrics: {
    name: 'hls_sessions',
    title: 'HLS sessions',
    what: 'HLS sessions',
    labels: ['id', 'path', 'remoteAddr'],
    rows: [['outbound_bytes', 'outboundBytes', 'Bytes sent to the session.']],
  },
  zlm: {
    typeid: 'HttpSession',
    schema: 'hls',
    listedSchema: ({ hls, hlsVariant }) => (hls ? (hlsVariant === 'mpegts' ? 'hls' : 'hls.fmp4') : undefined),
    flowSchema: 'hls',
    isAskedByAddress: true,
    localPort: (config) => parseAddress(config.hlsAddress)?.port ?? 0,
  },
};
