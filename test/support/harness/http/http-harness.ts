import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Accounts } from '../../../../agent/auth/accounts/accounts.ts';
import { type AccessRules, Authority } from '../../../../agent/auth/permissions/authorize.ts';
import { WrongCredentials } from '../../../../agent/auth/throttle/wrong-credentials.ts';
import { type Clock, systemClock } from '../../../../agent/base/clock.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { type Logger, silentLogger } from '../../../../agent/base/log.ts';
import { guestRoutes } from '../../../../agent/http/api/accounts/guest-routes.ts';
import { peopleRoutes } from '../../../../agent/http/api/accounts/people-routes.ts';
import { renewSessions, sessionRoutes } from '../../../../agent/http/api/accounts/session-routes.ts';
import { HttpAccess } from '../../../../agent/http/auth/access.ts';
import { HttpsAddresses } from '../../../../agent/http/auth/https-addresses.ts';
import { createHttpApp } from '../../../../agent/http/listener/app.ts';

export interface HttpHarness extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly access: HttpAccess;
  readonly accounts: Accounts;
  readonly authority: Authority;
}

const NO_PROXIES: readonly string[] = [];

export interface HttpHarnessOptions {
  /** HTTPS port; undefined: HTTPS is off. */
  readonly httpsPort?: number;
  readonly rules?: AccessRules;
  /** The owner's password; without one the box is not claimed. */
  readonly password?: string;
  readonly trustedProxies?: readonly string[];
  /** Keeps the documents of the data folder elsewhere. */
  readonly carry?: (dataDir: string) => void;
  /** Default: wrong credentials are rejected at once. */
  readonly wrongCredentials?: WrongCredentials;
  /** Clock of sessions and links. */
  readonly clock?: Clock;
  /** Logger of requests; default: silent. */
  readonly log?: Logger;
}

/** The real accounts, rules and login routes behind one HTTP app, without the media. */
export async function openHttpHarness(options: HttpHarnessOptions = {}): Promise<HttpHarness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'perch-http-'));
  const { clock = systemClock } = options;
  options.carry?.(dataDir);
  const accounts = await Accounts.open({ dataDir, clock, log: silentLogger });
  if (options.password !== undefined) {
    await accounts.claim(options.password, accounts.setup?.code, { ip: '127.0.0.1', isPrivate: true });
  }
  const authority = new Authority(accounts, options.rules ?? { isOwn: true, internalUsers: [] });
  const wrongCredentials =
    options.wrongCredentials ?? new WrongCredentials(systemClock, new AbortController().signal, () => 0);
  const access = new HttpAccess({
    authority,
    sessions: accounts,
    wrongCredentials,
    trustedProxies: () => options.trustedProxies ?? NO_PROXIES,
    log: options.log ?? silentLogger,
  });
  const app = createHttpApp({ log: silentLogger });
  await app.register(sessionRoutes, {
    accounts,
    access,
    wrongCredentials,
    https: new HttpsAddresses(() => options.httpsPort),
    notices: {
      get isOpen() {
        return authority.isOpen;
      },
      isServer: () => false,
      warnings: [{ why: null, file: null, text: 'a warning' }],
    },
  });
  const { people } = accounts;
  app.addHook('onRequest', renewSessions({ accounts, access }));
  await app.register(peopleRoutes, { access, people });
  const clips = {
    find: (id: string) => {
      throw new PerchError('notFound', `no protected recording has the id '${id}'`);
    },
  };
  await app.register(guestRoutes, { access, people, wrongCredentials, clips, wallMs: () => clock.wallMs() });
  return {
    app,
    access,
    accounts,
    authority,
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, maxRetries: 10 });
    },
  };
}
