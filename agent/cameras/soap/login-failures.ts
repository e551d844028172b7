import type { PerchError } from '../../base/errors.ts';
import { cameraError } from './failures.ts';

/** Each with what a person can do about it. */
type Facts = Record<string, unknown>;

export const noRights = (facts: Facts): PerchError =>
  cameraError('noRights', "this user of the camera has no right to do that: give it an administrator's", facts);

export const wrongPassword = (facts: Facts): PerchError =>
  cameraError(
    'wrongPassword',
    'the camera refuses this user name or password; many have users for ONVIF apart from those of their page',
    facts,
  );

export const loginMissing = (facts: Facts): PerchError =>
  cameraError('wrongPassword', 'the camera asks for a user name and a password', { ...facts, isLoginMissing: true });

export const clockRefused = (facts: Facts): PerchError =>
  cameraError(
    'clock',
    'the camera does not take the login because of its clock: set its date, time and time zone',
    facts,
  );

export const onvifUserMissing = (facts: Facts): PerchError =>
  cameraError(
    'onvifUser',
    'the web page of the camera takes this login, its ONVIF does not: add the user to the ONVIF users in its settings (Hikvision: Network, Integration Protocol)',
    facts,
  );

export const clearRefused = (facts: Facts): PerchError =>
  cameraError(
    'clearPassword',
    'the camera takes the password in the clear only, which anybody in the network could read: use its https address, or allow it for this camera ("clearPassword": true)',
    facts,
  );

const SWITCH_ON =
  "switch ONVIF on in the camera's settings (Hikvision: Network, Integration Protocol; Reolink: Network, Server settings; Tapo: camera account), and add a user there if it has a list of its own";

export const onvifOff = (path: string, facts: Facts): PerchError =>
  cameraError('onvifOff', `no ONVIF service at ${path} (HTTP ${facts['status']}): ${SWITCH_ON}`, facts);
