/** Shows the box's push messages; a tap opens their moment. */

interface PushMessage {
  readonly id: string;
  /** Empty: the box itself. */
  readonly path: string;
  readonly kind: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly title: string;
  readonly body: string;
  /** Address of the moment, relative to the page. */
  readonly link: string;
  /** A small JPEG, base64. */
  readonly picture?: string;
}
interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface PushEvent extends WorkerEvent {
  readonly data: { json(): PushMessage } | null;
}
interface TapEvent extends WorkerEvent {
  readonly notification: { readonly data: { readonly link: string }; close(): void };
}
interface Subscription {
  toJSON(): { readonly endpoint: string; readonly keys: object };
}
interface ChangeEvent extends WorkerEvent {
  /** Absent in Firefox. */
  readonly oldSubscription?: { readonly endpoint: string } | null;
}
/** `/v3/notifications`. */
interface NotifyList {
  readonly publicKey: string;
  readonly items: readonly { readonly id: string; readonly endpoint: string }[];
}
interface PageWindow {
  readonly url: string;
  focus(): Promise<unknown>;
  navigate(url: string): Promise<unknown>;
}
interface WorkerScope {
  readonly registration: {
    readonly scope: string;
    showNotification(title: string, options: object): Promise<void>;
    getNotifications(filter: { readonly tag: string }): Promise<readonly object[]>;
    readonly pushManager: { subscribe(options: object): Promise<Subscription> };
  };
  readonly clients: {
    matchAll(options: object): Promise<readonly PageWindow[]>;
    openWindow(url: string): Promise<unknown>;
  };
  addEventListener<T extends WorkerEvent>(type: string, listener: (event: T) => void): void;
}
const worker = self as unknown as WorkerScope;

/** Time limit of the request for the full picture, because the box may be out of reach. */
const PICTURE_MS = 8_000;

worker.addEventListener<PushEvent>('push', (event) => {
  const message = event.data?.json();
  if (message) {
    event.waitUntil(showMessage(message));
  }
});

worker.addEventListener<TapEvent>('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(openPage(worker.registration.scope + event.notification.data.link));
});

worker.addEventListener<ChangeEvent>('pushsubscriptionchange', (event) => {
  event.waitUntil(renew(event));
});

/** The browser has replaced its subscription: the box gets the new one in place of the old one. */
async function renew({ oldSubscription }: ChangeEvent): Promise<void> {
  const list = `${worker.registration.scope}v3/notifications`;
  const { publicKey, items } = (await (await fetch(list)).json()) as NotifyList;
  // The replacement, if there is one already.
  const subscription = await worker.registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: publicKey,
  });
  const { endpoint, keys } = subscription.toJSON();
  // A person may have several devices, and only the old endpoint tells which subscription is this device's.
  const own = items.find((one) => one.endpoint === oldSubscription?.endpoint);
  if (own) {
    await fetch(`${list}/${own.id}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ subscription: { endpoint, ...keys } }),
    });
  }
}

async function showMessage(message: PushMessage): Promise<void> {
  await show(message, message.picture && `data:image/jpeg;base64,${message.picture}`, false);
  const full = message.path === '' || message.kind === 'offline' ? undefined : await fullPicture(message);
  // Does not show a notification again that was dismissed meanwhile.
  if (full && (await worker.registration.getNotifications({ tag: tagOf(message) })).length > 0) {
    await show(message, full, true);
  }
}

const tagOf = ({ id, path }: PushMessage): string => `${id} ${path}`;

/** Shows a notification. It replaces one with the same tag. */
function show(message: PushMessage, image: string | undefined, silent: boolean): Promise<void> {
  const { at, title, body, link } = message;
  return worker.registration.showNotification(title, {
    body,
    silent,
    tag: tagOf(message),
    timestamp: at,
    data: { link },
    icon: 'icon-192.png',
    ...(image && { image }),
  });
}

/** The full picture as a data URL, because the browser would request any other URL without the login cookie. */
async function fullPicture({ id, path }: PushMessage): Promise<string | undefined> {
  const address = `v3/notifications/${encodeURIComponent(id)}/picture?path=${encodeURIComponent(path)}`;
  try {
    const response = await fetch(worker.registration.scope + address, { signal: AbortSignal.timeout(PICTURE_MS) });
    const bytes = response.ok ? new Uint8Array(await response.arrayBuffer()) : [];
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    return text && `data:image/jpeg;base64,${btoa(text)}`;
  } catch {
    return undefined;
  }
}

async function openPage(url: string): Promise<void> {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = pages.find((one) => one.url.startsWith(worker.registration.scope));
  if (!page) {
    await worker.clients.openWindow(url);
    return;
  }
  // Browsers reject `focus` unless the person has tapped the notification.
  await page.focus().catch(() => {});
  // A worker cannot navigate a page that it does not control.
  await page.navigate(url).catch(() => worker.clients.openWindow(url));
}
