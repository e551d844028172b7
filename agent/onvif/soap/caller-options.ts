import type { Clock } from '../../base/clock.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { CameraGuard } from './http/camera-guard.ts';
import type { HttpPlace } from './http/http-exchange.ts';
import type { CallLanes } from './http/request-limiter.ts';
import type { LoginMemory } from './login/login-memory.ts';

/** Which camera is called, and as whom. */
export interface CallerOptions {
  readonly place: HttpPlace;
  readonly path: string;
  readonly credentials: Credentials | undefined;
  readonly isClearAllowed: boolean;
  /** A person waits for this and has just given the password. */
  readonly isAsked: boolean;
  /** `last`: only when the camera does not say what it wants. `no`: not at all. */
  readonly tokens?: 'last' | 'no' | undefined;
  /** No token is made by a clock that this refuses. @param skewMs the camera's clock minus ours, as it says */
  takesClock(skewMs: number): boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logins: LoginMemory;
  readonly lanes: CallLanes;
  /** Of all calls but those that go to anybody. */
  readonly guard?: CameraGuard | undefined;
}
