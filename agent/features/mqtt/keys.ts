import Type from 'typebox';
import { Fingerprint, Switch } from '../../config/schema/common/fields.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';

const schema = {
  mqtt: Switch(false, 'Publish events, states and pictures of the cameras to an MQTT broker.'),
  mqttURL: Type.String({
    default: '',
    maxLength: 300,
    syntax: 'brokerUrl',
    description: 'The broker: mqtt://HOST:1883, or mqtts://HOST:8883 with TLS.',
  }),
  mqttUser: Type.String({ default: '', maxLength: 256, description: 'User name at the broker.' }),
  mqttPassword: Type.String({
    default: '',
    maxLength: 256,
    secret: true,
    keptFor: 'mqttURL',
    description: 'Password at the broker.',
  }),
  mqttFingerprint: Fingerprint("the broker's"),
  mqttPrefix: Type.String({
    default: 'perch',
    syntax: 'topic',
    description: 'Beginning of the topics. Each Perch at one broker needs its own.',
  }),
  mqttHomeAssistant: Switch(true, 'With mqtt: announce the cameras to Home Assistant (MQTT discovery).'),
  mqttCommands: Switch(
    false,
    'With mqtt: take commands from the broker (recording on and off, PTZ presets, record a clip), from every client that may publish there.',
  ),
};

/** The link to an MQTT broker, which gets its password and may send commands, and through it to Home Assistant. */
export const MQTT: FeatureKeys<typeof schema> = {
  title: 'MQTT',
  schema,
  isRight: true,
  faults(settings) {
    const { mqtt, mqttURL } = settings;
    const pinFault = mqttPinFault(settings);
    return [
      ...(mqtt && mqttURL === '' ? [{ key: 'mqtt', message: 'needs mqttURL, the address of the broker' }] : []),
      ...(pinFault === undefined ? [] : [{ key: 'mqttFingerprint', message: pinFault }]),
    ];
  },
};

/** Why the fingerprint of the broker is rejected: without TLS the password would be sent in clear to an unknown broker. */
export const mqttPinFault = (settings: {
  readonly mqttURL: string;
  readonly mqttFingerprint: string;
}): string | undefined =>
  settings.mqttFingerprint !== '' && settings.mqttURL.startsWith('mqtt://')
    ? 'needs mqtts:// in mqttURL: without TLS the broker has no certificate'
    : undefined;
