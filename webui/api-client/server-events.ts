import { signal } from '@preact/signals';

/** What the box tells as it happens. Times are RFC 3339; more fields may come. */
export interface News {
  readonly camera: CameraNews;
  readonly path: { readonly time: string; readonly path: string; readonly state: 'available' | 'unavailable' };
  readonly event: EventNow;
  readonly disk: { readonly time: string; readonly state: string; readonly text?: string };
  readonly config: {
    readonly time: string;
    readonly path?: string;
    readonly change: string;
    readonly keys?: readonly string[];
    readonly user?: string;
  };
  readonly box: { readonly time: string; readonly state: string; readonly seconds?: number };
  /** Some that we missed are forgotten: look anew. */
  readonly gap: object;
}

export interface CameraNews {
  readonly time: string;
  /** Of cameras that are adopted. */
  readonly path?: string;
  readonly state:
    | 'connected'
    | 'failed'
    | 'moved'
    | 'elsewhere'
    | 'found'
    | 'adopting'
    | 'adopted'
    | 'notAdopted'
    | 'forgotten'
    | 'probing'
    | 'probed';
  readonly reason?: string;
  readonly from?: string;
  readonly to?: string;
  readonly endpoint?: string;
  readonly address?: string;
  readonly name?: string;
  readonly hardware?: string;
  readonly manufacturer?: string;
  readonly id?: string;
  readonly target?: string;
  readonly what?: string;
  readonly done?: number;
  readonly total?: number;
  readonly error?: string;
  /** For programs: what stands in the way. */
  readonly trouble?: string;
  /** As it was asked for. */
  readonly camera?: string;
  /** Of a camera that was adopted: all that were written. */
  readonly paths?: readonly string[];
  /** How often a password may still be wrong before the camera locks. */
  readonly triesLeft?: number | null;
}

/** Something that a camera or somebody has seen. `end` is null while it lasts. */
export interface EventNow {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly text?: string | null;
}

type Listener<T extends keyof News> = (news: News[T]) => void;

const listeners = new Map<string, Set<(news: never) => void>>();

/** Calls `listener` with each news of that kind, until the answer is called. */
export function onNews<T extends keyof News>(type: T, listener: Listener<T>): () => void {
  const known = listeners.get(type) ?? new Set();
  listeners.set(type, known.add(listener));
  return () => known.delete(listener);
}

/** The newest event of each camera, by its path. */
export const eventsNow = signal<ReadonlyMap<string, EventNow>>(new Map());
/** What was last heard of each camera, by its path. */
export const cameraNews = signal<ReadonlyMap<string, CameraNews>>(new Map());
/** Cameras in the networks of the box that have said so since the page was opened, by their endpoint. */
export const foundNews = signal<ReadonlyMap<string, CameraNews>>(new Map());
/** How far each probe is, by its id. */
export const probeNews = signal<ReadonlyMap<string, CameraNews>>(new Map());
/** What was changed last in the configuration, here or elsewhere. */
export const configNews = signal<News['config'] | undefined>(undefined);

const KEPT = 200;

/** With the newest last; who is told anew comes last again. */
function having<V>(before: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  const after = new Map(before);
  after.delete(key);
  after.set(key, value);
  if (after.size > KEPT) {
    const [oldest = ''] = after.keys();
    after.delete(oldest);
  }
  return after;
}

/** One of the box's events, as it was sent. */
export function takeNews(type: string, data: string): void {
  const news: unknown = parse(data);
  if (typeof news !== 'object' || news === null) {
    return;
  }
  keep(type, news);
  for (const listener of listeners.get(type) ?? []) {
    listener(news as never);
  }
}

function keep(type: string, news: object): void {
  if (type === 'event') {
    const event = news as EventNow;
    eventsNow.value = having(eventsNow.peek(), event.path, event);
  } else if (type === 'config') {
    configNews.value = news as News['config'];
  } else if (type === 'camera') {
    keepCamera(news as CameraNews);
  }
}

function keepCamera(news: CameraNews): void {
  if (news.state === 'probing' || news.state === 'probed') {
    probeNews.value = having(probeNews.peek(), news.id ?? '', news);
  } else if (news.path !== undefined) {
    cameraNews.value = having(cameraNews.peek(), news.path, news);
  } else if (news.state === 'found' && news.endpoint !== undefined) {
    foundNews.value = having(foundNews.peek(), news.endpoint, news);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
