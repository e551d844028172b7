/** Shows the box's push messages; a tap opens their moment, and their buttons work while the page is closed. */

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
  readonly buttons?: readonly Button[];
  /** Shown when the box has refused a button. */
  readonly failed?: string;
  /** Shown when the box has not answered. */
  readonly unreached?: string;
}
/** Opens `link`, or sends `token` to the box. */
interface Button {
  readonly title: string;
  readonly link?: string;
  readonly token?: string;
}
/** The answer to a token. */
interface Pressed {
  readonly text: string;
  readonly until: string | null;
  readonly undo: Button | null;
}
/** What a notification keeps of its message. */
type Kept = Pick<PushMessage, 'link' | 'buttons' | 'failed' | 'unreached'> & {
  /** It answers a button. */
  readonly isAnswer?: boolean;
};
interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface PushEvent extends WorkerEvent {
  readonly data: { json(): PushMessage } | null;
}
interface TapEvent extends WorkerEvent {
  /** Place of the button; empty or absent: the notification itself. */
  readonly action?: string;
  readonly notification: {
    readonly title: string;
    readonly tag: string;
    readonly data: Kept;
    close(): void;
  };
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
    getNotifications(filter: { readonly tag: string }): Promise<readonly { readonly data?: Kept }[]>;
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
const PRESS_MS = 10_000;
/** Name of a cache, and the URL of its only entry; `camera-view/talk-connection.ts` reads it. */
const PRESSED = 'perch-pressed';

worker.addEventListener<PushEvent>('push', (event) => {
  const message = event.data?.json();
  if (message) {
    event.waitUntil(showMessage(message));
  }
});

worker.addEventListener<TapEvent>('notificationclick', (event) => {
  const { notification, action = '' } = event;
  const { buttons = [], link } = notification.data;
  const button = action === '' ? undefined : buttons[Number(action)];
  if (button?.token !== undefined) {
    event.waitUntil(press(button.token, notification));
    return;
  }
  notification.close();
  event.waitUntil(button?.link === undefined ? openPage(link) : openPressed(button.link));
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
  const [present] = full ? await worker.registration.getNotifications({ tag: tagOf(message) }) : [];
  // Does not show a notification again that was dismissed or answered meanwhile.
  if (present && !present.data?.isAnswer) {
    await show(message, full, true);
  }
}

/** The buttons, and what a tap needs. */
const kept = ({ link, buttons = [], failed, unreached, isAnswer = false }: Kept) => ({
  data: { link, buttons, failed, unreached, isAnswer },
  icon: 'icon-192.png',
  actions: buttons.map(({ title }, i) => ({ action: String(i), title })),
});

const tagOf = ({ id, path }: PushMessage): string => `${id} ${path}`;

/** Shows a notification. It replaces one with the same tag. */
function show(message: PushMessage, image: string | undefined, silent: boolean): Promise<void> {
  const { at, title, body } = message;
  return worker.registration.showNotification(title, {
    body,
    silent,
    tag: tagOf(message),
    timestamp: at,
    ...kept(message),
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

/** Sends the token to the box. The notification is replaced by one that says what has changed. */
async function press(token: string, { title, tag, data }: TapEvent['notification']): Promise<void> {
  const { text, until, buttons } = await pressed(token, data).catch(() => ({
    text: data.unreached ?? '',
    until: null,
    buttons: data.buttons ?? [],
  }));
  const time = until && new Date(until).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  await worker.registration.showNotification(title, {
    body: text.replace('{time}', time ?? ''),
    silent: true,
    tag,
    ...kept({ ...data, buttons, isAnswer: true }),
  });
}

interface Outcome extends Omit<Pressed, 'undo'> {
  readonly buttons: readonly Button[];
}

/** @throws no answer from the box, or none to the token: it may be pressed again */
async function pressed(token: string, { buttons = [], failed = '' }: Kept): Promise<Outcome> {
  const response = await fetch(`${worker.registration.scope}v3/notifications/press`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
    signal: AbortSignal.timeout(PRESS_MS),
  });
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    return { text: failed, until: null, buttons: buttons.filter((button) => button.token === undefined) };
  }
  if (!response.ok) {
    throw new Error(`the box answers ${response.status}`);
  }
  const { undo, ...answer } = (await response.json()) as Pressed;
  return { ...answer, buttons: undo ? [undo] : [] };
}

/** Opens the page, and notes for it that the address comes from a button, and not from a link that anybody can make. */
async function openPressed(link: string): Promise<void> {
  try {
    const cache = await caches.open(PRESSED);
    await cache.put(PRESSED, new Response(JSON.stringify({ link, at: Date.now() })));
  } catch {
    // Storage is full or forbidden: the page asks before it acts.
  }
  await openPage(link);
}

async function openPage(link: string): Promise<void> {
  const url = worker.registration.scope + link;
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
