import { effect, signal } from '@preact/signals';
import type { AdoptAnswer } from '../../api-client/api-types.ts';
import { follow } from '../../api-client/follow.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { checkSession, loadSession } from '../../api-client/session.ts';
import {
  type Adoption,
  applyAnswer,
  applyResult,
  type CameraRequest,
  type Candidate,
  markUnfinished,
  noteJob,
  startAdoptions,
} from './adoption-state.ts';

const KEPT = 'perch-adding';
/** Limit of the box per request. */
const AT_ONCE = 64;

export interface CameraLogin {
  readonly user: string;
  readonly password: string;
  readonly clearPassword?: boolean;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

/** A login that one camera has accepted. */
interface AcceptedLogin extends Login {
  readonly title: string;
}

const same = ({ user, password }: Login): string => JSON.stringify([user, password]);

/**
 * Offers an accepted login to the cameras that still need one, once each: some lock after a few wrong passwords. Kept
 * until the page closes.
 */
export class AcceptedLogins {
  readonly #newest = signal<AcceptedLogin | undefined>(undefined);
  readonly #tried = signal<ReadonlyMap<string, ReadonlySet<string>>>(new Map());

  /** The login was tried on this camera. */
  noteTried(key: string, login: Login): void {
    const tried = this.#tried.peek();
    this.#tried.value = new Map(tried).set(key, new Set(tried.get(key)).add(same(login)));
  }

  noteTaken({ user, password, title }: AcceptedLogin): void {
    this.#newest.value = { user, password, title };
  }

  /** The newest accepted login, to offer for all of these cameras. @returns undefined if each known login was rejected by one of them */
  offerFor(keys: readonly string[]): AcceptedLogin | undefined {
    const newest = this.#newest.value;
    const tried = this.#tried.value;
    return newest && !keys.some((key) => tried.get(key)?.has(same(newest))) ? newest : undefined;
  }
}

/** Logins that cameras have accepted since the page was opened. */
export const acceptedLogins = new AcceptedLogins();

/** The login typed last. Fields show it again, without a password that a camera has rejected. */
export const typedLogin = signal<Login>({ user: 'admin', password: '' });

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
  const parts: Promise<void>[] = [];
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    parts.push(addSome(candidates.slice(at, at + AT_ONCE)));
  }
  await Promise.all(parts);
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
  const keys = some.map(({ key }) => key);
  const first = fetchJson<{ readonly id: string }>('v3/cameras/adopt?wait=no', { method: 'POST', body });
  const last = await first.then(
    ({ id }) => {
      adoptions.value = noteJob(adoptions.peek(), keys, id);
      return followJob(id);
    },
    (error: unknown) => giveUp(error, new Set(keys)),
  );
  for (const [i, item] of last?.items.entries() ?? []) {
    const [one, login] = [some[i], logins[i]];
    if (item.status === 'ok' && login && one?.request.password !== undefined) {
      acceptedLogins.noteTaken({ ...login, title: one.title });
    } else if (item.trouble === 'wrongPassword' && login && same(login) === same(typedLogin.peek())) {
      typedLogin.value = { user: login.user, password: '' };
    }
  }
}

/** Shows the results of an adoption as they come, until it ends. A box that is away for a while continues. */
async function followJob(id: string): Promise<AdoptAnswer | undefined> {
  const take = (answer: AdoptAnswer): boolean => {
    adoptions.value = applyAnswer(adoptions.peek(), answer);
    return answer.state === 'done';
  };
  let failure: unknown;
  const answer = await follow(() => fetchJson<AdoptAnswer>(`v3/cameras/adopt/${id}`), take).catch((error: unknown) => {
    failure = error;
  });
  // The box writes the cameras after its first answer, and only now knows whether they are saved.
  void loadSession().catch(() => {});
  const keys = adoptions.peek().flatMap(({ key, job }) => (job?.id === id ? [key] : []));
  return answer ?? giveUp(failure, new Set(keys));
}

/** The box has no result: it was restarted, or the session has ended. */
async function giveUp(error: unknown, keys: ReadonlySet<string>): Promise<undefined> {
  if (error instanceof RequestError && error.status === 401) {
    await checkSession().catch(() => {});
  }
  await lookUpAdopted(keys);
  adoptions.value = markUnfinished(adoptions.peek(), keys);
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

/** Keeps the cameras across a reload. */
function keepAdoptions(): void {
  adoptions.value = restored();
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
  const waiting = all.filter(({ phase }) => phase === 'signingIn');
  for (const id of new Set(waiting.flatMap(({ job }) => job?.id ?? []))) {
    void followJob(id);
  }
  const lost = waiting.filter(({ job }) => job === undefined);
  if (lost.length > 0) {
    // The page was reloaded before the box had answered.
    void giveUp(undefined, new Set(lost.map(({ key }) => key)));
  }
  return all;
}

interface Listed {
  readonly path: string;
  readonly endpoint: string | null;
  readonly onvif: string | null;
  readonly source: string;
}

/** Finds cameras that were added without a result for this page. */
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
      const item = { status: 'ok', slow: false, path, paths, trouble: null, error: null, triesLeft: null } as const;
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

keepAdoptions();
