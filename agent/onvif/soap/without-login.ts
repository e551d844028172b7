import { PerchError } from '../../base/errors.ts';
import { troubleOf } from './http/failures.ts';
import { loginMissing, onvifOff } from './login/login-failures.ts';
import type { SoapReply } from './reply.ts';

/** Why a call without a login was refused. @param isKnown the camera has spoken SOAP */
export function refusedStranger({ headers, status }: SoapReply, camera: string, path: string, isKnown: boolean): Error {
  const facts = { host: camera, status };
  const hasChallenge = (headers['www-authenticate'] ?? []).length > 0;
  return isKnown || hasChallenge ? loginMissing(facts) : onvifOff(path, facts);
}

/** The camera is there and speaks ONVIF, it only does not want to say this; or wants a login first. */
export function isAnswer(error: unknown, isKnown: boolean, hasLogin: boolean): boolean {
  const status = error instanceof PerchError ? error.context['status'] : undefined;
  const isSoap = ['wrongPassword', 'noRights', 'badReply', 'notSupported'].includes(troubleOf(error) ?? '');
  return status !== undefined && (isSoap ? isKnown || status === 401 : status === 401 && hasLogin);
}
