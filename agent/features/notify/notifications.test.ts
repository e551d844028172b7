import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { featuresWith } from '../../../test/features/notify/support/features-with.ts';
import { openPushService, vapidClaims } from '../../../test/features/notify/support/push-service.ts';
import { pictureOf, startSnapshotCamera } from '../../../test/support/cameras/snapshot-camera.ts';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';
import { labelling } from '../../../test/support/harness/labelling.ts';
import type { Config } from '../../config/load/load.ts';
import type { EventHub } from '../../record/events/event-hub.ts';
import type { Feature } from '../contract.ts';

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 20 });
const RULES = [{ cameras: 'all', kinds: ['person', 'doorbell'] }];
const PATHS = 'paths:\n  door:\n  yard:\n';

async function open(paths = PATHS, others: readonly Feature[] = []) {
  const service = await openPushService();
  const box = await openAdoptionHarness({}, paths, {
    features: [...featuresWith({ https: service.https }), ...others],
  });
  const subscription = { ...service.subscription, language: 'en', rules: RULES };
  const cookieOf = async (address: string, body: object) => {
    const { headers } = await box.ask('POST', address, body);
    return headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ');
  };
  return {
    ...{ service, box, subscription },
    subscribe: (cookie = box.cookie) => box.ask('POST', '/notifications', subscription, { cookie }),
    report: async (path: string, more: object = {}) =>
      String((await box.call('POST', '/events', { path, type: 'person', ...more })).body['id']),
    viewer: async (rights: object) => {
      await box.call('POST', '/users', { name: 'ann', password: 'a red kite', ...rights });
      return cookieOf('/session', { user: 'ann', password: 'a red kite' });
    },
    guest: async () => {
      const until = new Date(Date.now() + 3_600_000).toISOString();
      const { body } = await box.call('POST', '/guests', { paths: 'all', recordings: true, until });
      return { id: String(body['id']), cookie: await cookieOf('/guest', { token: body['token'] }) };
    },
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

test('an event reaches the browser, encrypted for it and signed by the key of the box', async () => {
  await using it = await open();
  const { service, box } = it;
  const publicKey = String((await box.call('GET', '/notifications')).body['publicKey']);
  expect((await it.subscribe()).status).toBe(200);
  const id = await it.report('door', { text: 'with a parcel' });
  await until(() => expect(service.messages).toHaveLength(1));
  const [message] = service.messages;
  expect(message?.payload).toMatchObject({
    id,
    path: 'door',
    kind: 'person',
    title: 'door',
    body: 'Person · with a parcel',
  });
  expect(message?.payload['link']).toMatch(/^#\/rec\/door\?t=\d{4}-/);
  expect(message?.headers).toMatchObject({ 'content-encoding': 'aes128gcm', ttl: '14400', urgency: 'high' });
  const claims = vapidClaims(String(message?.headers['authorization']), publicKey);
  expect(claims).toMatchObject({ aud: `https://localhost:${service.port}`, sub: expect.stringContaining('mailto:') });
});

/** Its camera `door` sends nothing while `isOn`. */
function silence() {
  const state = { isOn: false };
  const inForce = (config: Config): Config => {
    const door = config.paths.get('door');
    return door?.settings && state.isOn
      ? {
          ...config,
          paths: new Map([...config.paths, ['door', { ...door, settings: { ...door.settings, isSilent: true } }]]),
        }
      : config;
  };
  let apply = async () => {};
  const feature: Feature = {
    name: 'silence',
    open: ({ applyPaths }) => {
      apply = applyPaths;
      return { inForce };
    },
  };
  const begin = () => {
    state.isOn = true;
    return apply();
  };
  return { feature, begin };
}

test('motion of an examined camera is sent when its label is found, and opens the moment of the motion', async () => {
  const { features, label } = labelling([]);
  await using it = await open(PATHS, features);
  await it.subscribe();
  const id = await it.report('door', { type: 'motion', state: 'start' });
  await label('door', id);
  await label('door', id, 'person');
  await label('door', id, 'person', 'vehicle');
  await until(() => expect(it.service.messages).toHaveLength(1));
  const { items } = (await it.box.call('GET', '/events/list?to=2100-01-01T00:00:00Z')).body;
  const [{ start }] = items as [{ readonly start: string }];
  expect(it.service.messages[0]?.payload).toMatchObject({ id, kind: 'person', body: 'Person', at: Date.parse(start) });
});

test('only what the rules name is sent, and nothing of a camera that a feature silences', async () => {
  const quiet = silence();
  await using it = await open(PATHS, [quiet.feature]);
  await it.subscribe();
  await it.report('door', { type: 'motion' });
  await quiet.begin();
  await it.report('door');
  const id = await it.report('yard');
  await until(() => expect(it.service.messages).toHaveLength(1));
  expect(it.service.messages[0]?.payload).toMatchObject({ id, path: 'yard' });
});

test('snooze and changed rules count at once, and the list shows what is set', async () => {
  await using it = await open();
  const { box, service } = it;
  await it.subscribe();
  const list = async () => (await box.call('GET', '/notifications')).body['items'] as { id: string }[];
  const id = (await list())[0]?.id ?? '';
  expect(await list()).toMatchObject([{ relay: 'localhost', snoozedUntil: null, rules: RULES, language: 'en' }]);
  expect(await box.call('PATCH', `/notifications/${id}`, { snoozeMinutes: 60 })).toMatchObject({
    body: { snoozedUntil: expect.stringMatching(/^\d{4}-/) },
  });
  await it.report('door');
  const rules = [{ cameras: ['yard'], kinds: ['person'] }];
  await box.call('PATCH', `/notifications/${id}`, { snoozeMinutes: 0, rules, language: 'zh-cn' });
  await it.report('door', { id: 'second' });
  await it.report('yard');
  await until(() => expect(service.messages.map(({ payload }) => payload['body'])).toEqual(['有人']));
  expect((await box.call('DELETE', `/notifications/${id}`, {})).status).toBe(200);
  expect(await list()).toEqual([]);
});

test('the list has the time zone of the hours: the one that is set, else that of the box', async () => {
  await using it = await open();
  const { box } = it;
  const zone = async () => (await box.call('GET', '/notifications')).body['timeZone'];
  expect(await zone()).toBe(new Intl.DateTimeFormat().resolvedOptions().timeZone);
  await box.call('PATCH', '/config/global/patch', { timetableZone: 'America/Los_Angeles' });
  await until(async () => expect(await zone()).toBe('America/Los_Angeles'));
});

test('a viewer gets the events of cameras whose recordings they may play', async () => {
  await using it = await open();
  const cookie = await it.viewer({ cameras: ['door'], recordings: true });
  expect((await it.subscribe(cookie)).status).toBe(200);
  await it.report('yard');
  await it.report('door');
  await until(() => expect(it.service.messages.map(({ payload }) => payload['path'])).toEqual(['door']));
  await it.box.call('PATCH', '/users/ann', { recordings: false });
  await it.report('door', { type: 'doorbell' });
  await it.subscribe();
  await it.report('yard');
  await until(() => expect(it.service.messages.map(({ payload }) => payload['path'])).toEqual(['door', 'yard']));
});

test('a subscription ends with its session', async () => {
  await using it = await open();
  const cookie = await it.viewer({ recordings: true });
  await it.subscribe(cookie);
  const file = join(it.box.folder, 'data', 'push-subscriptions.json');
  expect(readFileSync(file, 'utf8')).toContain('"ann"');
  await it.box.ask('DELETE', '/session', {}, { cookie });
  await it.report('door');
  await until(() => expect(readFileSync(file, 'utf8')).not.toContain('"ann"'));
  expect(it.service.messages).toEqual([]);
});

test('a guest is notified until the link is revoked', async () => {
  await using it = await open();
  const { id, cookie } = await it.guest();
  expect((await it.subscribe(cookie)).status).toBe(200);
  await it.report('door');
  await until(() => expect(it.service.messages).toHaveLength(1));
  await it.box.call('DELETE', `/guests/${id}`, {});
  await it.report('yard');
  const file = join(it.box.folder, 'data', 'push-subscriptions.json');
  await until(() => expect(readFileSync(file, 'utf8')).not.toContain('guest'));
  expect(it.service.messages).toHaveLength(1);
});

test('people see and change only their own subscriptions', async () => {
  await using it = await open();
  await it.subscribe();
  const { items } = (await it.box.call('GET', '/notifications')).body as { items: { id: string }[] };
  const cookie = await it.viewer({ recordings: true });
  const shown = await it.box.ask('GET', '/notifications', undefined, { cookie });
  expect(Buffer.from(shown.bytes).toString()).toContain('"items":[]');
  for (const [method, rest, body] of [
    ['PATCH', '', { snoozeMinutes: 5 }],
    ['POST', '/test', {}],
    ['DELETE', '', {}],
  ] as const) {
    const { status } = await it.box.ask(method, `/notifications/${items[0]?.id}${rest}`, body, { cookie });
    expect(status).toBe(404);
  }
});

test('a guest sees and changes the subscription of no other browser with the same link', async () => {
  await using it = await open();
  const { cookie } = await it.guest();
  const subscribed = await it.subscribe(cookie);
  const { id } = JSON.parse(Buffer.from(subscribed.bytes).toString()) as { id: string };
  const own = `${cookie}; ${subscribed.headers.getSetCookie()[0]?.split(';')[0]}`;
  const list = async (cookie: string) =>
    Buffer.from((await it.box.ask('GET', '/notifications', undefined, { cookie })).bytes).toString();
  expect(await list(cookie)).toContain('"items":[]');
  expect(await list(own)).toContain(it.subscription.endpoint);
  const change = async (cookie: string) => {
    const address = `/notifications/${id}`;
    const answers = [
      await it.box.ask('PATCH', address, { snoozeMinutes: 5 }, { cookie }),
      await it.box.ask('POST', `${address}/test`, {}, { cookie }),
      await it.box.ask('DELETE', address, {}, { cookie }),
    ];
    return answers.map(({ status }) => status);
  };
  expect(await change(cookie)).toEqual([404, 404, 404]);
  expect(await change(own)).toEqual([200, 200, 200]);
});

test('the test says in a sentence what is wrong, and an ended subscription is removed', async () => {
  await using it = await open();
  const { box, service } = it;
  await it.subscribe();
  const list = async () => (await box.call('GET', '/notifications')).body['items'] as { id: string }[];
  const id = (await list())[0]?.id;
  const tried = async () => (await box.call('POST', `/notifications/${id}/test`, {})).body;
  expect(await tried()).toEqual({ sent: true, problem: null });
  expect(service.messages[0]?.payload).toMatchObject({ title: 'Perch', body: 'This is a test.' });
  service.state.status = 503;
  const fault = 'localhost answers 503, a fault of its own: try again later';
  expect(await tried()).toEqual({ sent: false, problem: fault });
  service.state.status = 410;
  const over = 'the browser has ended this subscription: switch notifications on again there';
  expect(await tried()).toEqual({ sent: false, problem: over });
  expect(await list()).toEqual([]);
});

test('a user tests at most five times a minute', async () => {
  await using it = await open();
  await it.subscribe();
  const { items } = (await it.box.call('GET', '/notifications')).body as { items: { id: string }[] };
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) {
    statuses.push((await it.box.call('POST', `/notifications/${items[0]?.id}/test`, {})).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  expect(it.service.messages).toHaveLength(5);
});

test('a subscription is tested once at a time', async () => {
  await using it = await open();
  const { promise, resolve } = Promise.withResolvers<string[]>();
  it.service.https.resolve = () => promise;
  await it.subscribe();
  const { items } = (await it.box.call('GET', '/notifications')).body as { items: { id: string }[] };
  const tried = async () => (await it.box.call('POST', `/notifications/${items[0]?.id}/test`, {})).status;
  const both = [tried(), tried()];
  expect(await Promise.race(both)).toBe(429);
  resolve(['127.0.0.1']);
  expect((await Promise.all(both)).toSorted((a, b) => a - b)).toEqual([200, 429]);
});

test('a subscription that the browser has replaced keeps its rules and pause', async () => {
  await using it = await open();
  await it.subscribe();
  const list = async () => (await it.box.call('GET', '/notifications')).body['items'] as { id: string }[];
  const address = `/notifications/${(await list())[0]?.id}`;
  await it.box.call('PATCH', address, { snoozeMinutes: 60 });
  const { endpoint, p256dh, auth } = it.subscription;
  const next = { endpoint: `${endpoint}/next`, p256dh, auth };
  expect((await it.box.call('PATCH', address, { subscription: next })).status).toBe(200);
  expect(await list()).toMatchObject([
    { endpoint: next.endpoint, rules: RULES, snoozedUntil: expect.stringMatching(/^\d/) },
  ]);
  const bad = [
    { ...next, endpoint: 'http://push.example.com/' },
    { ...next, p256dh: `B${'A'.repeat(86)}` },
    { endpoint },
  ];
  for (const subscription of bad) {
    expect((await it.box.call('PATCH', address, { subscription })).status).toBe(400);
  }
  expect(await list()).toMatchObject([{ endpoint: next.endpoint }]);
});

test('beyond the limit a browser gets 507, as the API document says', async () => {
  await using it = await open();
  const { cookie } = await it.guest();
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const body = { ...it.subscription, endpoint: `https://push.example.com/${i}` };
    statuses.push((await it.box.ask('POST', '/notifications', body, { cookie })).status);
  }
  expect(statuses).toEqual([200, 200, 200, 507]);
  const { body } = await it.box.call('GET', '/openapi.json');
  const { paths } = body as { paths: Record<string, Record<string, { responses: object }>> };
  expect(Object.keys(paths['/v3/notifications']?.['post']?.responses ?? {})).toEqual(expect.arrayContaining(['507']));
});

const cameraPath = (url: string) => `paths:\n  door:\n    camera: {onvif: "${url}", name: Front door}\n`;

test('a thumbnail that fits is in the message, and the full picture is there for those who may see it', async () => {
  const [large, small] = [pictureOf(40_000), pictureOf(2_400, 7)];
  const profiles = { main: { width: 1920, picture: large }, sub: { width: 320, picture: small } };
  await using camera = await startSnapshotCamera({ profiles });
  await using it = await open(cameraPath(camera.url));
  await it.subscribe();
  const id = await it.report('door');
  await until(() => expect(it.service.messages).toHaveLength(1));
  const [message] = it.service.messages;
  expect(message?.payload).toMatchObject({ title: 'Front door', picture: Buffer.from(small).toString('base64') });
  expect(message?.encryptedBytes).toBeLessThanOrEqual(4_096);
  const address = `/notifications/${id}/picture?path=door`;
  const { status, headers, bytes } = await it.box.ask('GET', address, undefined, { cookie: it.box.cookie });
  expect([status, headers.get('content-type'), bytes.length]).toEqual([200, 'image/jpeg', large.length]);
  expect((await it.box.ask('GET', address)).status).toBe(401);
  const cookie = await it.viewer({ cameras: ['yard'], recordings: true });
  expect((await it.box.ask('GET', address, undefined, { cookie })).status).toBe(401);
});

test('without a small picture the message goes without one', async () => {
  await using camera = await startSnapshotCamera();
  await using it = await open(cameraPath(camera.url));
  await it.subscribe();
  await it.report('door');
  await until(() => expect(it.service.messages).toHaveLength(1));
  expect(it.service.messages[0]?.payload).not.toHaveProperty('picture');
});

test.for([
  ['a program', {}, 401],
  ['an endpoint without https', { endpoint: 'http://push.example.com/' }, 400],
  ['a short key', { p256dh: 'abc' }, 400],
  ['a key off the curve', { p256dh: `B${'A'.repeat(86)}` }, 400],
  ['an unknown field', { name: 'x' }, 400],
] as const)('%s gets no subscription', async ([who, more, status]) => {
  await using it = await open();
  const cookie = who === 'a program' ? '' : it.box.cookie;
  expect((await it.box.ask('POST', '/notifications', { ...it.subscription, ...more }, { cookie })).status).toBe(status);
  expect(existsSync(join(it.box.folder, 'data', 'push-subscriptions.json'))).toBe(false);
});

test('an event of both streams of a camera is notified once, and so is one of the small stream alone', async () => {
  const hubs: EventHub[] = [];
  const witness: Feature = {
    name: 'witness',
    open: (host) => {
      hubs.push(host.recordings.events.hub as EventHub);
      return {};
    },
  };
  const streams = `paths:
  door: {source: rtsp://127.0.0.1:9/1}
  door_sub: {source: rtsp://127.0.0.1:9/2}
`;
  await using it = await open(streams, [witness]);
  await it.subscribe();
  for (const path of ['door', 'door_sub']) {
    await hubs[0]?.add({ path, id: 'a', type: 'person', source: 'camera' });
  }
  await it.report('door_sub', { type: 'doorbell' });
  const received = () => it.service.messages.map(({ payload }) => [payload['path'], payload['kind']]);
  await until(() => expect(received()).toHaveLength(2));
  expect(received()).toEqual([
    ['door', 'person'],
    ['door_sub', 'doorbell'],
  ]);
});
