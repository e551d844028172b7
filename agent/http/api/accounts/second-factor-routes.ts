import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Accounts } from '../../../auth/accounts/accounts.ts';
import { Assertion, Registration, requireRelyingParty } from '../../../auth/passkeys/passkey.ts';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { DEVICE_COOKIE, ownCookie, sessionTokenOf } from '../../auth/credentials.ts';
import type { RequestOrigin } from '../../auth/request-origin.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../messages/responses.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';
import { clientOf, ownOrigin, passkeyProof, paused } from './session-routes.ts';

interface SecondFactorRoutesOptions {
  readonly accounts: Accounts;
  readonly access: Pick<HttpAccess, 'origin' | 'identify'>;
  readonly wrongCredentials: WrongCredentials;
}

/** A passkey of an unknown browser. */
const UNNAMED = 'Passkey';
const NO_MORE = { additionalProperties: false };
const Code = Type.String({ maxLength: 64 });
/** Fields of a request that is confirmed by the password and, if there is one, the second factor. */
const PROOF = {
  password: Type.String({ minLength: 1, maxLength: 1024 }),
  code: Type.Optional(Code),
  passkey: Type.Optional(Assertion),
};
const ProofBody = Type.Object(PROOF, NO_MORE);
const RemovePasskeyBody = Type.Object({ ...PROOF, id: Type.String({ maxLength: 1_400 }) }, NO_MORE);
const Setup = Type.String({ maxLength: 300, description: 'What its end needs, for 15 minutes.' });
const ConfirmBody = Type.Object({ code: Code, setup: Setup }, NO_MORE);
const NewPasskeyBody = Type.Object({ name: Type.String({ maxLength: 64 }), response: Registration }, NO_MORE);

const FactorAnswer = Type.Object({
  app: Type.Boolean({ description: 'Codes of an authenticator app.' }),
  recoveryCodes: Type.Integer({ description: 'Unused ones.' }),
  passkeys: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      host: Type.String({ description: 'Name of the box in the addresses where browsers use it.' }),
      created: TimeText,
      lastUsed: OrNull(TimeText),
    }),
  ),
});
export type FactorAnswer = Static<typeof FactorAnswer>;
const BeginAnswer = Type.Object({
  uri: Type.String({ description: 'For authenticator apps: `otpauth://totp/…`.' }),
  setup: Setup,
});
const RecoveryAnswer = Type.Object({
  recovery: Type.Array(Type.String(), {
    description: 'Codes for a lost phone, each accepted once and shown once. Empty: the earlier ones stay.',
  }),
});
const OptionsAnswer = Type.Object({
  options: Type.Unknown({ description: '`PublicKeyCredentialCreationOptionsJSON` of WebAuthn.' }),
});

const post = (summary: string, answer: Parameters<typeof answers>[0], body: object) =>
  operation('session', summary, answers(answer, 400, 403, 404, 429), { body });
const get = operation('session', "The owner's second factor", answers(FactorAnswer));
const begin = post('Begins the setup of an authenticator app (TOTP)', BeginAnswer, ProofBody);
const confirm = post('Ends it with the first code of the app', RecoveryAnswer, ConfirmBody);
const remove = post('Removes the second factor with all passkeys', OkAnswer, ProofBody);
const renew = post('Replaces the recovery codes', RecoveryAnswer, ProofBody);
const options = post('Begins the setup of a passkey; only over https by a name', OptionsAnswer, ProofBody);
const add = post('Ends it with the answer of the browser', RecoveryAnswer, NewPasskeyBody);
const removePasskey = post('Removes a passkey; the last one only with the second factor', OkAnswer, RemovePasskeyBody);

/** A request of the owner, with a session. */
interface OwnerRequest {
  readonly user: string;
  readonly origin: RequestOrigin;
  readonly client: ReturnType<typeof clientOf>;
}

/** The owner's second factor, with a session only. On the main port only. */
export const secondFactorRoutes: FastifyPluginAsync<SecondFactorRoutesOptions> = async (app, routes) => {
  const { accounts, access, wrongCredentials } = routes;
  noStore(app);
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof PerchError && error.context['isConfirmation'] === true) {
      // Not 401: the session is valid.
      const { why } = error.context;
      return reply.code(403).send({ status: 'error', error: error.message, ...(why === undefined ? {} : { why }) });
    }
    throw error;
  });
  const owner = (request: FastifyRequest): OwnerRequest => {
    const origin = ownOrigin(access, request);
    const { sessionUser = '' } = access.identify(request);
    if (accounts.person(sessionUser)?.role !== 'owner' || sessionTokenOf(request.headers) === undefined) {
      throw new PerchError('unauthorized', 'log in first', { ip: origin.ip });
    }
    return { user: sessionUser, origin, client: clientOf(request, origin) };
  };
  const attempted = <T>({ ip }: RequestOrigin, work: () => Promise<T>): Promise<T> =>
    paused(wrongCredentials, ip, work).catch((error: unknown) => {
      throw error instanceof PerchError && error.code === 'unauthorized'
        ? new PerchError('unauthorized', error.message, { ...error.context, isConfirmation: true })
        : error;
    });
  const confirmed = async (request: FastifyRequest, body = request.body): Promise<OwnerRequest> => {
    const by = owner(request);
    const proof = checkedBody(ProofBody, body);
    await attempted(by.origin, () => accounts.confirmFactor(by.user, proof.password, proven(by, request, proof)));
    return by;
  };
  const added = async (request: FastifyRequest, reply: FastifyReply, recovery: readonly string[]) => {
    const { user, origin } = owner(request);
    const isNew = recovery.length > 0;
    await accounts.secondFactorAdded(user, origin.ip, sessionTokenOf(request.headers), isNew);
    if (isNew) {
      // This browser is known from now on.
      reply.header('Set-Cookie', ownCookie(DEVICE_COOKIE, accounts.deviceToken(user, undefined), origin));
    }
    return { recovery };
  };
  const tools: Tools = { owner, attempted, confirmed, added };
  factorRoutes(app, routes, tools);
  passkeyRoutes(app, routes, tools);
};

interface Tools {
  owner(request: FastifyRequest): OwnerRequest;
  attempted<T>(origin: RequestOrigin, work: () => Promise<T>): Promise<T>;
  /** Confirms password and second factor. @param body with them; default: that of the request */
  confirmed(request: FastifyRequest, body?: unknown): Promise<OwnerRequest>;
  /** @param recovery empty: the second factor was on already */
  added(request: FastifyRequest, reply: FastifyReply, recovery: readonly string[]): Promise<object>;
}

const proven = (
  { client }: OwnerRequest,
  request: FastifyRequest,
  { code = '', passkey }: Static<typeof ProofBody>,
) => ({
  ...client,
  code,
  passkey: passkeyProof(request, passkey),
});

function factorRoutes(app: FastifyInstance, { accounts }: SecondFactorRoutesOptions, tools: Tools): void {
  const { secondFactor } = accounts.people;
  app.get('/v3/session/factor', { schema: get }, async (request) => {
    tools.owner(request);
    return {
      app: secondFactor.hasApp,
      recoveryCodes: secondFactor.recoveryLeft,
      passkeys: secondFactor.passkeys.map(({ id, name, host, created, lastUsed }) => ({
        id,
        name,
        host,
        created: new Date(created).toISOString(),
        lastUsed: lastUsed === null ? null : new Date(lastUsed).toISOString(),
      })),
    };
  });
  app.post('/v3/session/factor', { schema: begin }, async (request) => {
    const { user } = await tools.confirmed(request);
    return secondFactor.begin(user);
  });
  app.post('/v3/session/factor/confirm', { schema: confirm }, async (request, reply) => {
    const { origin } = tools.owner(request);
    const { code, setup } = checkedBody(ConfirmBody, request.body);
    return tools.added(request, reply, await tools.attempted(origin, () => secondFactor.confirm(code, setup)));
  });
  app.post('/v3/session/factor/recovery', { schema: renew }, async (request) => {
    await tools.confirmed(request);
    return { recovery: await secondFactor.renewRecovery() };
  });
  app.post('/v3/session/factor/remove', { schema: remove }, async (request, reply) => {
    const by = tools.owner(request);
    const proof = checkedBody(ProofBody, request.body);
    const { user, origin } = by;
    const client = proven(by, request, proof);
    await tools.attempted(origin, () => accounts.removeSecondFactor(user, proof.password, client));
    reply.header('Set-Cookie', ownCookie(DEVICE_COOKIE, accounts.deviceToken(user, undefined), origin));
    return OK;
  });
}

function passkeyRoutes(app: FastifyInstance, { accounts }: SecondFactorRoutesOptions, tools: Tools): void {
  app.post('/v3/session/passkeys/options', { schema: options }, async (request) => {
    tools.owner(request);
    const place = requireRelyingParty(request.headers.origin);
    const { user } = await tools.confirmed(request);
    return { options: accounts.secondFactorCheck.creation(user, place) };
  });
  app.post('/v3/session/passkeys', { schema: add }, async (request, reply) => {
    const { user, client } = tools.owner(request);
    const { name, response } = checkedBody(NewPasskeyBody, request.body);
    const place = requireRelyingParty(request.headers.origin);
    const named = name.trim() || client.device || UNNAMED;
    return tools.added(request, reply, await accounts.secondFactorCheck.addPasskey(user, named, place, response));
  });
  app.post('/v3/session/passkeys/remove', { schema: removePasskey }, async (request) => {
    tools.owner(request);
    const { id, ...proof } = checkedBody(RemovePasskeyBody, request.body);
    const { user } = await tools.confirmed(request, proof);
    await accounts.secondFactorCheck.removePasskey(user, id);
    return OK;
  });
}
