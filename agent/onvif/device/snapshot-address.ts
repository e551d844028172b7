import { withoutZone } from '../../base/url-zone.ts';
import { cameraError } from '../soap/http/failures.ts';

/** Of a stream or a picture, as a camera tells it; longer ones are nobody's. */
const MAX_ADDRESS_CHARACTERS = 2_048;

/** Its address would be kept, and shown. @throws PerchError badReply */
export function checkAddressLength(uri: string): void {
  if (uri.length > MAX_ADDRESS_CHARACTERS) {
    const words = `the camera names an address of ${uri.length} characters, at most ${MAX_ADDRESS_CHARACTERS} are taken`;
    throw cameraError('badReply', words);
  }
}

/**
 * Cameras name another host (behind a router, with an old setting): port, path and query are right. The query stays as it is, some
 * have their login in it.
 * @throws PerchError
 */
export function pinnedPictureUrl(uri: string, camera: URL): URL {
  checkAddressLength(uri);
  const text = uri.replace(/&(?:amp|#0*38|#x0*26);/gi, '&').trim();
  const whole = text.startsWith('/') ? new URL(text, camera).href : text;
  const url = URL.parse(withoutZone(whole));
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const words = url
      ? `'${originOf(url)}' is not the http address of a picture`
      : 'the camera names no address of a picture';
    throw cameraError('badReply', words, { host: camera.host });
  }
  url.hostname = camera.hostname;
  url.username = '';
  url.password = '';
  return url;
}

/** What may be told of an address: cameras put names and passwords before the host and into the query. */
export function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`.slice(0, 100);
}
