import { PerchError } from '../../../base/errors.ts';
import { parseLogin } from '../../../base/network/url-parts.ts';
import { parseHttpUrl } from '../../../onvif/soap/http/origin.ts';
import type { StoredRecorder } from '../../../recordings/copy/transfer-kind.ts';

/** Where a recorder is, and how it is logged into. */
interface RecorderLogin {
  /** URL of the ONVIF device service, without credentials. */
  readonly url: string;
  /** For people: host, and port if it is not 80. */
  readonly host: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

const ADDRESS =
  /^(?:(onvif|https?):\/\/)?(?:([^/]*)@)?((?:\[[^\]/?#@\s]+\]|[^/?#@\s:[\]]+)(?::\d{1,5})?)(\/(?!\/)[^#\s]*)?$/i;
/** Most devices have it there; RFC has no rule. */
const USUAL_PATH = '/onvif/device_service';

/** @param text `192.168.1.9`, `host:8000`, `onvif://user:password@host/path` or a URL. @throws PerchError badInput, without the login */
export function recorderLogin(text: string): RecorderLogin {
  const [whole, scheme = 'onvif', login, host = '', path = ''] = ADDRESS.exec(text.trim()) ?? [];
  const url = `${scheme.toLowerCase() === 'https' ? 'https' : 'http'}://${host}${path.length > 1 ? path : USUAL_PATH}`;
  if (whole === undefined || !parseHttpUrl(url)) {
    const written = `${host}${path}`.slice(0, 100);
    const named = written === '' ? 'this' : `'${written}'`;
    throw new PerchError(
      'badInput',
      `${named} is no address of a recorder: write it like 192.168.1.9 or onvif://host:8000`,
      {
        why: 'address',
      },
    );
  }
  return { url, host, user: undefined, password: undefined, ...(login !== undefined && parseLogin(login)) };
}

/** A recorder by name, without its login. @throws PerchError badInput */
export const recorderText = ({ camera, address = '' }: StoredRecorder): string => camera ?? recorderLogin(address).host;
