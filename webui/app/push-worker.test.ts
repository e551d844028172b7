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

/** Delivers a message whose full picture comes late. @returns the notifications that were shown, and whether with a picture */
async function receive(isDismissed: boolean) {
  const shown: { readonly tag: string; readonly silent: boolean; readonly image?: string }[] = [];
  const present = new Set<string>();
  let listener: ((event: object) => void) | undefined;
  vi.stubGlobal('self', {
    registration: {
      scope: 'https://box.example/',
      showNotification: async (_title: string, options: (typeof shown)[number]) => {
        shown.push(options);
        present.add(options.tag);
      },
      getNotifications: async ({ tag }: { tag: string }) => (present.has(tag) ? [{}] : []),
    },
    addEventListener: (type: string, one: (event: object) => void) => {
      listener = type === 'push' ? one : listener;
    },
  });
  vi.stubGlobal('fetch', async () => {
    if (isDismissed) {
      present.clear();
    }
    return new Response(Uint8Array.of(0xff, 0xd8));
  });
  await import('./push-worker.ts');
  await new Promise((resolve) =>
    listener?.({
      data: { json: () => MESSAGE },
      waitUntil: (work: Promise<unknown>) => resolve(work),
    }),
  );
  return shown.map(({ tag, silent, image }) => ({ tag, silent, image }));
}

test('the full picture silently replaces the notification', async () => {
  expect(await receive(false)).toEqual([
    { tag: 'e1 door', silent: false, image: undefined },
    { tag: 'e1 door', silent: true, image: 'data:image/jpeg;base64,/9g=' },
  ]);
});

test('a notification that is dismissed before the full picture comes does not reappear', async () => {
  expect(await receive(true)).toHaveLength(1);
});
