import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Accounts } from '../../../auth/accounts/accounts.ts';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { DEVICE_COOKIE, ownCookie, sessionTokenOf } from '../../auth/credentials.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../messages/responses.ts';
import { answers, operation } from '../schema/schemas.ts';
import { clientOf, ownOrigin, paused } from './session-routes.ts';

interface SecondFactorRoutesOptions {
  readonly accounts: Accounts;
  readonly access: Pick<HttpAccess, 'origin' | 'identify'>;
  readonly wrongCredentials: WrongCredentials;
  /** A QR code as SVG. */
  qrCode(text: string): string;
}

const NO_MORE = { additionalProperties: false };
const Password = Type.String({ minLength: 1, maxLength: 1024 });
const Code = Type.String({ minLength: 1, maxLength: 64 });
const BeginBody = Type.Object({ password: Password }, NO_MORE);
const ConfirmBody = Type.Object({ code: Code }, NO_MORE);
const RemoveBody = Type.Object({ password: Password, code: Code }, NO_MORE);
const BeginAnswer = Type.Object({
  uri: Type.String({ description: 'For authenticator apps: `otpauth://totp/…`.' }),
  qr: Type.String({ description: 'The same as a QR code, SVG.' }),
});
const ConfirmAnswer = Type.Object({
  recovery: Type.Array(Type.String(), { description: 'Codes for a lost app, each accepted once. Not shown again.' }),
});

const begin = operation(
  'session',
  'Begins the setup of a second factor (TOTP) for the owner',
  answers(BeginAnswer, 400, 403, 429),
  {
    body: BeginBody,
  },
);
const confirm = operation('session', "Ends it with the app's first code", answers(ConfirmAnswer, 400, 403, 429), {
  body: ConfirmBody,
});
const remove = operation('session', 'Removes the second factor', answers(OkAnswer, 400, 403, 429), {
  body: RemoveBody,
});

/** The owner's second factor, with a session only. On the main port only. */
export const secondFactorRoutes: FastifyPluginAsync<SecondFactorRoutesOptions> = async (app, options) => {
  const { accounts, access, wrongCredentials, qrCode } = options;
  const { secondFactor } = accounts.people;
  noStore(app);
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof PerchError && error.context['isConfirmation'] === true) {
      // Not 401: the session is valid.
      const { why } = error.context;
      return reply.code(403).send({ status: 'error', error: error.message, ...(why === undefined ? {} : { why }) });
    }
    throw error;
  });

  const ownerOf = (request: FastifyRequest) => {
    const origin = ownOrigin(access, request);
    const { sessionUser = '' } = access.identify(request);
    if (accounts.person(sessionUser)?.role !== 'owner' || sessionTokenOf(request.headers) === undefined) {
      throw new PerchError('unauthorized', 'log in first', { ip: origin.ip });
    }
    return { user: sessionUser, origin, client: clientOf(request, origin) };
  };
  const confirmed = <T>(ip: string, work: () => Promise<T>): Promise<T> =>
    paused(wrongCredentials, ip, work).catch((error: unknown) => {
      throw error instanceof PerchError && error.code === 'unauthorized'
        ? new PerchError('unauthorized', error.message, { ...error.context, isConfirmation: true })
        : error;
    });

  app.post('/v3/session/factor', { schema: begin }, async (request) => {
    const { user, origin, client } = ownerOf(request);
    const { password } = checkedBody(BeginBody, request.body);
    await confirmed(origin.ip, () => accounts.confirmPassword(user, password, client));
    const { uri } = secondFactor.begin(user);
    return { uri, qr: qrCode(uri) };
  });

  app.post('/v3/session/factor/confirm', { schema: confirm }, async (request, reply) => {
    const { user, origin } = ownerOf(request);
    const { code } = checkedBody(ConfirmBody, request.body);
    const recovery = await confirmed(origin.ip, () => secondFactor.confirm(code));
    await accounts.secondFactorAdded(user, origin.ip, sessionTokenOf(request.headers));
    // This browser is known from now on.
    reply.header('Set-Cookie', ownCookie(DEVICE_COOKIE, accounts.deviceToken(user, undefined), origin));
    return { recovery };
  });

  app.post('/v3/session/factor/remove', { schema: remove }, async (request, reply) => {
    const { user, origin, client } = ownerOf(request);
    const { password, code } = checkedBody(RemoveBody, request.body);
    await confirmed(origin.ip, () => accounts.removeSecondFactor(user, password, { ...client, code }));
    reply.header('Set-Cookie', ownCookie(DEVICE_COOKIE, accounts.deviceToken(user, undefined), origin));
    return OK;
  });
};
