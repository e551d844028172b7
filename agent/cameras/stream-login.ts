import { type Clock, systemClock } from '../base/clock.ts';
import type { CameraBlock } from '../config/schema/path.ts';
import { hostPortOf, parseHttpUrl } from '../onvif/soap/http/origin.ts';
import { type LoginKey, type LoginMemory, sharedLogins } from '../onvif/soap/login/login-memory.ts';
import type { LoginTarget, LoginWatch, Reach } from '../protocols/contract.ts';

interface StreamLoginOptions {
  readonly logins?: LoginMemory;
  readonly clock?: Pick<Clock, 'monoMs'>;
  readonly isInteractive?: boolean;
  /** Whether the device may have the login. @throws PerchError otherCamera */
  readonly confirm?: (signal: AbortSignal, reach?: Reach) => Promise<void>;
}

/** Shares the verdict on a stream's login with the host's other streams, events and snapshots: wrong passwords lock the one account. */
export function streamLogin(
  target: () => LoginTarget,
  { onvif = '', user, password = '' }: Pick<CameraBlock, 'onvif' | 'user' | 'password'>,
  { logins = sharedLogins, clock = systemClock, isInteractive = false, confirm }: StreamLoginOptions = {},
): LoginWatch {
  // Evaluated late: the connection reports an invalid address.
  const key = (): LoginKey => {
    const { credentials = NO_CREDENTIALS, hostPort, host, uri, isOfUrl = false } = target();
    const service = parseHttpUrl(onvif);
    const login = isOfUrl || user === undefined ? credentials : { user, password };
    const camera = service ? hostPortOf(service.origin) : hostPort;
    return { ...login, camera, host, channel: `stream ${uri}` };
  };
  let heldMs = 0;
  const waits = new Set<{ readonly sinceMs: number }>();
  return {
    get heldMs() {
      const nowMs = clock.monoMs();
      return [...waits].reduce((sumMs, { sinceMs }) => sumMs + nowMs - sinceMs, heldMs);
    },
    turn: async (signal, reach) => {
      const wait = { sinceMs: clock.monoMs() };
      waits.add(wait);
      try {
        await confirm?.(signal, reach);
        return await logins.turn(key(), { isInteractive, signal });
      } finally {
        waits.delete(wait);
        heldMs += clock.monoMs() - wait.sinceMs;
      }
    },
    refused: (scheme) => logins.refused(key(), scheme),
    refusedSchemes: () => logins.refusedSchemes(key()),
    isWrong: () => logins.isWrong(key()),
    plays: (isPlaying) => logins.plays(key(), isPlaying),
  };
}

const NO_CREDENTIALS = { user: '', password: '' };
