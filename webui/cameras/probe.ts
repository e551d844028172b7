import { fetchJson, RequestError } from '../api-client/request.ts';
import { urlOf } from '../api-client/urls.ts';
import { sleep } from '../shell/sleep.ts';
import type { CameraLogin } from './adoption.ts';
import type { Candidate } from './adoption-state.ts';

/** Progress of probing an address or range. */
export interface Probe {
  readonly id: string;
  readonly target: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly done: number;
  readonly total: number;
  readonly onvif: string | null;
  readonly rtsp: string | null;
  readonly sub: string | null;
  readonly makers: string | null;
  readonly error: string | null;
  readonly trouble: string | null;
}

interface ProbeRequest extends Partial<CameraLogin> {
  readonly target: string;
  readonly maker?: string;
}

const ASK_EVERY_MS = 500;

/** Probes until it ends. Abort cancels it on the device. */
export async function probeTarget(
  request: ProbeRequest,
  stop: AbortSignal,
  onProgress: (look: Probe) => void,
): Promise<Probe> {
  let look = await fetchJson<Probe>('v3/cameras/probe', { method: 'POST', body: request, signal: stop });
  const address = `v3/cameras/probe/${look.id}`;
  while (look.state === 'running') {
    onProgress(look);
    await sleep(ASK_EVERY_MS, stop);
    if (stop.aborted) {
      await fetchJson(address, { method: 'DELETE' }).catch(() => {});
      return look;
    }
    look = await fetchJson<Probe>(address).catch((error: unknown) => {
      if (error instanceof RequestError && error.status === 0) {
        return look;
      }
      throw error;
    });
  }
  return look;
}

/** The camera at an address; cameras of a range are among the discovered ones. */
export function candidateAt({ target, onvif, rtsp, sub, makers }: Probe, login: CameraLogin): Candidate | undefined {
  if (onvif !== null) {
    const request = { onvif, ...typed(login) };
    return { key: onvif, asked: onvif, request, title: target, text: '', address: target };
  }
  return rtsp === null ? undefined : streamCandidate(rtsp, sub ?? '', login, makers ?? '');
}

/** Without a password, the shared one applies. */
const typed = (login: CameraLogin): Partial<CameraLogin> => (login.password === '' ? {} : login);

/** A camera by its stream address; undefined if invalid. A login is removed from the address. */
export function streamCandidate(stream: string, small: string, login: CameraLogin, text = ''): Candidate | undefined {
  const url = streamUrl(stream);
  const hasSmall = small.trim() !== '';
  if (!url || (hasSmall && !streamUrl(small))) {
    return undefined;
  }
  const own = url.username === '' ? typed(login) : { user: plain(url.username), password: plain(url.password) };
  const rtsp = withoutLogin(stream);
  return {
    ...{ key: rtsp, asked: url.host, title: url.host, text: text || url.pathname, address: url.hostname },
    request: { rtsp, ...(hasSmall ? { sub: withoutLogin(small) } : {}), ...own },
  };
}

function streamUrl(text: string): URL | undefined {
  const url = urlOf(text.trim());
  return url && /^rtsps?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

/** As typed: a parsed URL would encode the braces of `{user}`. The login ends at the last @ before the first slash. */
const withoutLogin = (text: string): string => text.trim().replace(/^(rtsps?:\/\/)[^/]*@/i, '$1');

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
