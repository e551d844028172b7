import { afterEach, expect, test, vi } from 'vitest';

const MESSAGE = { id: 'e1', path: 'door', kind: 'person', at: 0, title: 'Door', body: 'Person', link: '#/rec/door' };

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** Starts the worker. @returns delivers an event, and resolves when its work is done */
async function startWorker(more: object) {
  const listeners = new Map<string, (event: object) => void>();
  vi.stubGlobal('self', {
    registration: { scope: 'https://box.example/', ...more },
    ...more,
    addEventListener: (type: string, listener: (event: object) => void) => void listeners.set(type, listener),
  });
  await import('./push-worker.ts');
  return (type: string, event: object) =>
    new Promise((resolve) => listeners.get(type)?.({ ...event, waitUntil: (work: Promise<unknown>) => resolve(work) }));
}

const subscriptionOf = (endpoint: string) => ({
  endpoint,
  toJSON: () => ({ endpoint, keys: { p256dh: 'p', auth: 'a' } }),
});
const ITEMS = [
  { id: 'i1', endpoint: 'https://push.example/old' },
  { id: 'i2', endpoint: 'https://other.example/x' },
];

test.for([
  ['known', { oldSubscription: subscriptionOf('https://push.example/old') }, ITEMS, ['i1']],
  ['not named', {}, ITEMS, []],
  ['unknown', { oldSubscription: subscriptionOf('https://push.example/gone') }, ITEMS, []],
] as const)(
  'a subscription that the browser has replaced is passed on if the old one is %s',
  async ([, event, items, changed]) => {
    const asked: { readonly url: string; readonly body: unknown }[] = [];
    const subscribed: unknown[] = [];
    vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
      if (init) {
        asked.push({ url, body: JSON.parse(String(init.body)) });
      }
      return Response.json({ publicKey: 'KEY', items });
    });
    const pushManager = {
      subscribe: async (options: unknown) => {
        subscribed.push(options);
        return subscriptionOf('https://push.example/new');
      },
    };
    const deliver = await startWorker({ pushManager });
    await deliver('pushsubscriptionchange', event);
    expect(subscribed).toEqual([{ userVisibleOnly: true, applicationServerKey: 'KEY' }]);
    const subscription = { endpoint: 'https://push.example/new', p256dh: 'p', auth: 'a' };
    expect(asked).toEqual(
      changed.map((id) => ({ url: `https://box.example/v3/notifications/${id}`, body: { subscription } })),
    );
  },
);

test('a tap opens the page at the moment if it is open nowhere', async () => {
  const opened: string[] = [];
  const clients = { matchAll: async () => [], openWindow: async (url: string) => void opened.push(url) };
  const deliver = await startWorker({ clients });
  const notification = { data: { link: '#/rec/door?t=1' }, close: () => {} };
  await deliver('notificationclick', { notification });
  expect(opened).toEqual(['https://box.example/#/rec/door?t=1']);
});

test('Talk opens the camera, and notes that a button was pressed', async () => {
  const opened: string[] = [];
  const noted: unknown[] = [];
  vi.stubGlobal('caches', {
    open: async () => ({ put: async (_key: string, value: Response) => void noted.push(await value.json()) }),
  });
  const clients = { matchAll: async () => [], openWindow: async (url: string) => void opened.push(url) };
  const deliver = await startWorker({ clients });
  const buttons = [{ title: 'Talk', link: '#/live/door?talk' }];
  const notification = { data: { link: '#/rec/door?t=1', buttons }, close: () => {} };
  await deliver('notificationclick', { notification, action: '0' });
  expect(opened).toEqual(['https://box.example/#/live/door?talk']);
  expect(noted).toEqual([{ link: '#/live/door?talk', at: expect.any(Number) }]);
  await deliver('notificationclick', { notification, action: '' });
  expect(opened[1]).toBe('https://box.example/#/rec/door?t=1');
});

test('a button opens the page although the browser stores nothing', async () => {
  const opened: string[] = [];
  vi.stubGlobal('caches', {
    open: async () => ({ put: async () => Promise.reject(new DOMException('full', 'QuotaExceededError')) }),
  });
  const clients = { matchAll: async () => [], openWindow: async (url: string) => void opened.push(url) };
  const deliver = await startWorker({ clients });
  const buttons = [{ title: 'Talk', link: '#/live/door?talk' }];
  const notification = { data: { link: '#/rec/door?t=1', buttons }, close: () => {} };
  await deliver('notificationclick', { notification, action: '0' });
  expect(opened).toEqual(['https://box.example/#/live/door?talk']);
});

const TALK = { title: 'Talk', link: '#/live/door?talk' };
const QUIET = { title: 'Quiet', token: 'T' };
const status = (code: number) => async () => new Response('{}', { status: code });

test.for([
  ['refuses says so, and goes; links stay', status(404), 'Not done', [TALK]],
  ['cannot take at present stays', status(503), 'No answer', [TALK, QUIET]],
  ['takes later stays', status(429), 'No answer', [TALK, QUIET]],
  ['does not answer stays', async () => Promise.reject(new TypeError('failed to fetch')), 'No answer', [TALK, QUIET]],
] as const)('a button that the box %s', async ([, fetch, body, buttons]) => {
  vi.stubGlobal('fetch', fetch);
  const shown: unknown[] = [];
  const deliver = await startWorker({ showNotification: async (...one: unknown[]) => void shown.push(one) });
  const data = { link: '#/rec/door', buttons: [TALK, QUIET], failed: 'Not done', unreached: 'No answer' };
  await deliver('notificationclick', { notification: { title: 'Door', tag: 'e1 door', data }, action: '1' });
  const actions = buttons.map(({ title }, i) => ({ action: String(i), title }));
  expect(shown).toMatchObject([['Door', { body, tag: 'e1 door', actions, silent: true, data: { ...data, buttons } }]]);
});

interface Shown {
  readonly body: string;
  readonly tag: string;
  readonly silent: boolean;
  readonly image?: string;
}

/** Delivers a message whose full picture comes late. @returns the notifications that were shown, and whether with a picture */
async function receive(meanwhile: 'nothing' | 'dismissed' | 'pressed') {
  const shown: Shown[] = [];
  const present = new Map<string, object>();
  const listeners = new Map<string, (event: object) => void>();
  const deliver = (type: string, event: object) =>
    new Promise((resolve) => listeners.get(type)?.({ ...event, waitUntil: (work: Promise<unknown>) => resolve(work) }));
  vi.stubGlobal('self', {
    registration: {
      scope: 'https://box.example/',
      showNotification: async (_title: string, options: Shown) => {
        shown.push(options);
        present.set(options.tag, options);
      },
      getNotifications: async ({ tag }: { tag: string }) => [present.get(tag)].filter((one) => one !== undefined),
    },
    addEventListener: (type: string, one: (event: object) => void) => void listeners.set(type, one),
  });
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.endsWith('/press')) {
      return Response.json({ text: 'Quiet until {time}', until: null, undo: null });
    }
    if (meanwhile === 'dismissed') {
      present.clear();
    } else if (meanwhile === 'pressed') {
      const data = { link: MESSAGE.link, buttons: [QUIET] };
      await deliver('notificationclick', { notification: { title: 'Door', tag: 'e1 door', data }, action: '0' });
    }
    return new Response(Uint8Array.of(0xff, 0xd8));
  });
  await import('./push-worker.ts');
  await deliver('push', { data: { json: () => MESSAGE } });
  return shown.map(({ body, tag, silent, image }) => ({ body, tag, silent, image }));
}

test('the full picture silently replaces the notification', async () => {
  expect(await receive('nothing')).toEqual([
    { body: 'Person', tag: 'e1 door', silent: false, image: undefined },
    { body: 'Person', tag: 'e1 door', silent: true, image: 'data:image/jpeg;base64,/9g=' },
  ]);
});

test('a notification that is dismissed before the full picture comes does not reappear', async () => {
  expect(await receive('dismissed')).toHaveLength(1);
});

test('the full picture does not replace the answer to a button', async () => {
  expect((await receive('pressed')).map(({ body }) => body)).toEqual(['Person', 'Quiet until ']);
});
