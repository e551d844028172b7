import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Accounts } from '../../../auth/accounts/accounts.ts';
import type { LoginClient } from '../../../auth/accounts/people.ts';
import { describeUserAgent } from '../../../auth/accounts/user-agent.ts';
import { Assertion, type PasskeyProof, relyingPartyOf, requireRelyingParty } from '../../../auth/passkeys/passkey.ts';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import {
  cookieOf,
  DEVICE_COOKIE,
  GUEST_COOKIE,
  noCookie,
  ownCookie,
  SESSION_COOKIE,
  sessionCookie,
  sessionTokenOf,
  sessionTokensOf,
} from '../../auth/credentials.ts';
import type { HttpsAddresses } from '../../auth/https-addresses.ts';
import type { RequestOrigin } from '../../auth/request-origin.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../messages/responses.ts';
import { answers, OrNull, operation } from '../schema/schemas.ts';

interface SessionRoutesOptions {
  readonly accounts: Accounts;
  readonly access: Pick<HttpAccess, 'origin' | 'identify' | 'allows'>;
  readonly wrongCredentials: WrongCredentials;
  /** State of the setup. Warnings only for the owner. */
  readonly notices: {
    readonly isOpen: boolean;
    isServer(): boolean;
    readonly warnings: readonly Static<typeof Warning>[];
  };
  readonly https: Pick<HttpsAddresses, 'of'>;
  /** Called when a person with access opens the page. */
  onPageOpened?(): void;
}

const Warning = Type.Object({
  why: OrNull(
    Type.Enum(['notSaved', 'temporary', 'damaged'], {
      description:
        'notSaved: the configuration file cannot be written, and changes are in effect until the next start. temporary: the data folder is deleted with the container. damaged: a file of the data folder was damaged, and is put aside. Null: another one.',
    }),
  ),
  file: OrNull(Type.String({ description: 'File or folder that it is about.' })),
  text: Type.String(),
});

const Password = Type.String({ minLength: 1, maxLength: 1024 });
/** Unknown fields are rejected: `name` instead of `user` would try the owner's account. */
const NO_MORE = { additionalProperties: false };
const ShortText = Type.String({ maxLength: 64 });
const ClaimBody = Type.Object({ password: Password, setupCode: Type.Optional(ShortText) }, NO_MORE);
const LogInBody = Type.Object(
  {
    user: Type.Optional(ShortText),
    password: Password,
    code: Type.Optional(Type.String({ maxLength: 64, description: 'Code of the second factor, or a recovery code.' })),
    passkey: Type.Optional(Assertion),
  },
  NO_MORE,
);
const ChallengeBody = Type.Object({ user: Type.Optional(ShortText), password: Password }, NO_MORE);
const ChallengeAnswer = Type.Object({
  passkey: OrNull(
    Type.Unknown({
      description: '`PublicKeyCredentialRequestOptionsJSON` of WebAuthn. Null: no passkey for this host.',
    }),
  ),
});
const PasswordBody = Type.Object({ oldPassword: Password, newPassword: Password }, NO_MORE);
const SessionAnswer = Type.Object({
  claimed: Type.Boolean({ description: 'The box has an owner.' }),
  loggedIn: Type.Boolean(),
  user: OrNull(Type.String()),
  role: OrNull(Type.Enum(['owner', 'viewer', 'guest'])),
  clip: Type.Boolean({ description: 'The guest link shows a clip and no cameras.' }),
  mayLook: Type.Boolean({ description: 'All or some cameras are visible without a login.' }),
  mayClaim: Type.Boolean({ description: 'The box can be claimed with the setup code.' }),
  openAccess: Type.Boolean({ description: 'Anyone on this network can watch.' }),
  server: Type.Boolean({ description: 'This Perch is a server, and searches for no cameras.' }),
  warnings: Type.Array(Warning, { description: 'Warnings about the setup, for the owner.' }),
  secondFactor: Type.Boolean({ description: 'In a session of the owner: a second factor is set up.' }),
  commands: Type.Object(
    { claim: Type.String(), resetPassword: Type.String() },
    { description: 'Command lines on the box, such as `npm run perch -- claim`.' },
  ),
  https: OrNull(
    Type.Object(
      { port: Type.Integer(), box: Type.String({ description: 'Answer of `/trust/here` at that port.' }) },
      {
        description: "The page's https address. Null: https is off, or the request came over https or through a proxy.",
      },
    ),
  ),
});
export type SessionAnswer = Static<typeof SessionAnswer>;

const changed = answers(OkAnswer, 400, 429);
const get = operation('session', 'Who is logged in, and what the page may offer', { 200: SessionAnswer });
const claim = operation('session', "Sets the owner's password, once, with the setup code", changed, {
  body: ClaimBody,
});
const logIn = operation('session', 'Logs in; without user: the owner', changed, { body: LogInBody });
const challenge = operation(
  'session',
  'After the right password: what a browser needs to prove a passkey',
  answers(ChallengeAnswer, 400, 429),
  { body: ChallengeBody },
);
const logOut = operation('session', 'Logs out', changed);
const changePassword = operation(
  'session',
  "Changes one's own password; all other sessions of the user are over",
  answers(OkAnswer, 400, 403, 429),
  { body: PasswordBody },
);

/** Claim, login, logout and password, on the main port only. */
export const sessionRoutes: FastifyPluginAsync<SessionRoutesOptions> = async (app, options) => {
  // The routes validate bodies themselves, for better messages.
  noStore(app);
  app.get('/v3/session', { schema: get }, (request, reply) => describeSession(options, request, reply));
  claimRoute(app, options);
  logInRoutes(app, options);
  passwordRoute(app, options);
};

function claimRoute(app: FastifyInstance, options: SessionRoutesOptions): void {
  app.post('/v3/claim', { schema: claim }, async (request, reply) => {
    const origin = ownOrigin(options.access, request);
    const { password, setupCode } = checkedBody(ClaimBody, request.body);
    const attempt = () => options.accounts.claim(password, setupCode, clientOf(request, origin));
    const token = await paused(options.wrongCredentials, origin.ip, attempt);
    welcome(options, options.accounts.owner ?? '', token, request, reply);
    return OK;
  });
}

function logInRoutes(app: FastifyInstance, options: SessionRoutesOptions): void {
  const { accounts, access, wrongCredentials } = options;
  app.post('/v3/session', { schema: logIn }, async (request, reply) => {
    const origin = ownOrigin(access, request);
    const { user: typed, password, code = '', passkey } = checkedBody(LogInBody, request.body);
    const user = userOf(accounts, typed);
    const client = { ...clientOf(request, origin), code, passkey: passkeyProof(request, passkey) };
    const attempt = () => accounts.logIn(user, password, client, sessionTokenOf(request.headers));
    welcome(options, user, await paused(wrongCredentials, origin.ip, attempt), request, reply);
    return OK;
  });

  app.post('/v3/session/challenge', { schema: challenge }, async (request) => {
    const origin = ownOrigin(access, request);
    const { user: typed, password } = checkedBody(ChallengeBody, request.body);
    const user = userOf(accounts, typed);
    const attempt = () => accounts.confirmPassword(user, password, clientOf(request, origin));
    await paused(wrongCredentials, origin.ip, attempt);
    const relyingParty = relyingPartyOf(request.headers.origin);
    return {
      passkey: (accounts.hasSecondFactor(user) && accounts.secondFactorCheck.request(user, relyingParty)) || null,
    };
  });

  app.delete('/v3/session', { schema: logOut }, async (request, reply) => {
    const origin = ownOrigin(access, request);
    for (const token of sessionTokensOf(request.headers)) {
      await accounts.logOut(token);
    }
    reply.header('Set-Cookie', noCookie(SESSION_COOKIE, origin));
    // Otherwise an earlier guest link in this browser would take over.
    reply.header('Set-Cookie', noCookie(GUEST_COOKIE, origin));
    return OK;
  });
}

/** @param typed undefined for the owner */
const userOf = (accounts: Accounts, typed = accounts.owner ?? ''): string =>
  accounts.userOf(typed.trim().normalize('NFC'));

/** The passkey's proof in a request; undefined without a passkey. @throws PerchError badInput where browsers use none */
export const passkeyProof = ({ headers }: FastifyRequest, response?: Assertion): PasskeyProof | undefined =>
  response && { response, relyingParty: requireRelyingParty(headers.origin) };

function passwordRoute(app: FastifyInstance, options: SessionRoutesOptions): void {
  const { accounts, access, wrongCredentials } = options;
  app.post('/v3/session/password', { schema: changePassword }, async (request, reply) => {
    const origin = ownOrigin(access, request);
    const { sessionUser = '' } = access.identify(request);
    const token = sessionTokenOf(request.headers);
    const isGuest = accounts.person(sessionUser)?.role === 'guest';
    if (sessionUser === '' || token === undefined || isGuest) {
      throw new PerchError('unauthorized', 'log in first', { ip: origin.ip });
    }
    const { oldPassword, newPassword } = checkedBody(PasswordBody, request.body);
    const client = clientOf(request, origin);
    const change = () => accounts.changePassword(sessionUser, oldPassword, newPassword, client, token);
    try {
      await paused(wrongCredentials, origin.ip, change);
    } catch (error) {
      if (error instanceof PerchError && error.code === 'unauthorized') {
        // Not 401: the session is valid.
        return reply.code(403).send({ status: 'error', error: error.message });
      }
      throw error;
    }
    // The device cookie is bound to the old password.
    reply.header('Set-Cookie', ownCookie(DEVICE_COOKIE, accounts.deviceToken(sessionUser, undefined), origin));
    return OK;
  });
}

async function describeSession(
  { accounts, access, notices, https, onPageOpened }: SessionRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const origin = access.origin(request);
  const { sessionUser } = access.identify(request);
  const person = sessionUser === undefined ? undefined : accounts.person(sessionUser);
  const token = sessionTokenOf(request.headers);
  const claimed = accounts.owner !== undefined;
  const isUser = person !== undefined && person.role !== 'guest';
  if (isUser && token !== undefined) {
    // Extends the cookie's life.
    reply.header('Set-Cookie', sessionCookie((await accounts.renewal(token, origin.ip)) ?? token, origin));
  }
  const mayLook = person !== undefined || (await access.allows(request, 'api'));
  if (!mayLook && accounts.unknown) {
    throw accounts.unknown;
  }
  if (mayLook) {
    onPageOpened?.();
  }
  return {
    claimed,
    loggedIn: isUser,
    user: isUser ? person.name : null,
    role: person?.role ?? null,
    clip: sessionUser !== undefined && accounts.people.guests.clip(sessionUser) !== undefined,
    mayLook,
    mayClaim: accounts.mayClaim,
    openAccess: notices.isOpen,
    server: notices.isServer(),
    warnings: (await access.allows(request, 'admin')) ? notices.warnings : [],
    secondFactor: person !== undefined && accounts.hasSecondFactor(person.name),
    commands: { claim: accounts.own.shown('claim'), resetPassword: accounts.own.shown('reset-password') },
    https: https.of(request, origin.isProxied),
  };
}

/**
 * Learns sessions of other servers, and renews the token of a session in use, each day. For addresses other than `/v3/session`, which the page requests only at its start. Requests
 * caused by other sites renew nothing.
 */
export function renewSessions({ accounts, access }: Pick<SessionRoutesOptions, 'accounts' | 'access'>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const token = sessionTokenOf(request.headers);
    if (token !== undefined) {
      await accounts.learnSession(token);
    }
    const isWanted =
      request.method === 'GET' && request.url.startsWith('/v3/') && !/^\/v3\/session\b/.test(request.url);
    if (token === undefined || !isWanted || access.identify(request).sessionUser === undefined) {
      return;
    }
    const origin = access.origin(request);
    const next = await accounts.renewal(token, origin.ip);
    if (next !== undefined) {
      reply.header('Set-Cookie', sessionCookie(next, origin));
    }
  };
}

/** Pages of other sites may not log in, log out or claim. Programs send neither header. */
export function ownOrigin(access: Pick<HttpAccess, 'origin'>, request: FastifyRequest): RequestOrigin {
  const origin = access.origin(request);
  const { headers } = request;
  const isBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  if (isBrowser && !origin.isSameOrigin) {
    throw new PerchError('unauthorized', 'this request comes from a page of another site', { ip: origin.ip });
  }
  return origin;
}

/** Delays the reply to a wrong password, setup code or link. */
export async function paused<T>(wrong: WrongCredentials, ip: string, work: () => Promise<T>): Promise<T> {
  wrong.checkRoom(ip);
  try {
    return await work();
  } catch (error) {
    if (error instanceof PerchError && error.code === 'unauthorized' && error.context['why'] !== 'codeNeeded') {
      await wrong.pause(ip);
    }
    throw error;
  }
}

export function clientOf({ headers }: FastifyRequest, { ip, isPrivate }: RequestOrigin): LoginClient {
  const device = describeUserAgent(headers['user-agent'] ?? '');
  return { ip, isPrivate, device, deviceToken: cookieOf(headers, DEVICE_COOKIE) };
}

function welcome(
  { accounts, access }: SessionRoutesOptions,
  user: string,
  token: string,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const origin = access.origin(request);
  const device = accounts.deviceToken(user, cookieOf(request.headers, DEVICE_COOKIE));
  reply.header('Set-Cookie', sessionCookie(token, origin));
  reply.header('Set-Cookie', ownCookie(DEVICE_COOKIE, device, origin));
}
