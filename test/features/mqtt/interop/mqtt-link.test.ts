import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { openBroker } from '../../../../agent/features/mqtt/link/connection.ts';
import { whyOf } from '../../../../agent/features/mqtt/link/failure.ts';
import { MqttLink } from '../../../../agent/features/mqtt/link/mqtt-link.ts';
import type { MqttSettings } from '../../../../agent/features/mqtt/link/settings.ts';
import { until } from '../../../peers/agent/agent.ts';
import { BROKER_FINGERPRINT, BROKER_LOGIN, type Mosquitto, startMosquitto } from '../../../peers/programs/mosquitto.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { mqttCamera, PICTURE, ScriptedMqttSource } from '../support/mqtt-source.ts';

const LIMIT = { timeout: 60_000 };
const settingsOf = (broker: Mosquitto, more: Partial<MqttSettings> = {}): MqttSettings => ({
  mqttURL: broker.url,
  ...BROKER_LOGIN,
  mqttFingerprint: '',
  mqttPrefix: 'perch',
  mqttHomeAssistant: true,
  mqttCommands: false,
  ...more,
});

async function startLink(settings: MqttSettings, source = new ScriptedMqttSource(), former?: string) {
  const folder = former ?? mkdtempSync(join(tmpdir(), 'perch-mqtt-'));
  const link = await MqttLink.start({ settings, source, folder, clock: systemClock, log: silentLogger });
  const becomes = (state: string) => until(() => (link.status.state === state ? true : undefined));
  return {
    link,
    source,
    folder,
    becomes,
    async [Symbol.asyncDispose]() {
      await link.close();
      if (former === undefined) {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

const idsOf = (texts: readonly string[]) => texts.map((text) => (JSON.parse(text) as { id: string }).id);

describeWith(['mosquitto'], 'the link to mosquitto', () => {
  test('publishes states, events and a picture; a clean end and a lost connection are offline', LIMIT, async () => {
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('perch/#');
    const one = await startLink(settingsOf(broker));
    await one.becomes('connected');
    await until(() => seen.of('perch/cameras/door/motion')[0]);
    one.source.happens('a', 'motion', false);
    await until(() => seen.of('perch/cameras/door/picture')[0]);
    one.source.happens('a', 'motion', true);
    one.source.happens('b', 'doorbell', true);
    one.source.happens('c', 'input', false, 'garden/back');
    await until(() => seen.of('perch/events')[3]);
    await until(() => seen.of('perch/cameras/door/doorbell')[0]);
    await until(() => seen.of('perch/cameras/garden/back/contact')[1]);
    expect(seen.of('perch/cameras/door/motion')).toEqual(['OFF', 'ON', 'OFF']);
    expect(seen.of('perch/cameras/garden/back/contact')).toEqual(['OFF', 'ON']);
    expect(seen.of('perch/cameras/door/online')).toEqual(['ON']);
    expect(seen.of('perch/cameras/door/doorbell')).toEqual(['{"event_type":"press"}']);
    expect(idsOf(seen.of('perch/events'))).toEqual(['a', 'a', 'b', 'c']);
    expect(JSON.parse(seen.of('perch/events')[1] ?? '')).toEqual({
      time: expect.stringMatching(/^20.*Z$/),
      ...{ id: 'a', path: 'door', name: 'door', type: 'motion', text: '', source: 'camera' },
      ...{ start: expect.stringMatching(/Z$/), end: expect.stringMatching(/Z$/), labels: null, zones: null },
    });
    expect(JSON.parse(seen.of('perch/device')[0] ?? '')).toEqual({ cpu: 12.5, disk: 80, temperature: 51 });
    expect(seen.messages.find(({ topic }) => topic.endsWith('/picture'))?.payload).toEqual(PICTURE);
    expect(seen.messages.filter(({ isRetained }) => isRetained)).toEqual([]);
    await one[Symbol.asyncDispose]();
    expect(await until(() => seen.of('perch/status')[1])).toBe('offline');
    // A later subscriber gets states, and neither events nor pictures.
    await using later = await broker.subscribe('perch/#');
    await until(() => later.of('perch/status')[0]);
    const topics = later.messages.map(({ topic }) => topic);
    expect(topics).toContain('perch/cameras/door/motion');
    expect(topics.filter((topic) => /events|picture|doorbell/.test(topic))).toEqual([]);
  });

  test(
    'events queue while the broker is away and arrive once each, and states tell only the present',
    LIMIT,
    async () => {
      await using broker = await startMosquitto();
      await using seen = await broker.subscribe('perch/#');
      const one = await startLink(settingsOf(broker));
      await one.becomes('connected');
      one.source.happens('before', 'motion', true);
      await until(() => seen.of('perch/events')[0]);
      const motion = () => seen.of('perch/cameras/door/motion');
      await until(() => motion()[0]);
      await broker.stop();
      await one.becomes('waiting');
      for (let i = 0; i < 60; i += 1) {
        one.source.happens(`away ${i}`, 'motion', false);
        one.source.happens(`away ${i}`, 'motion', true);
      }
      one.source.happens('bell', 'doorbell', true);
      expect(one.link.status.queued).toBe(121);
      // The events survive a restart of Perch.
      await one.link.close();
      await using two = await startLink(settingsOf(broker), one.source, one.folder);
      await two.becomes('waiting');
      two.source.happens('last', 'person', false);
      await broker.start();
      await two.becomes('connected');
      await until(() => seen.of('perch/events').find((text) => text.includes('last')));
      const ids = idsOf(seen.of('perch/events'));
      expect(ids.slice(1)).toEqual([
        ...Array.from({ length: 60 }, (_, i) => [`away ${i}`, `away ${i}`]).flat(),
        'bell',
        'last',
      ]);
      await until(() => seen.of('perch/cameras/door/person').find((text) => text === 'ON'));
      expect(motion().includes('ON')).toBe(false);
      expect(seen.of('perch/cameras/door/doorbell')).toEqual([]);
      await until(() => (two.link.status.queued === 0 ? true : undefined));
      rmSync(one.folder, { recursive: true, force: true });
    },
  );

  test('Home Assistant gets each camera, again with its birth message, and loses removed ones', LIMIT, async () => {
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('homeassistant/#');
    const one = await startLink(settingsOf(broker, { mqttCommands: true }));
    await one.becomes('connected');
    const doors = () => seen.messages.filter(({ topic }) => topic.endsWith('_door/config'));
    await until(() => doors().find(({ payload }) => payload.includes('Street')));
    const topic = doors()[0]?.topic ?? '';
    const id = topic.split('/')[2] ?? '';
    const config = JSON.parse(doors().at(-1)?.payload.toString() ?? '') as Record<string, Record<string, object>>;
    expect(Object.keys(config['components'] ?? {}).sort()).toEqual(
      [
        'motion',
        'person',
        'vehicle',
        'animal',
        'contact',
        'tampering',
        'online',
        'doorbell',
        'picture',
        'recording',
        'clip',
        'preset',
      ].sort(),
    );
    expect(config).toMatchObject({
      availability_topic: 'perch/status',
      components: {
        motion: { platform: 'binary_sensor', device_class: 'motion', unique_id: `${id}_motion` },
        picture: { platform: 'image', image_topic: 'perch/cameras/door/picture' },
        preset: { options: ['Gate', 'Street'], command_topic: 'perch/set/door/preset' },
      },
    });
    const device = seen.messages.find((one) => /perch_[0-9a-f]{12}\/config$/.test(one.topic));
    expect(JSON.parse(device?.payload.toString() ?? '')).toMatchObject({
      components: {
        update: { platform: 'update', state_topic: 'perch/device/update' },
        temperature: { device_class: 'temperature' },
        cpu: { unit_of_measurement: '%' },
        disk: { unit_of_measurement: '%' },
      },
    });
    expect(device?.payload.toString()).not.toContain('command_topic');
    const before = doors().length;
    await broker.publish('homeassistant/status', 'online');
    await until(() => doors()[before]);
    // Removed while Perch is off.
    await one.link.close();
    one.source.list = one.source.list.filter(({ path }) => path !== 'door');
    await using two = await startLink(settingsOf(broker, { mqttCommands: true }), one.source, one.folder);
    await until(() => doors().find(({ payload }) => payload.length === 0));
    // And while it runs.
    two.source.change([]);
    const backs = () => seen.messages.filter((one) => one.topic.includes('garden_back_'));
    await until(() => backs().find(({ payload }) => payload.length === 0));
    await using later = await broker.subscribe('homeassistant/#');
    await until(() => later.messages[0]);
    expect(later.messages.map((one) => one.topic)).toEqual([device?.topic]);
    rmSync(one.folder, { recursive: true, force: true });
  });

  test('any number of birth messages repeats discovery and states once in five seconds', LIMIT, async () => {
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('homeassistant/#', 'perch/#');
    await using one = await startLink(settingsOf(broker));
    await one.becomes('connected');
    await until(() => seen.of('perch/cameras/door/picture')[0]);
    const doors = () => seen.messages.filter(({ topic }) => topic.endsWith('_door/config'));
    const states = () => seen.of('perch/cameras/door/motion');
    expect([doors().length, states().length]).toEqual([1, 1]);
    await Promise.all(Array.from({ length: 20 }, () => broker.publish('homeassistant/status', 'online')));
    one.source.happens('a', 'person', true);
    await until(() => seen.of('perch/events')[0]);
    expect([doors().length, states().length]).toEqual([2, 2]);
    await until(() => doors()[2]);
    const [, first, second] = doors();
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(4_500);
  });

  test(
    'the list of presets stays until the camera has another one, and is read when it or Home Assistant comes online',
    LIMIT,
    async () => {
      await using broker = await startMosquitto();
      await using seen = await broker.subscribe('homeassistant/#');
      const source = new ScriptedMqttSource();
      source.doorPresets = undefined;
      await using one = await startLink(settingsOf(broker, { mqttCommands: true }), source);
      await one.becomes('connected');
      const presets = () =>
        seen.messages
          .filter(({ topic }) => topic.endsWith('_door/config'))
          .map(
            ({ payload }) =>
              (JSON.parse(payload.toString()) as { components: { preset?: { options?: string[] } } }).components.preset,
          );
      await until(() => (presets().length > 0 ? true : undefined));
      expect(presets()).toEqual([undefined]);
      const cameraIs = (isOnline: boolean, list: readonly string[] | undefined) => {
        source.doorPresets = list;
        source.change([mqttCamera('door', { isOnline })]);
        return new Promise(setImmediate);
      };
      await cameraIs(false, ['Gate']);
      await cameraIs(true, ['Gate']);
      await until(() => presets()[1]);
      await cameraIs(false, undefined);
      await cameraIs(true, undefined);
      await cameraIs(false, []);
      await cameraIs(true, []);
      await until(() => presets()[2]);
      expect(presets().slice(1)).toEqual([expect.objectContaining({ options: ['Gate'] }), { platform: 'select' }]);
      source.doorPresets = ['Street'];
      await broker.publish('homeassistant/status', 'online');
      await until(() => presets().find((preset) => preset?.options?.includes('Street')));
    },
  );

  test(
    'states of cameras that are gone, and those below a former prefix, do not stay at the broker',
    LIMIT,
    async () => {
      await using broker = await startMosquitto();
      await using seen = await broker.subscribe('perch/#');
      const one = await startLink(settingsOf(broker));
      await one.becomes('connected');
      await until(() => seen.of('perch/cameras/door/motion')[0]);
      await broker.stop();
      await one.becomes('waiting');
      one.source.change(one.source.list.filter(({ path }) => path !== 'door'));
      await broker.start();
      await until(() => (seen.of('perch/cameras/door/motion').at(-1) === '' ? true : undefined));
      {
        await using later = await broker.subscribe('perch/#');
        await until(() => later.of('perch/status')[0]);
        await until(() => later.of('perch/cameras/garden/back/motion')[0]);
        expect(later.messages.filter(({ topic }) => topic.includes('/door/'))).toEqual([]);
      }
      await one.link.close();
      await using two = await startLink(settingsOf(broker, { mqttPrefix: 'other' }), one.source, one.folder);
      await two.becomes('connected');
      await until(() => (seen.of('perch/device/update').at(-1) === '' ? true : undefined));
      await using last = await broker.subscribe('perch/#', 'other/#');
      await until(() => last.of('other/cameras/garden/back/motion')[0]);
      expect(last.messages.filter(({ topic }) => topic.startsWith('perch/'))).toEqual([]);
      rmSync(one.folder, { recursive: true, force: true });
    },
  );

  test('commands are carried out only with mqttCommands, and never retained ones', LIMIT, async () => {
    await using broker = await startMosquitto();
    const send = async () => {
      await broker.publish('perch/set/door/recording', 'OFF');
      await broker.publish('perch/set/door/preset', 'Gate');
      await broker.publish('perch/set/garden/back/clip', 'PRESS');
      await broker.publish('perch/set/missing/clip', 'PRESS');
      await broker.publish('perch/set/door/recording', 'maybe');
      await broker.publish('perch/set/door/recording', 'x'.repeat(1_000));
    };
    {
      await using off = await startLink(settingsOf(broker));
      await off.becomes('connected');
      await send();
      expect(off.source.done).toEqual([]);
    }
    await broker.publish('perch/set/door/clip', 'PRESS', '-r');
    await using on = await startLink(settingsOf(broker, { mqttCommands: true, mqttHomeAssistant: false }));
    await on.becomes('connected');
    await send();
    await broker.publish('perch/set/door/recording', 'ON');
    await until(() => on.source.done[3]);
    expect(on.source.done).toEqual(['record door false', 'preset door Gate', 'clip garden/back', 'record door true']);
    // Above the limit of a packet, which the library would collect.
    await broker.publish('perch/set/door/preset', 'x'.repeat(100_000));
    await on.becomes('waiting');
    expect(on.link.status.error).toMatch(/a packet of 1000\d\d bytes, the limit is 65536/);
    await on.becomes('connected');
  });

  test('TLS is verified, or the fingerprint is', LIMIT, async () => {
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('perch/status');
    const secure = { mqttURL: broker.secureUrl };
    await using pinned = await startLink(settingsOf(broker, { ...secure, mqttFingerprint: BROKER_FINGERPRINT }));
    await pinned.becomes('connected');
    expect(await until(() => seen.of('perch/status')[0])).toBe('online');
    await broker.stop('SIGKILL');
    await pinned.becomes('waiting');
    await broker.start();
    await pinned.becomes('connected');
  });

  test.for([
    ['a wrong password', { mqttPassword: 'guess' }, 'login', /^the broker rejects the user name or the password/],
    ['no login', { mqttUser: '', mqttPassword: '' }, 'login', /rejects the user name/],
    ['an unknown authority', { isTls: true }, 'certificate', /certificate is not trusted.*: set mqttFingerprint/],
    ['another certificate', { isTls: true, mqttFingerprint: 'ab'.repeat(32) }, 'certificate', /has the fingerprint/],
    ['no TLS at a port with TLS', { isMixed: true }, 'noMqtt', /it may expect TLS/],
    ['TLS at a port without', { isMixed: true, isTls: true }, 'noTls', /does not speak TLS: write mqtt:/],
    ['a closed port', { mqttURL: 'mqtt://127.0.0.1:1' }, 'unreachable', /^no broker answers at 127\.0\.0\.1:1/],
    [
      'an unknown name',
      { mqttURL: 'mqtt://no-such-host.invalid' },
      'name',
      /^the name 'no-such-host.invalid' is not known/,
    ],
  ] as const)(
    '%s is explained',
    LIMIT,
    async ([, { isTls, isMixed, ...more }, why, text]: readonly [
      string,
      Partial<MqttSettings> & { isTls?: boolean; isMixed?: boolean },
      string,
      RegExp,
    ]) => {
      await using broker = await startMosquitto();
      const at = (isTls === true) === (isMixed === true) ? broker.url : broker.secureUrl;
      const settings = { ...settingsOf(broker), mqttURL: at.replace(/^mqtts?/, isTls ? 'mqtts' : 'mqtt'), ...more };
      const failed = await openBroker({ settings, clientId: 'a', signal: new AbortController().signal }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failed).toBeInstanceOf(PerchError);
      expect([whyOf(failed), (failed as Error).message]).toEqual([why, expect.stringMatching(text)]);
    },
  );
});
