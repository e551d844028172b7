import { effect, signal } from '@preact/signals';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { onServerEvent } from '../../api-client/server-events.ts';
import { checkSession } from '../../api-client/session.ts';
import { AcceptedLogins } from './accepted-logins.ts';
import {
  type AdoptItem,
  type Adoption,
  applyResult,
  applyUpdate,
  type CameraRequest,
  type Candidate,
  markUnfinished,
  startAdoptions,
} from './adoption-state.ts';

export interface CameraLogin {
  readonly user: string;
  readonly password: string;
  readonly clearPassword?: boolean;
}

/** Logins that cameras have accepted since the page was opened. */
export const acceptedLogins = new AcceptedLogins();

const KEPT = 'perch-adding';
/** Limit of the box per request. */
const AT_ONCE = 64;
/** Time limit of the request: the box adds the cameras one after the other, with a limit for each. */
const MAX_ANSWER_MS = 15 * 60_000;
/** After a reload, cameras without news for this long count as unfinished. The box takes seconds for each. */
const SILENT_MS = 20_000;

/** Cameras being added, or just added. */
export const adoptions = signal<readonly Adoption[]>([]);
/** The login for cameras without one of their own. Kept in memory only. */
export const sharedLogin = signal<CameraLogin | undefined>(undefined);

/** Removes cameras that were not added from the results. */
export function dropAdoptions(keys: readonly string[]): void {
  adoptions.value = adoptions.peek().filter(({ key }) => !keys.includes(key));
}

/** Adds cameras and updates `adoptions`. */
export async function addCameras(candidates: readonly Candidate[]): Promise<void> {
  adoptions.value = startAdoptions(adoptions.peek(), candidates);
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    await addSome(candidates.slice(at, at + AT_ONCE));
  }
}

async function addSome(some: readonly Candidate[]): Promise<void> {
  const shared = sharedLogin.peek();
  const body = { ...shared, cameras: some.map(({ request }) => request) };
  const logins = some.map(({ request }) => loginOf({ ...shared, ...request }));
  for (const [i, { key }] of some.entries()) {
    const login = logins[i];
    if (login) {
      acceptedLogins.noteTried(key, login);
    }
  }
  try {
    const options = { method: 'POST', body, limitMs: MAX_ANSWER_MS } as const;
    const { items } = await fetchJson<{ items: readonly AdoptItem[] }>('v3/cameras/adopt', options);
    for (const [i, item] of items.entries()) {
      adoptions.value = applyResult(adoptions.peek(), some[i]?.key ?? '', item);
      const [one, login] = [some[i], logins[i]];
      if (item.status === 'ok' && login && one?.request.password !== undefined) {
        acceptedLogins.noteTaken({ ...login, title: one.title });
      }
    }
  } catch (error) {
    if (error instanceof RequestError && error.status === 401) {
      await checkSession().catch(() => {});
    }
    adoptions.value = markUnfinished(adoptions.peek(), new Set(some.map(({ key }) => key)));
  }
}

const loginOf = ({ user, password }: CameraRequest): CameraLogin | undefined =>
  user === undefined || password === undefined ? undefined : { user, password };

/** Call when the page is left. The request continues. */
export function closeAdding(): void {
  if (adoptions.peek().every(({ phase }) => phase !== 'signingIn')) {
    clearAdoptions();
  }
}

export function clearAdoptions(): void {
  adoptions.value = [];
}

/** Follows the box's events, and keeps the cameras across a reload. */
function follow(): void {
  adoptions.value = restored();
  onServerEvent('camera', (news) => {
    if (adoptions.peek().length > 0 && news.camera !== undefined) {
      adoptions.value = applyUpdate(adoptions.peek(), news);
    }
  });
  effect(() => {
    // A source has its password in the address.
    const others = adoptions.value.filter(({ request }) => request.source === undefined);
    const kept = others.map(({ request: { user: _user, password: _password, ...request }, ...one }) => ({
      ...one,
      request,
    }));
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  });
}

function restored(): readonly Adoption[] {
  const kept: unknown = parse(sessionStorage.getItem(KEPT) ?? '[]');
  const all = Array.isArray(kept) ? (kept as readonly Adoption[]) : [];
  const waiting = new Set(all.filter(({ phase }) => phase === 'signingIn').map(({ key }) => key));
  if (waiting.size > 0) {
    lookUpAdopted(waiting);
    setTimeout(async () => {
      await lookUpAdopted(waiting);
      adoptions.value = markUnfinished(adoptions.peek(), waiting);
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

/** Finds cameras that were added while this page received no events. */
async function lookUpAdopted(keys: ReadonlySet<string>): Promise<void> {
  const list = fetchJson<{ items: readonly Listed[] }>('v3/cameras/list?itemsPerPage=1000');
  const { items } = await list.catch(() => ({ items: [] }));
  for (const { key, request } of adoptions.peek().filter((one) => keys.has(one.key))) {
    const isIt = ({ endpoint, onvif, source }: Listed) =>
      endpoint === request.endpoint ||
      (request.onvif !== undefined && onvif === request.onvif) ||
      source === request.rtsp;
    const paths = items.filter(isIt).map(({ path }) => path);
    const [path] = paths;
    if (path !== undefined) {
      const item = { status: 'ok', path, paths, trouble: null, error: null, triesLeft: null } as const;
      adoptions.value = applyResult(adoptions.peek(), key, item);
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
