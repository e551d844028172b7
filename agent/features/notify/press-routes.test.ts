import { expect, test, vi } from 'vitest';
import { featuresWith } from '../../../test/features/notify/support/features-with.ts';
import { openPushService } from '../../../test/features/notify/support/push-service.ts';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';

const PASSWORD = 'a red kite';
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 });

/** A box whose messages arrive at the browser of `cookie`. */
async function open() {
  const service = await openPushService();
  const features = featuresWith({ https: service.https });
  const box = await openAdoptionHarness({}, 'paths:\n  door:\n  yard:\n', { features });
  const cookieOf = async (address: string, body: object) => {
    const { headers } = await box.ask('POST', address, body);
    return headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ');
  };
  const rules = [{ cameras: 'all', kinds: ['person', 'vehicle', 'doorbell'] }];
  return {
    ...{ service, box, cookieOf },
    subscribe: (cookie = box.cookie) =>
      box.ask('POST', '/notifications', { ...service.subscription, language: 'en', rules }, { cookie }),
    viewer: async () => {
      await box.call('POST', '/users', { name: 'ann', password: PASSWORD, cameras: ['door'], recordings: true });
      return cookieOf('/session', { user: 'ann', password: PASSWORD });
    },
    /** Reports an event. @returns the token of its only button, and how often it was shown */
    token: async (type: string, path = 'door') => {
      const before = service.messages.length;
      await box.call('POST', '/events', { path, type });
      await until(() => expect(service.messages).toHaveLength(before + 1));
      const buttons = service.messages.at(-1)?.payload['buttons'] as { title: string; token: string }[];
      expect(buttons).toEqual([{ title: 'Quiet for an hour', token: expect.any(String) }]);
      return buttons[0]?.token ?? '';
    },
    press: async (token: unknown, headers: Record<string, string> = { cookie: box.cookie }) => {
      const { status, bytes } = await box.ask('POST', '/notifications/press', { token }, headers);
      return { status, body: JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown> };
    },
    [Symbol.asyncDispose]: async () => {
      await box[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

test('Quiet is in force at once for its camera alone, is listed, and Undo ends it', async () => {
  await using it = await open();
  await it.subscribe();
  const list = async () => (await it.box.call('GET', '/notifications')).body['items'];
  expect(await list()).toMatchObject([{ buttons: ['talk', 'quiet'], quiet: [] }]);
  const token = await it.token('person');
  const { status, body } = await it.press(token);
  expect([status, body]).toEqual([
    200,
    {
      text: 'Quiet until {time}',
      until: expect.stringMatching(/^\d{4}-/),
      undo: { title: 'Undo', token: expect.any(String) },
    },
  ]);
  expect(await list()).toMatchObject([{ quiet: [{ path: 'door', until: body['until'] }] }]);
  await it.box.call('POST', '/events', { path: 'door', type: 'vehicle' });
  await it.token('vehicle', 'yard');
  expect(it.service.messages.map(({ payload }) => payload['path'])).toEqual(['door', 'yard']);
  expect((await it.press(token)).status).toBe(404);
  const undo = body['undo'] as { token: string };
  expect(await it.press(undo.token)).toMatchObject({
    status: 200,
    body: { text: 'Notifications resumed', undo: null },
  });
  await it.token('doorbell');
  expect(it.box.log.join('\n')).not.toContain(token);
});

test('the settings end what a button has paused, and choose the buttons', async () => {
  await using it = await open();
  await it.subscribe();
  await it.press(await it.token('person'));
  const items = async () => (await it.box.call('GET', '/notifications')).body['items'] as { id: string }[];
  const address = `/notifications/${(await items())[0]?.id}`;
  const change = async (body: object) => (await it.box.call('PATCH', address, body)).status;
  expect(await change({ quiet: { path: 'door', minutes: 0 }, buttons: ['talk'] })).toBe(200);
  expect(await items()).toMatchObject([{ quiet: [], buttons: ['talk'] }]);
  for (const wrong of [{ buttons: ['siren'] }, { buttons: ['talk', 'talk'] }, { quiet: { path: '', minutes: 5 } }]) {
    expect(await change(wrong)).toBe(400);
  }
});

test.for([
  ['a program without a login', async () => ({})],
  ['a page of another site', async ({ box }: Box) => ({ cookie: box.cookie, 'sec-fetch-site': 'cross-site' })],
] as const)('the token is worth nothing to %s', async ([, headersOf]) => {
  await using it = await open();
  await it.subscribe();
  const token = await it.token('person');
  expect((await it.press(token, await headersOf(it))).status).toBe(401);
  expect((await it.press(token)).status).toBe(200);
});
type Box = Awaited<ReturnType<typeof open>>;

test("the token of one person is worth nothing to another, and nothing after its person's logout or removal", async () => {
  await using it = await open();
  const cookie = await it.viewer();
  await it.subscribe(cookie);
  const token = await it.token('person');
  expect((await it.press(token)).status).toBe(404);
  await it.box.ask('DELETE', '/session', {}, { cookie });
  expect((await it.press(token, { cookie })).status).toBe(401);
  const again = await it.cookieOf('/session', { user: 'ann', password: PASSWORD });
  expect((await it.press(token, { cookie: again })).status).toBe(404);
  await it.subscribe(again);
  const next = await it.token('vehicle');
  await it.box.call('DELETE', '/users/ann', {});
  expect((await it.press(next, { cookie: again })).status).toBe(401);
});

test('a viewer who has lost the camera pauses nothing', async () => {
  await using it = await open();
  const cookie = await it.viewer();
  await it.subscribe(cookie);
  const token = await it.token('person');
  await it.box.call('PATCH', '/users/ann', { cameras: ['yard'] });
  expect((await it.press(token, { cookie })).status).toBe(401);
});

test('a guest pauses the camera in this browser, and no other browser with the same link does', async () => {
  await using it = await open();
  const guestUntil = new Date(Date.now() + 3_600_000).toISOString();
  const { body } = await it.box.call('POST', '/guests', { paths: ['door'], recordings: true, until: guestUntil });
  const link = await it.cookieOf('/guest', { token: body['token'] });
  const subscribed = await it.subscribe(link);
  const token = await it.token('person');
  for (let i = 0; i < 20; i += 1) {
    expect((await it.press(token, { cookie: link })).status).toBe(404);
  }
  expect((await it.press(token, { cookie: link })).status).toBe(429);
  const own = `${link}; ${subscribed.headers.getSetCookie()[0]?.split(';')[0]}`;
  expect((await it.press(token, { cookie: own })).status).toBe(200);
});

test('only a camera of the box that the person may play can be paused', async () => {
  await using it = await open();
  const cookie = await it.viewer();
  await it.subscribe(cookie);
  const listed = await it.box.ask('GET', '/notifications', undefined, { cookie });
  const [{ id }] = (JSON.parse(Buffer.from(listed.bytes).toString()) as { items: [{ id: string }] }).items;
  const pause = async (path: string, minutes: number) =>
    (await it.box.ask('PATCH', `/notifications/${id}`, { quiet: { path, minutes } }, { cookie })).status;
  expect([await pause('yard', 5), await pause('yard', 0), await pause('door', 5)]).toEqual([401, 200, 200]);
  await it.subscribe();
  const [own] = (await it.box.call('GET', '/notifications')).body['items'] as { id: string }[];
  const { status } = await it.box.call('PATCH', `/notifications/${own?.id}`, {
    quiet: { path: 'nowhere', minutes: 5 },
  });
  expect(status).toBe(400);
});

test('after twenty wrong tokens a person waits; right ones do not count', async () => {
  await using it = await open();
  await it.subscribe();
  const [first, second] = [await it.token('person'), await it.token('vehicle', 'yard')];
  expect((await it.press(first)).status).toBe(200);
  for (let i = 0; i < 20; i += 1) {
    expect((await it.press('x'.repeat(32))).status).toBe(404);
  }
  expect((await it.press(second)).status).toBe(429);
  expect((await it.press('x'.repeat(65))).status).toBe(400);
});
