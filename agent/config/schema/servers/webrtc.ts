import Type from 'typebox';
import { Address } from '../../values/address.ts';
import { Duration } from '../../values/duration.ts';
import type { Entry, Tree } from '../../yaml/tree.ts';
import { CertFile, KeyFile, Origins, Proxies, Switch } from '../common/fields.ts';
import { asList, type Fault, inverted, notPositive, positionOf, scalarAt } from '../common/key-rules.ts';
import { httpPort, type ServerKeys, type ServerSettings } from '../common/server-keys.ts';

const Texts = (description: string) => Type.Array(Type.String({ minLength: 1 }), { default: [], description });

const IceServer = Type.Object({
  url: Type.String({ syntax: 'iceUrl', description: 'stun:HOST:3478, turn:HOST:3478 or turns:HOST:5349.' }),
  username: Type.String({ default: '', description: 'User name for TURN.' }),
  password: Type.String({ default: '', secret: true, description: 'Password for TURN.' }),
  clientOnly: Type.Boolean({ default: false, description: 'Has no effect: only browsers use these servers.' }),
});

const schema = {
  webrtc: Switch(true, 'Open the WebRTC server on its own port.'),
  webrtcAddress: Address(':8889', 'Port of WebRTC signalling (WHEP and WHIP).'),
  webrtcEncryption: Switch(false, 'WebRTC signalling and pages over TLS.'),
  webrtcServerKey: KeyFile(),
  webrtcServerCert: CertFile(),
  webrtcAllowOrigins: Origins(),
  webrtcTrustedProxies: Proxies(),
  webrtcLocalUDPAddress: Address(':8189', 'UDP port of WebRTC media. Empty = off.'),
  // MediaMTX's default is empty: clients in networks that block UDP would get no media.
  webrtcLocalTCPAddress: Address(':8189', 'TCP port of WebRTC media, for networks that block UDP. Empty = off.'),
  webrtcIPsFromInterfaces: Switch(true, 'Offer the addresses of the network interfaces.'),
  webrtcIPsFromInterfacesList: Texts('Interfaces whose addresses are offered. Empty = all.'),
  webrtcAdditionalHosts: Texts('Further host names or addresses to offer, such as the public one.'),
  webrtcICEServers2: Type.Array(IceServer, {
    default: [],
    description: 'STUN and TURN servers for browsers. Perch itself uses none.',
  }),
  webrtcHandshakeTimeout: Duration('10s', 'Close a WebRTC session that does not connect within this time.'),
  webrtcTrackGatherTimeout: Duration('2s', 'Start with the tracks that a WebRTC publisher has sent within this time.'),
  webrtcSTUNGatherTimeout: Duration(
    '5s',
    'Wait this long for the STUN and TURN servers of a destination whip://. Perch as a server asks none.',
  ),
};

export const WEBRTC: ServerKeys<typeof schema> = {
  schema,
  listeners(settings) {
    const { webrtc, webrtcLocalTCPAddress } = settings;
    const media = { key: 'webrtcLocalTCPAddress', address: webrtcLocalTCPAddress, isOfPerch: true } as const;
    return [...httpPort('webrtc', 'WebRTC', settings), ...(webrtc ? [media] : [])];
  },
  faults: (settings) => [
    ...notPositive(settings, ['webrtcHandshakeTimeout', 'webrtcTrackGatherTimeout']),
    ...addressFaults(settings),
  ],
  inert: [],
  renamed: {
    webrtcDisable: { to: 'webrtc', convert: inverted },
    webrtcAllowOrigin: { to: 'webrtcAllowOrigins', convert: asList },
    webrtcICEUDPMuxAddress: { to: 'webrtcLocalUDPAddress' },
    webrtcICETCPMuxAddress: { to: 'webrtcLocalTCPAddress' },
    webrtcICEHostNAT1To1IPs: { to: 'webrtcAdditionalHosts' },
    webrtcICEServers: { to: 'webrtcICEServers2', convert: asIceServers },
  },
};

function addressFaults(settings: ServerSettings<typeof schema>): readonly Fault[] {
  if (!settings.webrtc) {
    return [];
  }
  const { webrtcLocalUDPAddress: udp, webrtcLocalTCPAddress: tcp, webrtcICEServers2: servers } = settings;
  if (udp === '' && tcp === '') {
    const message = 'WebRTC needs this address, webrtcLocalTCPAddress or webrtcICEServers2';
    return servers.length > 0 ? [] : [{ key: 'webrtcLocalUDPAddress', message }];
  }
  if (!settings.webrtcIPsFromInterfaces && settings.webrtcAdditionalHosts.length === 0) {
    return [{ key: 'webrtcIPsFromInterfaces', message: 'when this is off, webrtcAdditionalHosts must name a host' }];
  }
  return [];
}

/** Blocks of `stun:host:port` and `turn:user:password:host:port`. */
function asIceServers(old: Tree): Tree {
  return old.kind === 'sequence'
    ? { ...old, items: old.items.map((item) => (item.kind === 'scalar' ? asIceServer(item.text, item) : item)) }
    : old;
}

function asIceServer(text: string, item: Tree): Tree {
  const [scheme = '', username = '', password = '', ...address] = text.split(':');
  const isWithUser = scheme.startsWith('turn') && address.length === 2;
  const values = isWithUser ? { url: `${scheme}:${address.join(':')}`, username, password } : { url: text };
  const entries = Object.entries(values).map(([name, value]): [string, Entry] => {
    return [name, { ...positionOf(item), tree: scalarAt(item, value) }];
  });
  return { ...positionOf(item), kind: 'map', entries: new Map(entries) };
}
