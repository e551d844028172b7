import { once } from 'node:events';
import { connect } from 'node:net';
import { setupCodeOf } from '../../support/base/setup-code.ts';
import { type Agent, startAgent } from './agent.ts';

export const ATTACKED_PASSWORD = 'a kingfisher on a perch';
const CAMERA_PASSWORD = 'Tr0ub4dor-and-3';
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Perch with an owner, the camera `door` and the empty path `yard`, and requests as attackers send them. */
export interface AttackedAgent extends AsyncDisposable {
  readonly agent: Agent;
  /** Cookie of the owner's session. */
  readonly cookie: string;
  /** Secrets that only the owner knows. */
  readonly secrets: string[];
  readonly httpPorts: Readonly<Record<'main' | 'webrtc' | 'hls' | 'playback' | 'api', number>>;
  post(url: string, body: object | string, headers?: Record<string, string>, method?: string): Promise<Response>;
}

export async function startAttackedAgent(): Promise<AttackedAgent> {
  const door = `source: rtsp://admin:${CAMERA_PASSWORD}@127.0.0.1:9/door\n    sourceOnDemand: yes`;
  const agent = await startAgent({
    config: `perch: own\nreadTimeout: 2s\nplayback: yes\napi: yes\nlogLevel: debug\npaths:\n  door:\n    ${door}\n  yard:\n    source: publisher\n`,
  });
  const post: AttackedAgent['post'] = (url, body, headers = {}, method = 'POST') =>
    fetch(`${agent.url}${url}`, {
      method,
      headers: { ...JSON_TYPE, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const claimed = await post('/v3/claim', { password: ATTACKED_PASSWORD, setupCode: setupCodeOf(agent) });
  const { main, webrtc, hls, playback, api } = agent.ports;
  return {
    agent,
    cookie: cookiesOf(claimed),
    secrets: [ATTACKED_PASSWORD, CAMERA_PASSWORD, ...cookieValuesOf(claimed)],
    httpPorts: { main, webrtc, hls, playback, api },
    post,
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}

/** Cookies as a browser keeps them. */
export const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

export const cookieValuesOf = (response: Response): string[] =>
  response.headers.getSetCookie().map((text) => /=([^;]*)/.exec(text)?.[1] ?? '');

/** Sends a request verbatim, without a browser or library in between. */
export async function sendRaw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(request, 'latin1');
  await once(socket, 'close');
  return answer;
}

export const statusOf = (answer: string): number => Number(/^\S+ (\d{3})/.exec(answer)?.[1]);
