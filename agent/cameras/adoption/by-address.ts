import { PerchError } from '../../base/errors.ts';
import { openSession } from '../../onvif/device/session.ts';
import { type CameraTrouble, cameraError, troubleOf } from '../../onvif/soap/http/failures.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { type FoundStreams, type Trial, type TrialDeps, throwIfOver, tryPatterns } from './try-patterns.ts';

/** Likeliest first: Reolink 8000, boards of HiSilicon 8080 and 8999, Tapo 2020, XM 8899, Foscam 888. */
export const ONVIF_PORTS: readonly number[] = [80, 8000, 8080, 2020, 8899, 8999, 888, 5000];
const ONVIF_PATHS = ['/onvif/device_service', '/onvif/service'] as const;

/** It is ONVIF, and somebody has to do something before it lets us in. */
const PERSON_NEEDED: readonly CameraTrouble[] = ['wrongPassword', 'noRights', 'lockedOut', 'clock', 'clearPassword'];

export interface AddressTrial extends Trial {
  readonly onvifPorts?: readonly number[] | undefined;
}

export interface AddressDeps extends TrialDeps {
  /** Device services at this host that answered a probe of it. */
  discover(host: string, signal: AbortSignal): Promise<readonly string[]>;
  readonly logins?: LoginMemory | undefined;
}

/** What is at an address. */
export type AtAddress = { readonly onvif: string } | ({ readonly onvif?: undefined } & FoundStreams);

/**
 * Finds out how to talk to the camera at an address: a probe, ONVIF at the ports that cameras have it at, then the streams of known
 * makers. Nothing of what the address answers is passed on but that it is a camera.
 * @throws PerchError in words for a person
 */
export async function lookAtAddress(trial: AddressTrial, deps: AddressDeps): Promise<AtAddress> {
  const { found, hint } = await findOnvif(trial, deps);
  if (found !== undefined) {
    return { onvif: found };
  }
  try {
    return await tryPatterns(trial, deps);
  } catch (error) {
    // Switching ONVIF on is the better way out, where there is a camera that says so.
    if (hint && troubleOf(error) !== 'wrongPassword') {
      throw new PerchError(hint.code, hint.message, hint.context, error);
    }
    throw error;
  }
}

interface OnvifLook {
  readonly found?: string;
  /** What answered, and was not ONVIF as it should be. */
  readonly hint?: PerchError | undefined;
}

async function findOnvif(trial: AddressTrial, deps: AddressDeps): Promise<OnvifLook> {
  const { host, onvifPorts = ONVIF_PORTS } = trial;
  const { signal } = deps;
  deps.onProgress?.({ what: 'a probe', done: 0, total: onvifPorts.length + 1 });
  let hint: PerchError | undefined;
  for (const url of await deps.discover(host, signal)) {
    const error = await refusalOf(url, trial, deps);
    if (!error) {
      return { found: url };
    }
    hint ??= error;
  }
  // The zone of a link-local address as RFC 6874 writes it, which URL does not know.
  const urlHost = host.includes(':') ? `[${host.replace(/%(?:25)?/, '%25')}]` : host;
  for (const [i, port] of onvifPorts.entries()) {
    throwIfOver(signal);
    deps.onProgress?.({ what: `ONVIF at port ${port}`, done: i + 1, total: onvifPorts.length + 1 });
    if (!(await deps.isOpen(host, port, signal))) {
      continue;
    }
    for (const path of ONVIF_PATHS) {
      const url = `http://${urlHost}${port === 80 ? '' : `:${port}`}${path}`;
      const error = await refusalOf(url, trial, deps);
      if (!error) {
        return { found: url };
      }
      hint = troubleOf(error) === 'onvifOff' ? error : hint;
      if (troubleOf(error) === 'timeout' || troubleOf(error) === 'unreachable') {
        break;
      }
    }
  }
  return { hint };
}

/** Undefined: there is an ONVIF service that can be talked to. */
async function refusalOf(url: string, trial: AddressTrial, deps: AddressDeps): Promise<PerchError | undefined> {
  const { credentials, isClearAllowed, host } = trial;
  try {
    const session = await openSession({
      url,
      ...{ user: credentials?.user, password: credentials?.password, isClearAllowed },
      ...{ signal: deps.signal, isAsked: true, clock: deps.clock, logins: deps.logins },
    });
    const isCamera = session.has('media') || session.has('media2');
    return isCamera ? undefined : cameraError('notOnvif', 'an ONVIF device without pictures', { host });
  } catch (error) {
    throwIfOver(deps.signal);
    const trouble = troubleOf(error);
    if (!(error instanceof PerchError) || (trouble && PERSON_NEEDED.includes(trouble))) {
      throw error;
    }
    return error;
  }
}
