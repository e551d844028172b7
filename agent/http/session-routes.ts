import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../base/errors.ts';
import type { HttpAccess } from './access.ts';
import { sessionCookie, sessionTokenOf } from './credentials.ts';
import type { RequestOrigin } from './request-origin.ts';
import type { WrongCredentials } from './wrong-credentials.ts';

/** The accounts, as far as the page needs them. Tokens are what the cookie holds. */
export interface SessionAccounts {
  /** Undefined before the claim. */
  readonly owner: string | undefined;
  claim(
    password: string,
    setupCode: string | undefined,
    asker: { readonly ip: string; readonly isPrivate: boolean },
  ): Promise<string>;
  logIn(user: string, password: string, ip: string, oldToken: string | undefined): Promise<string>;
  logOut(token: string): Promise<void>;
}

export interface SessionRoutesOptions {
  readonly accounts: SessionAccounts;
  readonly access: Pick<HttpAccess, 'origin' | 'identify' | 'allows'>;
  readonly wrongCredentials: WrongCredentials;
  /** What the page tells about the set-up. The warnings are told to the owner alone. */
  readonly notices: { readonly isOpen: boolean; readonly warnings: readonly string[] };
}

const Password = Type.String({ minLength: 1, maxLength: 1024 });
const ClaimBody = Type.Object({ password: Password, setupCode: Type.Optional(Type.String({ maxLength: 64 })) });
const LogInBody = Type.Object({ user: Type.Optional(Type.String({ maxLength: 64 })), password: Password });

/** The claim, log-in and log-out, on the main port only. */
export const sessionRoutes: FastifyPluginAsync<SessionRoutesOptions> = async (app, options) => {
  const { accounts, access, wrongCredentials } = options;
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });

  app.get('/v3/session', (request, reply) => describeSession(options, request, reply));

  app.post<{ Body: Static<typeof ClaimBody> }>('/v3/claim', { schema: { body: ClaimBody } }, async (request, reply) => {
    const origin = ownOrigin(access, request);
    const { password, setupCode } = request.body;
    const claim = () => accounts.claim(password, setupCode, origin);
    setCookie(reply, await paused(wrongCredentials, origin.ip, claim), origin);
    return { status: 'ok' };
  });

  app.post<{ Body: Static<typeof LogInBody> }>(
    '/v3/session',
    { schema: { body: LogInBody } },
    async (request, reply) => {
      const origin = ownOrigin(access, request);
      const { user = accounts.owner ?? '', password } = request.body;
      const logIn = () => accounts.logIn(user, password, origin.ip, sessionTokenOf(request.headers));
      setCookie(reply, await paused(wrongCredentials, origin.ip, logIn), origin);
      return { status: 'ok' };
    },
  );

  app.delete('/v3/session', async (request, reply) => {
    const origin = ownOrigin(access, request);
    const token = sessionTokenOf(request.headers);
    if (token !== undefined) {
      await accounts.logOut(token);
    }
    setCookie(reply, '', origin);
    return { status: 'ok' };
  });
};

async function describeSession(
  { accounts, access, notices }: SessionRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const origin = access.origin(request);
  const { sessionUser } = access.identify(request);
  const token = sessionTokenOf(request.headers);
  const claimed = accounts.owner !== undefined;
  if (sessionUser !== undefined && token !== undefined) {
    // The browser keeps it as long again.
    setCookie(reply, token, origin);
  }
  return {
    claimed,
    loggedIn: sessionUser !== undefined,
    user: sessionUser ?? null,
    mayLook: await access.allows(request, 'api'),
    mayClaim: !claimed,
    needsSetupCode: !claimed && !origin.isPrivate,
    openAccess: notices.isOpen,
    warnings: (await access.allows(request, 'admin')) ? notices.warnings : [],
  };
}

/** Another site's page may not log anybody in, out, or claim the box. Programs that are no browser send neither header. */
function ownOrigin(access: SessionRoutesOptions['access'], request: FastifyRequest): RequestOrigin {
  const origin = access.origin(request);
  const { headers } = request;
  const isBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  if (isBrowser && !origin.isSameOrigin) {
    throw new PerchError('unauthorized', 'this request comes from a page of another site', { ip: origin.ip });
  }
  return origin;
}

/** A wrong password or setup code is answered after a pause. */
async function paused(wrong: WrongCredentials, ip: string, work: () => Promise<string>): Promise<string> {
  wrong.checkRoom(ip);
  try {
    return await work();
  } catch (error) {
    if (error instanceof PerchError && error.code === 'unauthorized') {
      await wrong.pause(ip);
    }
    throw error;
  }
}

function setCookie(reply: FastifyReply, token: string, { isSecure }: RequestOrigin): void {
  reply.header('Set-Cookie', sessionCookie(token, isSecure));
}
