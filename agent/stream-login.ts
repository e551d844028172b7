import { sharedLogins } from './cameras/device/session.ts';
import { nameOf, parseHttpUrl } from './cameras/soap/http-exchange.ts';
import type { LoginKey, LoginMemory } from './cameras/soap/login-memory.ts';
import type { ShownLogin } from './cameras/soap/shown-logins.ts';
import type { CameraSettings } from './config/path.ts';
import { parseAddress, placeOf } from './sources/rtsp/address.ts';
import type { LoginWatch } from './sources/rtsp/authenticator.ts';

/** A wrong password of a stream counts together with those of the same camera's events and pictures: the account that it locks is one. */
export function streamLogin(
  name: string,
  url: string,
  { onvif = '', user, password = '' }: Pick<CameraSettings, 'onvif' | 'user' | 'password'>,
  logins: LoginMemory = sharedLogins,
): LoginWatch {
  // What is wrong with the address is told by whoever connects to it.
  const key = (): LoginKey => {
    const address = parseAddress(url, name);
    const service = parseHttpUrl(onvif);
    const login = user === undefined ? (address.credentials ?? NOBODY) : { user, password };
    return { ...login, camera: service ? nameOf(service.place) : placeOf(address), service: 'stream' };
  };
  let shown: ShownLogin | undefined;
  return {
    check: (isNext) => {
      shown = logins.showStream(key(), isNext);
    },
    answered: () => shown?.end(),
    refused: () => logins.refused(key()),
    accepted: () => logins.accepted(key(), 'digest'),
  };
}

const NOBODY = { user: '', password: '' };
