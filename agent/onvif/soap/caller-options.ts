import type { Clock } from '../../base/clock.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { CameraGuard } from './http/camera-guard.ts';
import type { HttpOrigin } from './http/origin.ts';
import type { RequestLimiter } from './http/request-limiter.ts';
import type { LoginMemory } from './login/login-memory.ts';

export interface CallerOptions {
  readonly origin: HttpOrigin;
  readonly path: string;
  readonly credentials: Credentials | undefined;
  readonly isClearAllowed: boolean;
  /** A user has just entered the password and waits. */
  readonly isInteractive: boolean;
  /** `last`: only if the camera sends no challenge. `no`: never. */
  readonly tokens?: 'last' | 'no' | undefined;
  /** Whether a token may carry the camera's time. @param skewMs the camera's clock minus ours, as the camera reports it */
  canUseSkew(skewMs: number): boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logins: LoginMemory;
  readonly limiter: RequestLimiter;
  /** Covers all calls except anonymous ones. */
  readonly guard?: CameraGuard | undefined;
}
