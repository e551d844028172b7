import Type from 'typebox';
import { Address } from '../../values/address.ts';
import { Duration } from '../../values/duration.ts';
import { Size } from '../../values/size.ts';
import { CertFile, KeyFile, Origins, Proxies, Switch } from '../common/fields.ts';
import { asList, type Fault, inverted, notPositive } from '../common/key-rules.ts';
import { httpPort, type ServerKeys, type ServerSettings } from '../common/server-keys.ts';

/** MediaMTX's limit: delta updates leave out segments that are at least six target durations old (RFC 8216bis §4.4.3.8). */
const MIN_LOW_LATENCY_SEGMENTS = 7;

const schema = {
  hls: Switch(true, 'Open the HLS server on its own port.'),
  hlsAddress: Address(':8888', 'Port of the HLS server.'),
  hlsEncryption: Switch(false, 'HLS over TLS, with HTTP/2. Apple devices need both for low latency.'),
  hlsServerKey: KeyFile(),
  hlsServerCert: CertFile(),
  hlsAllowOrigins: Origins(),
  hlsTrustedProxies: Proxies(),
  hlsAlwaysRemux: Switch(false, 'Prepare HLS for every stream, even without viewers.'),
  hlsVariant: Type.Enum(['mpegts', 'fmp4', 'lowLatency'], {
    default: 'lowLatency',
    description: 'mpegts for old players, fmp4 for more codecs, lowLatency for more codecs and the least delay.',
  }),
  hlsSegmentCount: Type.Integer({ minimum: 3, maximum: 1_000, default: 7, description: 'Segments in a playlist.' }),
  hlsSegmentDuration: Duration('1s', 'Shortest segment. It ends at the next key frame of the camera.'),
  hlsPartDuration: Duration(
    '200ms',
    'With lowLatency: shortest part of a segment. Players stay three parts behind live.',
  ),
  hlsSegmentMaxSize: Size('50M', 'A larger segment ends the muxer with an error.'),
  hlsDirectory: Type.String({
    default: '',
    names: 'folder',
    description: 'Folder to store segments in, one subfolder for each path. Empty = in memory only.',
  }),
  hlsMuxerCloseAfter: Duration('60s', 'Stop preparing HLS after this long without requests.'),
  hlsCDNSecret: Type.String({
    default: '',
    secret: true,
    isRight: true,
    syntax: 'token',
    description: 'Bearer token of a CDN, which then needs no login and may cache responses.',
  }),
};

export const HLS: ServerKeys<typeof schema> = {
  schema,
  listeners: (settings) => httpPort('hls', 'HLS', settings),
  faults: (settings) => [
    ...notPositive(settings, ['hlsSegmentDuration', 'hlsPartDuration']),
    ...segmentFaults(settings),
  ],
  inert: [],
  renamed: {
    hlsDisable: { to: 'hls', convert: inverted },
    hlsAllowOrigin: { to: 'hlsAllowOrigins', convert: asList },
  },
};

function segmentFaults({ hlsVariant, hlsSegmentCount: count }: ServerSettings<typeof schema>): readonly Fault[] {
  if (hlsVariant !== 'lowLatency' || count >= MIN_LOW_LATENCY_SEGMENTS) {
    return [];
  }
  const message = `'${count}' is too few for hlsVariant lowLatency: a playlist has ${MIN_LOW_LATENCY_SEGMENTS}`;
  return [{ key: 'hlsSegmentCount', message, isWarning: true }];
}
