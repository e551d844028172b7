import { expect, test } from 'vitest';
import { brokerUrlOf, changeOf, isBrokerUrl, testOf, valuesOf } from './mqtt-data.ts';

const CONFIG = {
  mqtt: true,
  mqttURL: 'mqtt://a',
  mqttUser: 'me',
  mqttFingerprint: '',
  mqttPrefix: 'perch',
  mqttHomeAssistant: true,
  mqttCommands: false,
};

test.for([
  ['192.168.1.10', 'mqtt://192.168.1.10', true],
  [' broker.local:1883/ ', 'mqtt://broker.local:1883', true],
  ['mqtts://[fd00::1]:8883', 'mqtts://[fd00::1]:8883', true],
  ['http://broker', 'http://broker', false],
  ['mqtt://me:secret@broker', 'mqtt://me:secret@broker', false],
  ['two words', 'mqtt://two words', false],
  ['', '', false],
] as const)("the address '%s' is %s", ([typed, url, isGood]) => {
  expect([brokerUrlOf(typed), isBrokerUrl(brokerUrlOf(typed))]).toEqual([url, isGood]);
});

test('a password is sent only when it was typed, and removed with the user name', () => {
  expect(changeOf({ mqttURL: 'broker', mqttPassword: 'x' })).toEqual({ mqttURL: 'mqtt://broker', mqttPassword: 'x' });
  expect(changeOf({ mqttPassword: '' })).toEqual({});
  expect(changeOf({ mqttUser: '' })).toEqual({ mqttUser: '', mqttPassword: '' });
  const values = valuesOf(CONFIG);
  expect(testOf(values)).toEqual({ mqttURL: 'mqtt://a', mqttUser: 'me', mqttFingerprint: '' });
  expect(testOf({ ...values, mqttPassword: 'x' })).toHaveProperty('mqttPassword', 'x');
});
