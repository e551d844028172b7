import type { CameraUpdate } from '../../api-client/server-events.ts';

export interface CameraRequest {
  readonly endpoint?: string;
  readonly onvif?: string;
  readonly rtsp?: string;
  readonly sub?: string;
  /** A stream by a protocol other than RTSP, with its login. */
  readonly source?: string;
  readonly rtpSDP?: string;
  readonly user?: string;
  readonly password?: string;
  /** The password may be sent unencrypted. */
  readonly clearPassword?: boolean;
  /** A device to identify. */
  readonly address?: string;
  /** Title of the camera. */
  readonly title?: string;
}

/** A camera that has not been added yet. */
export interface Candidate {
  readonly key: string;
  /** The device's endpoint id in events; streams of one device share it. */
  readonly asked: string;
  readonly request: CameraRequest;
  readonly title: string;
  /** Model and address. */
  readonly text: string;
  readonly address: string;
}

/** Result of adding a camera. */
export interface Adoption extends Candidate {
  readonly phase: 'signingIn' | 'adopted' | 'failed';
  /** Main paths of the camera; a recorder has several. */
  readonly paths: readonly string[];
  /** Error code; `unfinished`: the outcome is unknown. */
  readonly trouble?: string | undefined;
  /** The box's message. */
  readonly error?: string | undefined;
  readonly triesLeft?: number | undefined;
  /** The camera is connected and slow to answer. */
  readonly isSlow?: boolean;
  /** A password was typed for this camera only. */
  readonly hasOwnLogin: boolean;
}

/** The box's result for one camera. */
export interface AdoptItem {
  readonly status: 'ok' | 'error';
  readonly path: string | null;
  readonly paths: readonly string[];
  readonly trouble: string | null;
  readonly error: string | null;
  readonly triesLeft: number | null;
}

/** Requested cameras; known ones restart in place. */
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

/** The result for the camera of `key`. A camera that was already added counts as added. */
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

/** Progress before the result. */
export function applyUpdate(before: readonly Adoption[], news: CameraUpdate): readonly Adoption[] {
  const isMeant = ({ asked, phase }: Adoption) => asked === news.camera && phase !== 'adopted';
  if (news.slow) {
    return before.map((one) => (isMeant(one) ? { ...one, isSlow: true } : one));
  }
  const meant = before.filter(isMeant);
  const [one] = meant;
  // Streams of one device share an endpoint; only the result tells them apart.
  if (one === undefined || meant.length > 1) {
    return before;
  }
  const next = reported(one, news);
  return next === one ? before : before.map((each) => (each.key === one.key ? next : each));
}

function reported(one: Adoption, news: CameraUpdate): Adoption {
  const { state, path, paths, trouble, error } = news;
  if ((state === 'adopted' || (state === 'notAdopted' && trouble === 'adopted')) && path !== undefined) {
    return adopted(one, paths ?? [path]);
  }
  if (state === 'notAdopted') {
    return failed(one, trouble, error, news.triesLeft ?? undefined);
  }
  return state === 'adopting' && one.phase === 'failed' ? { ...cleared(one), phase: 'signingIn' } : one;
}

/** No result will come: the box was away, or the page was reloaded. */
export const markUnfinished = (before: readonly Adoption[], keys: ReadonlySet<string>): readonly Adoption[] =>
  before.map((one) => (keys.has(one.key) && one.phase === 'signingIn' ? failed(one, 'unfinished') : one));

const cleared = ({ trouble: _trouble, error: _error, triesLeft: _left, isSlow: _slow, ...one }: Adoption): Adoption =>
  one;

const adopted = (one: Adoption, paths: readonly string[]): Adoption => ({ ...cleared(one), phase: 'adopted', paths });

const failed = (one: Adoption, trouble?: string, error?: string, triesLeft?: number): Adoption => ({
  ...cleared(one),
  phase: 'failed',
  paths: [],
  trouble,
  error,
  triesLeft,
});

/** Possible remedies for a camera that was not added. */
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

/** Without attempts left it is not tried, because it would lock. */
export function remedyOf({ trouble, triesLeft }: Adoption): Remedy {
  const remedy = REMEDIES[trouble ?? ''] ?? 'again';
  return remedy === 'password' && triesLeft === 0 ? 'locked' : remedy;
}

/** Failed cameras in their order, one group for each cause. Cameras that reject the same login share one field. */
export function troubleGroups(all: readonly Adoption[]): readonly (readonly [Adoption, ...Adoption[]])[] {
  const groups = new Map<string, [Adoption, ...Adoption[]]>();
  for (const one of all.filter(({ phase }) => phase === 'failed')) {
    const { request, hasOwnLogin, trouble, error, address } = one;
    const remedy = remedyOf(one);
    const login = remedy === 'password' ? [hasOwnLogin, request.user, request.password] : [];
    const cause = JSON.stringify([remedy, trouble ?? error?.replaceAll(address, ''), ...login]);
    const group = groups.get(cause);
    if (group) {
      group.push(one);
    } else {
      groups.set(cause, [one]);
    }
  }
  return [...groups.values()];
}

/** Where the camera was looked for, as it can be typed again; undefined for a discovered camera. */
export const typedAddress = ({ request: { rtsp, onvif, source, address } }: Candidate): string | undefined =>
  rtsp ?? source ?? onvif ?? address;

/** Another camera has accepted the shared password, so this one has a different password. */
export const isSharedTaken = (all: readonly Adoption[]): boolean =>
  all.some(({ phase, hasOwnLogin }) => phase === 'adopted' && !hasOwnLogin);
