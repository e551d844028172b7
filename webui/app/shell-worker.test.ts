import { afterEach, expect, test, vi } from 'vitest';

const SCOPE = 'http://localhost:8080/';
const FILE = `${SCOPE}camera-ABCDEFGH.js`;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The worker with an empty cache. @returns the answer to a request of the page for a later script */
async function startWorker(fetchFile: () => Promise<Response>, put: () => Promise<void>) {
  const listeners = new Map<string, (event: object) => void>();
  vi.stubGlobal('self', {
    registration: { scope: SCOPE },
    addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
  });
  vi.stubGlobal('caches', { open: async () => ({ match: async () => undefined, put }) });
  vi.stubGlobal('fetch', fetchFile);
  vi.stubGlobal('SHELL_FILES', []);
  vi.stubGlobal('SHELL_VERSION', '0');
  await import('./shell-worker.ts');
  return () =>
    new Promise<Response>((resolve, reject) => {
      const respondWith = (answer: Promise<Response>) => answer.then(resolve, reject);
      listeners.get('fetch')?.({ request: new Request(FILE), respondWith, waitUntil: () => {} });
    });
}

test('a script whose request ended because the network changed is requested again', async () => {
  const fetchFile = vi.fn<() => Promise<Response>>();
  fetchFile.mockRejectedValueOnce(new TypeError('Failed to fetch')).mockResolvedValue(new Response('script'));
  const ask = await startWorker(fetchFile, async () => {});
  expect(await (await ask()).text()).toBe('script');
});

test('without an answer the second time, the script is missing', async () => {
  const ask = await startWorker(
    () => Promise.reject(new TypeError('Failed to fetch')),
    async () => {},
  );
  await expect(ask()).rejects.toThrow('Failed to fetch');
});

test('a script comes although the browser has no room to keep it', async () => {
  const ask = await startWorker(
    async () => new Response('script'),
    () => Promise.reject(new DOMException('no room', 'QuotaExceededError')),
  );
  expect(await (await ask()).text()).toBe('script');
});
