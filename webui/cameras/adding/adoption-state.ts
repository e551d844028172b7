import type { AdoptAnswer } from '../../api-client/api-types.ts';

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
  /** The box's adoption, and the camera's place in it; absent until the box has it. */
  readonly job?: { readonly id: string; readonly at: number };
}

/** The box's result for one camera. */
type AdoptItem = Pick<
  AdoptAnswer['items'][number],
  'status' | 'slow' | 'path' | 'paths' | 'trouble' | 'error' | 'triesLeft'
>;

/** Requested cameras; known ones restart in place. */
export function startAdoptions(before: readonly Adoption[], candidates: readonly Candidate[]): readonly Adoption[] {
  const fresh = new Map(
    candidates.map(({ key, request, title, text, address }): [string, Adoption] => [
      key,
      {
        key,
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

/** The result for the camera of `key`, or that it is slow. A camera that was already added counts as added. */
export function applyResult(before: readonly Adoption[], key: string, item: AdoptItem): readonly Adoption[] {
  const one = before.find((each) => each.key === key);
  const next = one && withResult(one, item);
  return next === one ? before : before.map((each) => (each === one ? (next ?? each) : each));
}

function withResult(one: Adoption, { status, slow, path, paths, trouble, error, triesLeft }: AdoptItem): Adoption {
  if (status === 'running') {
    return slow && !one.isSlow ? { ...one, isSlow: true } : one;
  }
  if (status === 'ok' || (trouble === 'adopted' && path !== null)) {
    return adopted(one, paths.length > 0 ? paths : [path ?? '']);
  }
  return failed(one, trouble ?? undefined, error ?? undefined, triesLeft ?? undefined);
}

/** The box's adoption of the cameras of `keys`, in this order. */
export const noteJob = (before: readonly Adoption[], keys: readonly string[], id: string): readonly Adoption[] =>
  before.map((one) => (keys.includes(one.key) ? { ...one, job: { id, at: keys.indexOf(one.key) } } : one));

/** The box's results of an adoption. */
export const applyAnswer = (before: readonly Adoption[], { id, items }: AdoptAnswer): readonly Adoption[] =>
  before.reduce((all, { key, job, phase }) => {
    const item = phase === 'signingIn' && job?.id === id ? items[job.at] : undefined;
    return item ? applyResult(all, key, item) : all;
  }, before);

/** No result will come: the box was away, or the page was reloaded. */
export const markUnfinished = (before: readonly Adoption[], keys: ReadonlySet<string>): readonly Adoption[] =>
  before.map((one) => (keys.has(one.key) && one.phase === 'signingIn' ? failed(one, 'unfinished') : one));

const cleared = ({
  trouble: _trouble,
  error: _error,
  triesLeft: _left,
  isSlow: _slow,
  job: _job,
  ...one
}: Adoption): Adoption => one;

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
