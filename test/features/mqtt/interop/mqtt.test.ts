import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { BROKER_FINGERPRINT, BROKER_LOGIN, startMosquitto } from '../../../peers/programs/mosquitto.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { pictureOf } from '../../../support/cameras/snapshot-camera.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { labelling } from '../../../support/harness/labelling.ts';

const LIMIT = { timeout: 60_000 };
/** Maximum time of an event and its picture, from the camera's notification to the subscriber. */
const MAX_EVENT_MS = 2_000;

const send = async (agent: Agent, method: string, path: string, body: object): Promise<unknown> => {
  const headers = { ...agent.headers, 'Content-Type': 'application/json' };
  const response = await fetch(`${agent.url}/v3/${path}`, { method, headers, body: JSON.stringify(body) });
  expect([response.status, path]).toEqual([200, path]);
  return response.json();
};

describeWith(['mosquitto'], 'an agent with an MQTT broker', () => {
  test(
    'passes on an event with its picture within 2 s, follows its configuration and takes commands',
    LIMIT,
    async () => {
      await using broker = await startMosquitto();
      await using seen = await broker.subscribe('perch/#', 'other/#');
      const picture = pictureOf(500, 1);
      await using camera = await startOnvifCamera({ picture });
      const source = `{source: '${camera.rtspUrl()}', camera: {onvif: '${camera.url}', name: Front door}}`;
      const config = `mqtt: yes
mqttURL: ${broker.url}
mqttUser: ${BROKER_LOGIN.mqttUser}
mqttPassword: ${BROKER_LOGIN.mqttPassword}
paths:
  door: ${source}
`;
      await using agent = await startAgent({ config, isOwned: true });
      const status = () => agent.json<Record<string, unknown>>('/v3/mqtt');
      await until(async () => ((await status())['state'] === 'connected' ? true : undefined));
      await until(() => seen.of('perch/cameras/door/online').find((text) => text === 'ON'));
      // The camera has its subscriber.
      await until(() => camera.operations.find((operation) => operation === 'PullMessages'));
      const pictures = () => seen.messages.filter(({ topic }) => topic === 'perch/cameras/door/picture');
      // After the connection there is one; the next belongs to the event.
      await until(() => pictures()[0]);
      await until(() => (performance.now() - (pictures()[0]?.atMs ?? 0) > MAX_EVENT_MS ? true : undefined));
      const before = pictures().length;
      const beganMs = performance.now();
      camera.motion(true);
      const event = await until(() => seen.messages.find(({ topic }) => topic === 'perch/events'));
      const taken = await until(() => pictures()[before]);
      expect(Math.max(event.atMs, taken.atMs) - beganMs).toBeLessThan(MAX_EVENT_MS);
      expect(taken.payload.equals(picture)).toBe(true);
      expect(JSON.parse(event.payload.toString())).toMatchObject({
        path: 'door',
        name: 'Front door',
        type: 'motion',
        end: null,
      });
      expect(seen.of('perch/cameras/door/motion').at(-1)).toBe('ON');

      // No answer has the password.
      const shown = JSON.stringify([
        await agent.json('/v3/config/global/get'),
        await status(),
        await agent.json('/v3/problems/list'),
      ]);
      expect(shown).toContain('"mqttPassword":"<redacted>"');
      expect(shown).not.toContain(BROKER_LOGIN.mqttPassword);
      expect(agent.process.output()).not.toContain(BROKER_LOGIN.mqttPassword);

      expect(await send(agent, 'POST', 'mqtt/test', {})).toEqual({ isGood: true, error: null, why: null });
      const secure = { mqttURL: broker.secureUrl, mqttPassword: BROKER_LOGIN.mqttPassword };
      expect(await send(agent, 'POST', 'mqtt/test', secure)).toMatchObject({ isGood: false, why: 'certificate' });
      const pinned = { ...secure, mqttFingerprint: BROKER_FINGERPRINT };
      expect(await send(agent, 'POST', 'mqtt/test', pinned)).toMatchObject({ isGood: true });
      expect(await send(agent, 'POST', 'mqtt/test', { mqttPassword: 'guess' })).toMatchObject({ why: 'login' });

      await send(agent, 'PATCH', 'config/global/patch', { ...pinned, mqttPrefix: 'other', mqttCommands: true });
      await until(() => seen.of('other/status')[0]);
      await until(() => (seen.of('perch/status').at(-1) === '' ? true : undefined));
      expect(seen.of('perch/status').slice(-2)).toEqual(['offline', '']);
      await until(async () => ((await status())['state'] === 'connected' ? true : undefined));
      await broker.publish('other/set/door/recording', 'ON');
      await until(() => seen.of('other/cameras/door/recording').find((text) => text === 'ON'));
      expect(await agent.json('/v3/config/paths/get/door')).toMatchObject({ record: true });
      await broker.publish('other/set/door/clip', 'PRESS');
      await until(() => seen.of('other/events').find((text) => text.includes('"type":"clip"')));

      await broker.stop();
      await until(async () => ((await status())['state'] === 'waiting' ? true : undefined));
      const problems = await agent.json<{ items: { kind: string; why: string }[] }>('/v3/problems/list');
      expect(problems.items.find(({ kind }) => kind === 'mqtt')).toMatchObject({
        text: expect.stringMatching(/broker/),
      });
      await send(agent, 'PATCH', 'config/global/patch', { mqtt: false });
      await until(async () => ((await status())['state'] === 'off' ? true : undefined));
    },
  );

  test('a label switches its state on, also for five seconds after the event', LIMIT, async () => {
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('perch/#');
    const { features, label } = labelling();
    const config = `mqtt: yes
mqttURL: ${broker.url}
mqttUser: ${BROKER_LOGIN.mqttUser}
mqttPassword: ${BROKER_LOGIN.mqttPassword}
paths:
  door:
`;
    await using box = await openAdoptionHarness({}, config, { features });
    const motion = { path: 'door', type: 'motion' };
    await until(() => seen.of('perch/cameras/door/animal')[0]);
    const { body } = await box.call('POST', '/events', { ...motion, state: 'start' });
    const id = String(body['id']);
    await label('door', id, 'person');
    await until(() => seen.of('perch/cameras/door/person')[1]);
    await box.call('POST', '/events', { ...motion, id, state: 'end' });
    await until(() => seen.of('perch/cameras/door/person')[2]);
    await label('door', id, 'person', 'animal');
    await until(() => seen.of('perch/cameras/door/animal')[2]);
    const states = ['motion', 'person', 'animal', 'vehicle'].map((what) => seen.of(`perch/cameras/door/${what}`));
    expect(states).toEqual([['OFF', 'ON', 'OFF'], ['OFF', 'ON', 'OFF'], ['OFF', 'ON', 'OFF'], ['OFF']]);
    const [on, off] = seen.messages.filter(({ topic }) => topic === 'perch/cameras/door/animal').slice(1);
    expect((off?.atMs ?? 0) - (on?.atMs ?? 0)).toBeGreaterThan(3_500);
    const events = seen.of('perch/events').map((text) => JSON.parse(text));
    expect(events.map((event) => [event.id, event.labels?.map((one: { type: string }) => one.type)])).toEqual([
      [id, undefined],
      [id, ['person']],
      [id, ['person']],
      [id, ['person', 'animal']],
    ]);
    expect(events[1].labels[0]).toMatchObject({ score: 0.75, at: expect.stringMatching(/Z$/) });
  });
});
