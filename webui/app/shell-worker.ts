/**
 * Caches the page's shell, so that it opens at once and while the box is away. Responses of the API are never
 * cached. Service workers need a secure context.
 */

import './push-worker.ts';

/** Inserted by the build: the files of the first load, and a hash of them. */
declare const SHELL_FILES: readonly string[];
declare const SHELL_VERSION: string;

interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WorkerEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener<T extends WorkerEvent>(type: string, listener: (event: T) => void): void;
}
const worker = self as unknown as WorkerScope;

const OWN = `perch-shell ${worker.registration.scope} `;
const CACHE = OWN + SHELL_VERSION;
/** After this long without a response the cached page is used. */
const ANSWER_MS = 3_000;
/** The build puts a content hash into these names. */
const HASHED = /-[0-9A-Z]{8}\.[0-9a-z]+$/;

worker.addEventListener<WorkerEvent>('install', (event) => {
  event.waitUntil(keepShell());
});

worker.addEventListener<WorkerEvent>('activate', (event) => {
  event.waitUntil(deleteOldCaches());
});

worker.addEventListener<FetchEvent>('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') {
    return;
  }
  if (request.mode === 'navigate' && isPage(request.url)) {
    event.respondWith(networkFirst(request));
  } else if (request.url.startsWith(worker.registration.scope) && HASHED.test(request.url)) {
    event.respondWith(cacheFirst(event));
  }
});

const isPage = (url: string): boolean => url.split(/[?#]/)[0] === worker.registration.scope;

async function keepShell(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(['./', ...SHELL_FILES]);
  await worker.skipWaiting();
}

async function deleteOldCaches(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OWN) && name !== CACHE).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** From the network, so that an update shows at once; from the cache while the box is away or starting. */
async function networkFirst(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match('./');
  try {
    const page = await fetch(request, kept ? { signal: AbortSignal.timeout(ANSWER_MS) } : {});
    return page.ok || !kept ? page : kept;
  } catch (error) {
    if (kept) {
      return kept;
    }
    throw error;
  }
}

/** For files with a content hash in their name, which never change. */
async function cacheFirst(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) {
    return kept;
  }
  // The browser aborts requests when its network changes.
  const file = await fetch(request).catch(() => fetch(request));
  if (file.ok) {
    // Fails if the storage is full.
    event.waitUntil(cache.put(request, file.clone()).catch(() => {}));
  }
  return file;
}
