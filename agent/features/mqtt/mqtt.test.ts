import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { good, KEYS } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import { EventBus } from '../../base/event-bus.ts';
import { silentLogger } from '../../base/log.ts';
import { HIDDEN } from '../../config/edit/json.ts';
import { parseConfig } from '../../config/load/load.ts';
import { Mqtt } from './mqtt.ts';

const CONFIG = good('mqtt: yes\nmqttURL: mqtt://127.0.0.1:1\nmqttUser: me\nmqttPassword: hunter22');
type Deps = ConstructorParameters<typeof Mqtt>[0];

const mqttOf = (config = CONFIG) =>
  new Mqtt({
    ...{ settings: () => config, config: () => config, clock: systemClock, log: silentLogger },
    events: new EventBus(systemClock),
    signal: new AbortController().signal,
  } as unknown as Deps);

test.for([
  ['mqtt: yes', 'mqtt: needs mqttURL, the address of the broker'],
  ['mqttURL: http://broker', 'mqttURL: not the address of an MQTT broker'],
  ['mqttURL: mqtt://me:hunter22@broker', 'mqttURL: not the address of an MQTT broker'],
  [`mqttURL: mqtt://broker\nmqttFingerprint: ${'ab'.repeat(32)}`, 'mqttFingerprint: needs mqtts:// in mqttURL'],
  ['mqttPrefix: perch/#', "mqttPrefix: 'perch/#' is not the beginning of a topic"],
  ['mqttPrefix: /perch', 'is not the beginning of a topic'],
] as const)('the configuration rejects %s', ([text, message]) => {
  const { problems } = parseConfig(
    `perch: own\n${text}\n`,
    'perch.yml',
    {},
    { recordPath: '/%path/%s%f', cwd: '/', keys: KEYS },
  );
  const texts = problems.map((one) => `${one.key}: ${one.message}`);
  expect(texts).toEqual([expect.stringContaining(message)]);
  expect(texts.join()).not.toContain('hunter22');
});

test('without mqtt there is no link', () => {
  const config = good('perch: own');
  expect(mqttOf(config).component().settings(config)).toBeUndefined();
  expect(mqttOf(config).status).toMatchObject({ state: 'off', queued: 0 });
});

test('a test says why there is no connection, without the password', async () => {
  const result = await mqttOf().test({});
  expect(result).toEqual({ isGood: false, why: 'unreachable', error: expect.stringMatching(/^no broker answers at /) });
});

test.for(['HTTP/1.1 400 Bad Request\r\n\r\n', 'SSH-2.0-OpenSSH_9.2p1\r\n'])(
  'a test of a server that answers %j says that it is no broker',
  async (greeting) => {
    const server = createServer((socket) => socket.on('error', () => {}).write(greeting));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    const result = await mqttOf(good(`mqtt: yes\nmqttURL: mqtt://127.0.0.1:${port}`)).test({});
    expect(result).toEqual({
      ...{ isGood: false, why: 'noMqtt' },
      error: expect.stringContaining(`127.0.0.1:${port} is no MQTT broker (`),
    });
    server.close();
  },
);

test('the kept password goes to its own broker only', async () => {
  const received: Buffer[] = [];
  const server = createServer((socket) =>
    socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => {}),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  for (const password of [{}, { mqttPassword: HIDDEN }]) {
    await expect(mqttOf().test({ mqttURL: `mqtt://127.0.0.1:${port}`, ...password })).rejects.toThrow(
      'the kept password is that of another server',
    );
    await expect(mqttOf().test({ mqttURL: 'mqtts://127.0.0.1:1', ...password })).rejects.toThrow('another server');
  }
  expect(received).toEqual([]);
  server.close();
});

test('invalid settings are rejected before anything is connected', async () => {
  await expect(mqttOf().test({ mqttURL: 'broker' })).rejects.toThrow('not the address of an MQTT broker');
  await expect(mqttOf().test({ mqttFingerprint: 'ab' })).rejects.toThrow('not the SHA-256 of a certificate');
  await expect(mqttOf().test({ mqttFingerprint: 'ab'.repeat(32) })).rejects.toThrow('mqttFingerprint: needs mqtts://');
  await expect(mqttOf(good('perch: own')).test({})).rejects.toThrow('mqttURL is not set');
});
