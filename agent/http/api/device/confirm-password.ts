import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { cookieOf, DEVICE_COOKIE } from '../../auth/credentials.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { ownOrigin, paused } from '../accounts/session-routes.ts';

export interface ConfirmOptions {
  readonly access: Pick<HttpAccess, 'require' | 'identify' | 'origin'>;
  readonly accounts: {
    /** @throws PerchError unauthorized for a wrong password */
    confirmPassword(
      user: string,
      password: string,
      client: { readonly ip: string; readonly isPrivate: boolean; readonly deviceToken: string | undefined },
    ): Promise<void>;
  };
  readonly wrongCredentials: WrongCredentials;
}

export const PasswordBody = Type.Object(
  { password: Type.String({ minLength: 1, maxLength: 1024 }) },
  { additionalProperties: false },
);

/** Whether the body has the password of the session's user: an unattended page must not give passwords away. */
export async function isConfirmed(
  { access, accounts, wrongCredentials }: ConfirmOptions,
  request: FastifyRequest,
): Promise<boolean> {
  const { password } = checkedBody(PasswordBody, request.body);
  const { ip, isPrivate } = ownOrigin(access, request);
  const { sessionUser = '' } = access.identify(request);
  const client = { ip, isPrivate, deviceToken: cookieOf(request.headers, DEVICE_COOKIE) };
  try {
    await paused(wrongCredentials, ip, () => accounts.confirmPassword(sessionUser, password, client));
    return true;
  } catch (error) {
    if (error instanceof PerchError && error.code === 'unauthorized') {
      return false;
    }
    throw error;
  }
}

/** Not 401: the session is valid. */
export const wrongPassword = (reply: FastifyReply): FastifyReply =>
  reply.code(403).send({ status: 'error', error: 'wrong password' });
