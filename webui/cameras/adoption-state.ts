import type { CameraUpdate } from '../api-client/server-events.ts';

/** Which camera, and as whom, as the device is asked for it. */
export interface CameraRequest {
  readonly endpoint?: string;
  readonly onvif?: string;
  readonly rtsp?: string;
  readonly sub?: string;
  readonly user?: string;
  readonly password?: string;
  /** The password may be sent so that anybody in the network can read it. */
  readonly clearPassword?: boolean;
}

/** A camera that is there and that the device does not have yet. */
export interface Candidate {
  readonly key: string;
  /** What the device calls it in its news; of two streams of one device it is the same. */
  readonly asked: string;
  readonly request: CameraRequest;
  readonly title: string;
  /** What it is and where. */
  readonly text: string;
  readonly address: string;
}

/** What became of a camera that the device was asked to add. */
export interface Adoption extends Candidate {
  readonly phase: 'signingIn' | 'adopted' | 'failed';
  /** The main paths that it has got: several of a recorder with several lenses, with the small ones among them. */
  readonly paths: readonly string[];
  /** What stands in the way, by the device's word for it; `unfinished`: nobody knows. */
  readonly trouble?: string | undefined;
  /** The device's own sentence. */
  readonly error?: string | undefined;
  readonly triesLeft?: number | undefined;
  /** A password was typed for it alone. */
  readonly hasOwnLogin: boolean;
}

/** The device's answer for one camera. */
export interface AdoptItem {
  readonly status: 'ok' | 'error';
  readonly path: string | null;
  readonly paths: readonly string[];
  readonly trouble: string | null;
  readonly error: string | null;
  readonly triesLeft: number | null;
}

/** They are asked for now: those that are there already begin anew in their place. */
export function startAdoptions(before: readonly Adoption[], candidates: readonly Candidate[]): readonly Adoption[] {
  const fresh = new Map(
    candidates.map(({ key, asked, request, title, text, address }): [string, Adoption] => [
      key,
      {
        key,
        asked,
        request,
        title,
        text,
        address,
        phase: 'signingIn',
        paths: [],
        hasOwnLogin: request.user !== undefined,
      },
    ]),
  );
  const kept = before.map((one) => fresh.get(one.key) ?? one);
  const known = new Set(before.map(({ key }) => key));
  return [...kept, ...[...fresh.values()].filter(({ key }) => !known.has(key))];
}

/** The device's answer for the camera of `key`. One that it has already is as good as a new one. */
export function applyResult(before: readonly Adoption[], key: string, item: AdoptItem): readonly Adoption[] {
  return before.map((one) => {
    if (one.key !== key) {
      return one;
    }
    if (item.status === 'ok' || (item.trouble === 'adopted' && item.path !== null)) {
      return adopted(one, item.paths.length > 0 ? item.paths : [item.path ?? '']);
    }
    const { trouble, error, triesLeft } = item;
    return failed(one, trouble ?? undefined, error ?? undefined, triesLeft ?? undefined);
  });
}

/** What the device tells while its answer is still to come. */
export function applyUpdate(before: readonly Adoption[], news: CameraUpdate): readonly Adoption[] {
  const meant = before.filter(({ asked, phase }) => asked === news.camera && phase !== 'adopted');
  const [one] = meant;
  // Two streams of one device have one name here: their answer says which is which.
  if (one === undefined || meant.length > 1) {
    return before;
  }
  const next = told(one, news);
  return next === one ? before : before.map((each) => (each.key === one.key ? next : each));
}

function told(one: Adoption, news: CameraUpdate): Adoption {
  const { state, path, paths, trouble, error } = news;
  if ((state === 'adopted' || (state === 'notAdopted' && trouble === 'adopted')) && path !== undefined) {
    return adopted(one, paths ?? [path]);
  }
  if (state === 'notAdopted') {
    return failed(one, trouble, error, news.triesLeft ?? undefined);
  }
  return state === 'adopting' && one.phase === 'failed' ? { ...cleared(one), phase: 'signingIn' } : one;
}

/** No answer will come any more: the device was away, or the page was loaded anew. */
export const markUnfinished = (before: readonly Adoption[], keys: ReadonlySet<string>): readonly Adoption[] =>
  before.map((one) => (keys.has(one.key) && one.phase === 'signingIn' ? failed(one, 'unfinished') : one));

const cleared = ({ trouble: _trouble, error: _error, triesLeft: _left, ...one }: Adoption): Adoption => one;

const adopted = (one: Adoption, paths: readonly string[]): Adoption => ({ ...cleared(one), phase: 'adopted', paths });

const failed = (one: Adoption, trouble?: string, error?: string, triesLeft?: number): Adoption => ({
  ...cleared(one),
  ...{ phase: 'failed', paths: [], trouble, error, triesLeft },
});

/** What a person can do about a camera that was not added. */
export type Remedy = 'password' | 'locked' | 'clock' | 'onvif' | 'clear' | 'silent' | 'other' | 'certificate' | 'again';

const REMEDIES: Readonly<Record<string, Remedy>> = {
  wrongPassword: 'password',
  noRights: 'password',
  onvifUser: 'password',
  lockedOut: 'locked',
  clock: 'clock',
  onvifOff: 'onvif',
  notOnvif: 'onvif',
  clearPassword: 'clear',
  otherCamera: 'other',
  otherCertificate: 'certificate',
  unreachable: 'silent',
  timeout: 'silent',
};

/** A camera that has no try left is let alone, or it locks. */
export function remedyOf({ trouble, triesLeft }: Adoption): Remedy {
  const remedy = REMEDIES[trouble ?? ''] ?? 'again';
  return remedy === 'password' && triesLeft === 0 ? 'locked' : remedy;
}

/**
 * Those that have failed, in their order. Cameras that refuse the same login are one group: one field is for all of
 * them. Whatever else was wrong is a group of its own.
 */
export function troubleGroups(all: readonly Adoption[]): readonly (readonly [Adoption, ...Adoption[]])[] {
  const groups = new Map<string, [Adoption, ...Adoption[]]>();
  for (const one of all.filter(({ phase }) => phase === 'failed')) {
    const { request, hasOwnLogin, trouble, key } = one;
    const isRefused = trouble === 'wrongPassword' && remedyOf(one) === 'password';
    const login = JSON.stringify(isRefused ? [hasOwnLogin, request.user, request.password] : [key]);
    const group = groups.get(login);
    if (group) {
      group.push(one);
    } else {
      groups.set(login, [one]);
    }
  }
  return [...groups.values()];
}

/** Somebody took the password that was typed for all: whoever refuses it has another one. */
export const isSharedTaken = (all: readonly Adoption[]): boolean =>
  all.some(({ phase, hasOwnLogin }) => phase === 'adopted' && !hasOwnLogin);
