import type { ProbeAnswer } from '../../api-client/api-types.ts';
import { follow } from '../../api-client/follow.ts';
import { fetchJson } from '../../api-client/request.ts';
import type { CameraLogin } from './adoption.ts';
import type { Candidate } from './adoption-state.ts';
import { titleOf } from './discovery.ts';
import { parseTyped, streamTitle, type TypedAddress } from './typed-address.ts';

interface ProbeRequest extends Partial<CameraLogin> {
  readonly target: string;
  readonly maker?: string;
}

/** Probes until it ends. Abort cancels it on the box. */
export async function probeTarget(
  request: ProbeRequest,
  stop: AbortSignal,
  onProgress: (look: ProbeAnswer) => void,
): Promise<ProbeAnswer> {
  let look = await fetchJson<ProbeAnswer>('v3/cameras/probe', { method: 'POST', body: request, signal: stop });
  const address = `v3/cameras/probe/${look.id}`;
  const take = (answer: ProbeAnswer): boolean => {
    look = answer;
    onProgress(look);
    return look.state !== 'running';
  };
  if (!take(look)) {
    await follow(() => fetchJson<ProbeAnswer>(address), take, stop);
  }
  if (stop.aborted) {
    await fetchJson(address, { method: 'DELETE' }).catch(() => {});
  }
  return look;
}

/** The camera at an address; cameras of a range are among the discovered ones. */
export function candidateAt(
  { target, onvif, rtsp, sub, makers, ...claims }: ProbeAnswer,
  login: CameraLogin,
): Candidate | undefined {
  if (onvif !== null) {
    return { ...onvifCandidate(onvif, target, login), ...titleOf(claims, [target], target) };
  }
  const stream = rtsp === null ? undefined : streamCandidate(rtsp, sub ?? '', login);
  const [maker] = makers?.split(/[,(]/) ?? [];
  return stream && { ...stream, title: [maker?.trim(), stream.address].filter(Boolean).join(' '), text: makers ?? '' };
}

export const onvifCandidate = (onvif: string, address: string, login: CameraLogin): Candidate => ({
  key: onvif,
  title: address,
  text: '',
  address,
  request: { onvif, ...typed(login) },
});

/**
 * A camera that is identified again when it is added, because its owner decides whether its password may be sent
 * unencrypted.
 */
export const addressCandidate = (target: string, login: CameraLogin): Candidate => ({
  key: target,
  title: target,
  text: '',
  address: target,
  request: { address: target, ...typed(login) },
});

/** Without a password, the shared one applies. */
const typed = (login: CameraLogin): Partial<CameraLogin> => (login.password === '' ? {} : login);

/** @param came what its test has shown */
export const sourceCandidate = (
  { text, title }: Extract<TypedAddress, { kind: 'source' }>,
  rtpSDP: string,
  came: string,
): Candidate => ({
  key: text,
  title,
  text: came,
  address: '',
  request: { source: text, title, ...(rtpSDP === '' ? {} : { rtpSDP }) },
});

/** A camera by its stream address; undefined if invalid. A login is removed from the address. */
export function streamCandidate(stream: string, small: string, login: CameraLogin): Candidate | undefined {
  const [main, sub] = [parseTyped(stream), parseTyped(small)];
  const hasSmall = small.trim() !== '';
  if (main?.kind !== 'stream' || (hasSmall && sub?.kind !== 'stream')) {
    return undefined;
  }
  const { text: rtsp, url } = main;
  const title = streamTitle(url);
  return {
    key: rtsp,
    title,
    text: url.host + url.pathname,
    address: url.hostname,
    request: { rtsp, ...(hasSmall && sub ? { sub: sub.text } : {}), title, ...(main.login ?? typed(login)) },
  };
}
