import { signal } from '@preact/signals';

/** An event of the box. Times are RFC 3339; more fields may be added. */
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
  /** Events were dropped: reload the state. */
  readonly gap: object;
}

interface CameraUpdate {
  readonly time: string;
  /** Path of the camera; only adopted cameras have one. */
  readonly path?: string;
  readonly state:
    | 'connected'
    | 'failed'
    | 'moved'
    | 'elsewhere'
    | 'found'
    | 'hidden'
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
  /** Error code. */
  readonly trouble?: string;
}

/** An event of a camera or of another program. `end` is null while it continues. */
export interface EventUpdate {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly text?: string | null;
  /** What was found in its pictures so far. */
  readonly labels?: readonly { readonly type: string; readonly at: string }[] | null;
}

type Listener<T extends keyof ServerEvents> = (news: ServerEvents[T]) => void;

const listeners = new Map<string, Set<(news: never) => void>>();

/** @returns removes the listener */
export function onServerEvent<T extends keyof ServerEvents>(type: T, listener: Listener<T>): () => void {
  const known = listeners.get(type) ?? new Set();
  listeners.set(type, known.add(listener));
  return () => known.delete(listener);
}

/** Cameras discovered since the page was opened, by endpoint, newest last. */
export const discoveredNow = signal<ReadonlyMap<string, CameraUpdate>>(new Map());

/** Dispatches a server-sent event. */
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
  if (after.size > 200) {
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
