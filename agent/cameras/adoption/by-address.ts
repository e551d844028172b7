import { ignoreExpected, PerchError } from '../../base/errors.ts';
import type { DeviceInformation } from '../../onvif/device/device-service.ts';
import { type OnvifSession, openSession } from '../../onvif/device/onvif-session.ts';
import { type CameraTrouble, cameraError, isTrouble, troubleOf } from '../../onvif/soap/http/failures.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { type FoundStreams, type Trial, type TrialDeps, throwIfAborted, tryPatterns } from './try-patterns.ts';

/** Likeliest first: Reolink 8000, boards of HiSilicon 8080 and 8999, Tapo 2020, XM 8899, Foscam 888. */
export const ONVIF_PORTS: readonly number[] = [80, 8000, 8080, 2020, 8899, 8999, 888, 5000];
const ONVIF_PATHS = ['/onvif/device_service', '/onvif/service'] as const;

/** Failures of a device that speaks ONVIF, where the user must act before it accepts a login. */
const PERSON_NEEDED: readonly CameraTrouble[] = ['wrongPassword', 'noRights', 'lockedOut', 'clock', 'clearPassword'];

interface AddressTrial extends Trial {
  readonly onvifPorts?: readonly number[] | undefined;
}

interface AddressDeps extends TrialDeps {
  /** Device services at this host that answered a WS-Discovery probe. */
  discover(host: string, signal: AbortSignal): Promise<readonly string[]>;
  readonly logins?: LoginMemory | undefined;
}

/** What a probe found at an address. */
export type AddressProbe = OnvifDevice | ({ readonly onvif?: undefined } & FoundStreams);

/** Its own claims, one line each. */
interface OnvifDevice extends Partial<Pick<DeviceInformation, 'manufacturer' | 'model'>> {
  readonly onvif: string;
  readonly name?: string | undefined;
}

/**
 * Identifies the camera at an address: a WS-Discovery probe, ONVIF at its usual ports, then the stream addresses of known makers. Of
 * what the device returns, only its name and model are passed on.
 * @throws PerchError for a person
 */
export async function probeAddress(trial: AddressTrial, deps: AddressDeps): Promise<AddressProbe> {
  const { found, hint } = await findOnvif(trial, deps);
  if (found !== undefined) {
    return found;
  }
  try {
    return await tryPatterns(trial, deps);
  } catch (error) {
    // If a camera says that ONVIF is off, switching it on is the better solution.
    if (hint && troubleOf(error) !== 'wrongPassword') {
      throw new PerchError(hint.code, hint.message, hint.context, error);
    }
    throw error;
  }
}

interface OnvifResult {
  readonly found?: OnvifDevice;
  /** Failure of a device that answered but is not a usable ONVIF camera. */
  readonly hint?: PerchError | undefined;
}

async function findOnvif(trial: AddressTrial, deps: AddressDeps): Promise<OnvifResult> {
  const { host, onvifPorts = ONVIF_PORTS } = trial;
  const { signal } = deps;
  deps.onProgress?.({ what: 'a probe', done: 0, total: onvifPorts.length + 1 });
  let hint: PerchError | undefined;
  for (const url of await deps.discover(host, signal)) {
    const device = await deviceAt(url, trial, deps);
    if (!(device instanceof PerchError)) {
      return { found: device };
    }
    hint ??= device;
  }
  // With the zone of a link-local address as in RFC 6874, which URL does not support.
  const urlHost = host.includes(':') ? `[${host.replace(/%(?:25)?/, '%25')}]` : host;
  for (const [i, port] of onvifPorts.entries()) {
    throwIfAborted(signal);
    deps.onProgress?.({ what: `ONVIF at port ${port}`, done: i + 1, total: onvifPorts.length + 1 });
    if (!(await deps.isOpen(host, port, signal))) {
      continue;
    }
    for (const path of ONVIF_PATHS) {
      const url = `http://${urlHost}${port === 80 ? '' : `:${port}`}${path}`;
      const device = await deviceAt(url, trial, deps);
      if (!(device instanceof PerchError)) {
        return { found: device };
      }
      const trouble = troubleOf(device);
      hint = trouble === 'onvifOff' ? device : hint;
      if (trouble === 'timeout' || trouble === 'unreachable') {
        break;
      }
    }
  }
  return { hint };
}

/** The camera with a usable ONVIF service there, or the failure. */
async function deviceAt(url: string, trial: AddressTrial, deps: AddressDeps): Promise<OnvifDevice | PerchError> {
  const { credentials, isClearAllowed, host } = trial;
  try {
    const session = await openSession({
      url,
      user: credentials?.user,
      password: credentials?.password,
      isClearAllowed,
      signal: deps.signal,
      isInteractive: true,
      clock: deps.clock,
      logins: deps.logins,
    });
    const isCamera = session.has('media') || session.has('media2');
    return isCamera
      ? { onvif: url, ...(await claimsOf(session)) }
      : cameraError('notOnvif', 'an ONVIF device without pictures', { host });
  } catch (error) {
    throwIfAborted(deps.signal);
    if (!(error instanceof PerchError) || isTrouble(error, ...PERSON_NEEDED)) {
      throw error;
    }
    return error;
  }
}

/** A camera that does not answer these is one nevertheless; a wrong login is reported. */
async function claimsOf(session: OnvifSession): Promise<Omit<OnvifDevice, 'onvif'>> {
  const ignore = (error: unknown): undefined => {
    if (session.credentials && isTrouble(error, 'wrongPassword', 'lockedOut')) {
      throw error;
    }
    ignoreExpected(error);
  };
  const information = await session.information().catch(ignore);
  const name = information && (await session.name().catch(ignore));
  return { name, manufacturer: information?.manufacturer, model: information?.model };
}
