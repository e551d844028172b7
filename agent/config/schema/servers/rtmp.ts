import Type from 'typebox';
import { Address } from '../../values/address.ts';
import { CertFile, KeyFile, Switch, TcpProxies } from '../common/fields.ts';
import { inverted } from '../common/key-rules.ts';
import { keyPairOf, type ServerKeys } from '../common/server-keys.ts';

const schema = {
  rtmp: Switch(true, "Open the RTMP server. Default in Perch's own setup: no."),
  rtmpEncryption: Type.Enum(['no', 'optional', 'strict'], {
    default: 'no',
    words: { yes: 'strict', no: 'no' },
    description: 'RTMP over TLS: no, optional (in addition to plain RTMP), or strict (alone; yes is the same).',
  }),
  rtmpAddress: Address(':1935', 'Port of RTMP.'),
  rtmpsAddress: Address(':1936', 'Port of RTMP over TLS.'),
  rtmpServerKey: KeyFile(),
  rtmpServerCert: CertFile(),
  rtmpTrustedProxies: TcpProxies(),
};

export const RTMP: ServerKeys<typeof schema> = {
  schema,
  listeners(settings) {
    const { rtmp, rtmpEncryption, rtmpAddress, rtmpsAddress } = settings;
    const keyPair = keyPairOf('rtmp', 'RTMP', settings, `rtmpEncryption is ${rtmpEncryption}`);
    return [
      ...(rtmp && rtmpEncryption !== 'strict' ? [{ key: 'rtmpAddress', address: rtmpAddress } as const] : []),
      ...(rtmp && rtmpEncryption !== 'no' ? [{ key: 'rtmpsAddress', address: rtmpsAddress, keyPair } as const] : []),
    ];
  },
  faults: () => [],
  ownDefaults: () => ({ rtmp: false }),
  inert: [],
  renamed: { rtmpDisable: { to: 'rtmp', convert: inverted } },
};
