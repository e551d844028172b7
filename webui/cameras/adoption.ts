import { effect, signal } from '@preact/signals';
import { onNews } from '../api-client/server-events.ts';
import { ask, BoxError } from '../api-client/request.ts';
import { noteRefusal } from '../api-client/session.ts';
import {
  type AdoptItem,
  type Arrival,
  begun,
  type CameraRequest,
  type Candidate,
  givenUp,
  heard,
  settled,
} from './adoption-state.ts';
import { ProvenLogins } from './proven-login.ts';

export interface CameraLogin {
  readonly user: string;
  readonly password: string;
  readonly clearPassword?: boolean;
}

/** What was typed for one camera, and which of it was taken. */
export const provenLogins = new ProvenLogins();

const KEPT = 'perch-adding';
/** The box takes so many at once. */
const AT_ONCE = 64;
/** As long as the box itself gives one camera, and all have their turn. */
const ANSWER_LIMIT_MS = 15 * 60_000;
/** After the page was loaded anew: the box has been told to add them, and each takes some seconds. */
const SILENT_MS = 20_000;

/** Cameras that are being added, or were a moment ago. */
export const arrivals = signal<readonly Arrival[]>([]);
/** For those without one of their own. It is kept nowhere else, so it is gone when the page is loaded anew. */
export const sharedLogin = signal<CameraLogin | undefined>(undefined);

/** Has the box add them, and keeps `arrivals` true meanwhile. */
export async function addCameras(candidates: readonly Candidate[]): Promise<void> {
  arrivals.value = begun(arrivals.peek(), candidates);
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    await addSome(candidates.slice(at, at + AT_ONCE));
  }
}

async function addSome(some: readonly Candidate[]): Promise<void> {
  const shared = sharedLogin.peek();
  const body = { ...shared, cameras: some.map(({ wish }) => wish) };
  const logins = some.map(({ wish }) => loginOf({ ...shared, ...wish }));
  for (const [i, { key }] of some.entries()) {
    const login = logins[i];
    if (login) {
      provenLogins.noteTried(key, login);
    }
  }
  try {
    const options = { method: 'POST', body, limitMs: ANSWER_LIMIT_MS } as const;
    const { items } = await ask<{ items: readonly AdoptItem[] }>('v3/cameras/adopt', options);
    for (const [i, item] of items.entries()) {
      arrivals.value = settled(arrivals.peek(), some[i]?.key ?? '', item);
      const [one, login] = [some[i], logins[i]];
      if (item.status === 'ok' && login && one?.wish.password !== undefined) {
        provenLogins.noteTaken({ ...login, title: one.title });
      }
    }
  } catch (error) {
    if (error instanceof BoxError && error.status === 401) {
      await noteRefusal().catch(() => {});
    }
    arrivals.value = givenUp(arrivals.peek(), new Set(some.map(({ key }) => key)));
  }
}

const loginOf = ({ user, password }: CameraRequest): CameraLogin | undefined =>
  user === undefined || password === undefined ? undefined : { user, password };

/** They are left: what goes on is there when one comes back. */
export function leaveAdding(): void {
  if (arrivals.peek().every(({ phase }) => phase !== 'signingIn')) {
    endAdding();
  }
}

export function endAdding(): void {
  arrivals.value = [];
}

/** Follows what the box tells, and keeps the cameras over a reload, for as long as the page lives. */
function follow(): void {
  arrivals.value = restored();
  onNews('camera', (news) => {
    if (arrivals.peek().length > 0 && news.camera !== undefined) {
      arrivals.value = heard(arrivals.peek(), news);
    }
  });
  effect(() => {
    const kept = arrivals.value.map(({ wish: { user: _user, password: _password, ...wish }, ...one }) => ({
      ...{ ...one, wish },
    }));
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  });
}

function restored(): readonly Arrival[] {
  const kept: unknown = parse(sessionStorage.getItem(KEPT) ?? '[]');
  const all = Array.isArray(kept) ? (kept as readonly Arrival[]) : [];
  const waiting = new Set(all.filter(({ phase }) => phase === 'signingIn').map(({ key }) => key));
  if (waiting.size > 0) {
    lookThemUp(waiting);
    setTimeout(async () => {
      await lookThemUp(waiting);
      arrivals.value = givenUp(arrivals.peek(), waiting);
    }, SILENT_MS);
  }
  return all;
}

interface Listed {
  readonly path: string;
  readonly endpoint: string | null;
  readonly onvif: string | null;
  readonly source: string;
}

/** What the box has added while nobody listened. */
async function lookThemUp(keys: ReadonlySet<string>): Promise<void> {
  const list = ask<{ items: readonly Listed[] }>('v3/cameras/list?itemsPerPage=1000');
  const { items } = await list.catch(() => ({ items: [] }));
  for (const { key, wish } of arrivals.peek().filter((one) => keys.has(one.key))) {
    const isIt = ({ endpoint, onvif, source }: Listed) =>
      endpoint === wish.endpoint || (wish.onvif !== undefined && onvif === wish.onvif) || source === wish.rtsp;
    const paths = items.filter(isIt).map(({ path }) => path);
    const [path] = paths;
    if (path !== undefined) {
      const item = { status: 'ok', path, paths, trouble: null, error: null, triesLeft: null } as const;
      arrivals.value = settled(arrivals.peek(), key, item);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

follow();
