import type { PerchError } from '../../../base/errors.ts';
import { cameraError } from '../http/failures.ts';
import type { DenialReason, RefusalCause } from './login-verdict.ts';

type Facts = Record<string, unknown>;
export const noRights = (facts: Facts): PerchError =>
  cameraError('noRights', "this user of the camera lacks the right to do that: give it an administrator's", facts);

export const wrongPassword = (facts: Facts): PerchError =>
  cameraError(
    'wrongPassword',
    'the camera refuses this user name or password; many cameras have separate users for ONVIF',
    facts,
  );

export const loginMissing = (facts: Facts): PerchError =>
  cameraError('wrongPassword', 'the camera asks for a user name and a password', { ...facts, isLoginMissing: true });

export const clockRefused = (facts: Facts): PerchError =>
  cameraError('clock', 'the camera rejects the login because of its clock: set its date, time and time zone', facts);

/** The login was not sent. */
export const clockDoubted = (skewMs: number, facts: Facts): PerchError =>
  cameraError(
    'clock',
    `its clock is off by ${spanText(skewMs)}, and a login with that time could be used again: set its date, time and time zone`,
    { ...facts, skewMs },
  );

export const onvifUserMissing = (facts: Facts): PerchError =>
  cameraError(
    'onvifUser',
    'the web page of the camera accepts this login, its ONVIF does not: add the user to the ONVIF users in its settings (Hikvision: Network, Integration Protocol)',
    facts,
  );

export const clearRefused = (facts: Facts): PerchError =>
  cameraError(
    'clearPassword',
    'the camera accepts only an unencrypted password, which anyone in the network could read: use its https address, or allow it for this camera ("clearPassword": true)',
    facts,
  );

const SWITCH_ON =
  "switch ONVIF on in the camera's settings (Hikvision: Network, Integration Protocol; Reolink: Network, Server settings; Tapo: camera account), and add a user there if it has its own user list";

export const onvifOff = (path: string, facts: Facts): PerchError =>
  cameraError('onvifOff', `no ONVIF service at ${path} (HTTP ${facts['status']}): ${SWITCH_ON}`, facts);

/** Why a login is not sent now, including the cause of the last rejection. */
export function notShown(
  reason: DenialReason,
  { cause, times, waitMs }: { cause: RefusalCause | undefined; times: number; waitMs: number },
  facts: Facts,
): PerchError {
  if (reason === 'lock') {
    return lockedOut(waitMs, facts);
  }
  if (reason === 'count') {
    const words = `the camera has refused this user ${times} times and would soon lock it: try again in ${minutes(waitMs)}`;
    return cameraError('lockedOut', words, facts);
  }
  if (cause !== undefined) {
    return (cause === 'onvifUser' ? onvifUserMissing : clockRefused)(facts);
  }
  return cameraError('wrongPassword', NOT_SHOWN[reason](minutes(waitMs)), { ...facts, absence: 'password' });
}

const NOT_SHOWN: Readonly<Record<'wrong' | 'channel' | 'doubt', (wait: string) => string>> = {
  wrong: (wait) =>
    `the camera has refused this user name or password twice: it is tried again in ${wait}, or when it is changed`,
  channel: (wait) =>
    `the camera accepts this user name and password elsewhere and refuses them here: check the rights of this user; tried again in ${wait}`,
  doubt: () =>
    'another channel of this camera refused this login; Perch tries it here when another channel accepts it, or after half an hour',
};

export const lockedOut = (waitMs: number, facts: Facts): PerchError =>
  cameraError('lockedOut', `the camera has locked this user after wrong passwords: try again in ${minutes(waitMs)}`, {
    ...facts,
    waitMs,
  });

function spanText(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  const hours = Math.round(minutes / 60);
  return minutes < 120 ? `${minutes} min` : hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

const minutes = (ms: number): string => `${Math.max(1, Math.ceil(ms / 60_000))} min`;
