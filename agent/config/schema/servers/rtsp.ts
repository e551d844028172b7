import Type from 'typebox';
import { Address } from '../../values/address.ts';
import { CertFile, KeyFile, Switch, TcpProxies } from '../common/fields.ts';
import { type Fault, inverted } from '../common/key-rules.ts';
import { keyPairOf, type ServerKeys, type ServerSettings } from '../common/server-keys.ts';

const Port = (number: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 65_535, default: number, description });

const schema = {
  rtsp: Switch(true, 'Open the RTSP server.'),
  rtspTransports: Type.Array(Type.Enum(['udp', 'multicast', 'tcp']), {
    default: ['udp', 'multicast', 'tcp'],
    description: 'Transports of RTP between Perch and its RTSP clients.',
  }),
  rtspEncryption: Type.Enum(['no', 'optional', 'strict'], {
    default: 'no',
    words: { yes: 'strict', no: 'no' },
    description: 'RTSP over TLS: no, optional (in addition to plain RTSP), or strict (alone; yes is the same).',
  }),
  rtspAddress: Address(':8554', 'Port of RTSP.'),
  rtspsAddress: Address(':8322', 'Port of RTSP over TLS.'),
  rtpAddress: Address(':8000', 'UDP port of RTP.'),
  rtcpAddress: Address(':8001', 'UDP port of RTCP.'),
  multicastIPRange: Type.String({
    syntax: 'multicastRange',
    default: '224.1.0.0/16',
    description: 'Range of multicast groups. Each path gets one.',
  }),
  multicastRTPPort: Port(8002, 'Port of RTP by multicast.'),
  multicastRTCPPort: Port(8003, 'Port of RTCP by multicast.'),
  srtpAddress: Address(':8004', 'UDP port of SRTP, for RTSP over TLS.'),
  srtcpAddress: Address(':8005', 'UDP port of SRTCP, for RTSP over TLS.'),
  multicastSRTPPort: Port(8006, 'Port of SRTP by multicast.'),
  multicastSRTCPPort: Port(8007, 'Port of SRTCP by multicast.'),
  rtspServerKey: KeyFile(),
  rtspServerCert: CertFile(),
  rtspAuthMethods: Type.Array(Type.Enum(['basic', 'digest']), {
    default: ['basic'],
    description:
      "How RTSP clients may log in. Default in Perch's own setup without users in the file: both. digest needs device passwords.",
  }),
  rtspTrustedProxies: TcpProxies(),
};

type RtspSettings = ServerSettings<typeof schema>;

export const RTSP: ServerKeys<typeof schema> = {
  schema,
  listeners(settings) {
    const { rtsp, rtspEncryption, rtspAddress, rtspsAddress } = settings;
    const reason = `rtspEncryption is ${rtspEncryption}`;
    return [
      ...(rtsp && rtspEncryption !== 'strict' ? [{ key: 'rtspAddress', address: rtspAddress } as const] : []),
      ...(rtsp && rtspEncryption !== 'no'
        ? [
            {
              key: 'rtspsAddress',
              address: rtspsAddress,
              keyPair: keyPairOf('rtsp', 'RTSP', settings, reason),
            } as const,
          ]
        : []),
    ];
  },
  faults: (settings, isOwn) => [...listFaults(settings), ...digestFaults(settings, isOwn)],
  // Digest works with device passwords, but not with the users of the file or of an authentication server.
  ownDefaults: ({ authMethod, authInternalUsers: users }) =>
    authMethod === 'internal' && users.length === 0 ? { rtspAuthMethods: ['basic', 'digest'] } : {},
  inert: [],
  renamed: {
    rtspDisable: { to: 'rtsp', convert: inverted },
    protocols: { to: 'rtspTransports' },
    encryption: { to: 'rtspEncryption' },
    serverKey: { to: 'rtspServerKey' },
    serverCert: { to: 'rtspServerCert' },
    authMethods: { to: 'rtspAuthMethods' },
  },
};

function listFaults({ rtspTransports, rtspAuthMethods }: RtspSettings): readonly Fault[] {
  const faults: Fault[] = [];
  if (rtspTransports.length === 0) {
    faults.push({ key: 'rtspTransports', message: 'must name at least one of udp, multicast, tcp' });
  }
  if (rtspAuthMethods.length === 0) {
    faults.push({ key: 'rtspAuthMethods', message: 'must name at least one of basic, digest' });
  }
  return faults;
}

/** Digest (RFC 2617) needs the plain password on both ends. */
function digestFaults(settings: RtspSettings, isOwn: boolean): readonly Fault[] {
  const { rtsp, rtspAuthMethods: methods, authMethod, authInternalUsers } = settings;
  const faults: Fault[] = [];
  const add = (message: string) => faults.push({ key: 'rtspAuthMethods', message });
  if (authMethod !== 'internal' && rtsp && methods.includes('digest')) {
    add(`digest does not work with authMethod ${authMethod}, which needs the password itself: remove digest`);
  }
  const hashed = authInternalUsers.findIndex(({ user, pass }) => isHashed(user) || isHashed(pass));
  if (methods.includes('digest') && hashed >= 0) {
    add(`digest needs plain names and passwords, and authInternalUsers[${hashed}] has a hash: remove digest`);
  }
  if (isOwn && rtsp && !methods.includes('basic')) {
    const message =
      'page passwords do not work with digest, because only their hashes are known: add basic, or use device passwords';
    faults.push({ key: 'rtspAuthMethods', message, isWarning: true });
  }
  return faults;
}

const isHashed = (credential: string): boolean => /^(sha256|argon2):/.test(credential);
