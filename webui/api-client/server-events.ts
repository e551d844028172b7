import { signal } from '@preact/signals';

/** What the device tells as it happens. Times are RFC 3339; more fields may come. */
export interface ServerEvents {
  readonly camera: CameraUpdate;
  readonly path: { readonly time: string; readonly path: string; readonly state: 'available' | 'unavailable' };
  readonly event: EventUpdate;
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

export interface CameraUpdate {
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
  readonly to?: string;
  readonly endpoint?: string;
  readonly name?: string;
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
export interface EventUpdate {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly text?: string | null;
}

type Listener<T extends keyof ServerEvents> = (news: ServerEvents[T]) => void;

const listeners = new Map<string, Set<(news: never) => void>>();

/** Calls `listener` with each news of that kind, until the answer is called. */
export function onServerEvent<T extends keyof ServerEvents>(type: T, listener: Listener<T>): () => void {
  const known = listeners.get(type) ?? new Set();
  listeners.set(type, known.add(listener));
  return () => known.delete(listener);
}

/** Cameras that were discovered since the page was opened, by their endpoint; the newest last. */
export const discoveredNow = signal<ReadonlyMap<string, CameraUpdate>>(new Map());

const MAX_DISCOVERED = 200;

/** Passes a server-sent event to its listeners. */
export function dispatchServerEvent(type: string, data: string): void {
  const event: unknown = parse(data);
  if (typeof event !== 'object' || event === null) {
    return;
  }
  if (type === 'camera') {
    keepDiscovered(event as CameraUpdate);
  }
  for (const listener of listeners.get(type) ?? []) {
    listener(event as never);
  }
}

function keepDiscovered(camera: CameraUpdate): void {
  const { path, state, endpoint } = camera;
  if (path !== undefined || state !== 'found' || endpoint === undefined) {
    return;
  }
  const after = new Map(discoveredNow.peek());
  after.delete(endpoint);
  after.set(endpoint, camera);
  if (after.size > MAX_DISCOVERED) {
    const [oldest = ''] = after.keys();
    after.delete(oldest);
  }
  discoveredNow.value = after;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
