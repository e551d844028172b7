import { afterEach, expect, test, vi } from 'vitest';

const MESSAGE = { id: 'e1', path: 'door', kind: 'person', at: 0, title: 'Door', body: 'Person', link: '#/rec/door' };

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
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
