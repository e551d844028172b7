import { withoutZone } from '../../base/url-zone.ts';
import { cameraError } from '../soap/http/failures.ts';

/** For addresses of streams and snapshots. */
const MAX_ADDRESS_CHARACTERS = 2_048;

/** The address would be stored and shown. @throws PerchError badReply */
export function checkAddressLength(uri: string): void {
  if (uri.length > MAX_ADDRESS_CHARACTERS) {
    const words = `the camera returns an address of ${uri.length} characters, at most ${MAX_ADDRESS_CHARACTERS} are accepted`;
    throw cameraError('badReply', words);
  }
}

/**
 * Cameras may name another host (behind a router, with an old setting); port, path and query are right. The query stays, because some
 * cameras have their login in it.
 * @throws PerchError
 */
export function pinnedSnapshotUrl(uri: string, camera: URL): URL {
  checkAddressLength(uri);
  const text = uri.replace(/&(?:amp|#0*38|#x0*26);/gi, '&').trim();
  const whole = text.startsWith('/') ? new URL(text, camera).href : text;
  const url = URL.parse(withoutZone(whole));
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const words = url
      ? `'${originOf(url)}' is not the http address of a picture`
      : 'the camera returns no address of a picture';
    throw cameraError('badReply', words, { host: camera.host });
  }
  url.hostname = camera.hostname;
  url.username = '';
  url.password = '';
  return url;
}

/** The part of an address that may be shown: cameras put credentials before the host and into the query. */
export function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`.slice(0, 100);
}
