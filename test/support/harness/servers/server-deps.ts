import { SessionAuthority } from '../../../../agent/app/servers/session-access.ts';
import { Authority } from '../../../../agent/auth/permissions/authorize.ts';
import { WrongCredentials } from '../../../../agent/auth/throttle/wrong-credentials.ts';
import type { Clock } from '../../../../agent/base/clock.ts';
import type { Logger } from '../../../../agent/base/log.ts';
import { PreLoginMemory } from '../../../../agent/base/network/pre-login-memory.ts';
import type { Config } from '../../../../agent/config/load/load.ts';
import type { InternalUser } from '../../../../agent/config/schema/common/general.ts';
import type { ServerDeps } from '../../../../agent/protocols/contract.ts';
import type { TestPaths } from './rtsp-harness.ts';

const NO_ACCOUNTS = { owner: undefined, verify: async () => false, person: () => undefined };

interface Given {
  readonly users: readonly InternalUser[];
  readonly paths: TestPaths;
  readonly clock: Clock;
  /** Clock of the waits after wrong logins; default: `clock`. */
  readonly loginClock?: Clock;
  /** Default: one with the product's limit. */
  readonly preLogin?: PreLoginMemory;
  readonly log: Logger;
  /** Ends the waits of wrong logins. */
  readonly signal: AbortSignal;
  readonly config: Config;
}

/** Dependencies of a server with the real access rules of a file for MediaMTX, over the test's paths. */
export function serverDeps(given: Given): ServerDeps {
  const { users, paths, clock, loginClock = clock, log, signal, config } = given;
  const { preLogin = new PreLoginMemory(clock, log) } = given;
  const authority = new Authority(NO_ACCOUNTS, { isOwn: false, internalUsers: users });
  const access = new SessionAuthority(authority, new WrongCredentials(loginClock, signal, () => 1), log);
  const connections = { opened: () => () => {} };
  return { cwd: '/', paths, access, clock, log, connections, preLogin, config: () => config } as unknown as ServerDeps;
}
