import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { freePorts } from '../../support/base/free-port.ts';

const NAMED = 'https://nas.example';
const STRANGER = 'https://evil.example';
/** With separate ports next to those that are always open. */
const SERVERS = ['api', 'playback', 'metrics', 'pprof'];
const switches = SERVERS.map((name) => `${name}: yes\n`).join('');
const lists = [...SERVERS, 'hls', 'webrtc'].map((name) => `${name}AllowOrigins: ['${NAMED}']\n`).join('');
const PATHS = 'paths: { demo: {} }\n';

type PortName = keyof Agent['ports'] | 'metrics' | 'pprof';

let agents: readonly Agent[];
let more: { readonly metrics: number; readonly pprof: number };
beforeAll(async () => {
  const [metrics = 0, pprof = 0] = await freePorts(2);
  more = { metrics, pprof };
  const listen = () => ({ metricsAddress: `127.0.0.1:${metrics}`, pprofAddress: `127.0.0.1:${pprof}` });
  agents = await Promise.all([
    startAgent({ config: switches + lists + PATHS, listen }),
    // One list for all ports, as in older files.
    startAgent({ config: `allowOrigin: '${NAMED}'\n${PATHS}` }),
  ]);
});
afterAll(async () => {
  for (const agent of agents) {
    await agent[Symbol.asyncDispose]();
  }
});

const preflight = (url: string, origin: string, method: string): Promise<Response> =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'authorization',
    },
  });

test.for<[PortName, string, string]>([
  ['main', '/v3/paths/list', 'GET'],
  ['main', '/playback/list', 'GET'],
  ['main', '/hls/demo/index.m3u8', 'GET'],
  ['main', '/webrtc/demo/whep', 'POST'],
  ['api', '/v3/paths/list', 'GET'],
  ['api', '/v3/config/global/patch', 'PATCH'],
  ['playback', '/list', 'GET'],
  ['playback', '/get', 'GET'],
  ['hls', '/demo/index.m3u8', 'GET'],
  ['webrtc', '/demo/whep', 'POST'],
  ['webrtc', '/demo/whip', 'POST'],
  ['main', '/index/api/webrtc', 'POST'],
  ['main', '/index/api/getMediaList', 'GET'],
  ['webrtc', '/index/api/whep', 'POST'],
  ['main', '/metrics', 'GET'],
  ['main', '/debug/pprof/', 'GET'],
  ['metrics', '/metrics', 'GET'],
  ['pprof', '/debug/pprof/heap', 'GET'],
])('a page of a named origin may ask with a password, and no other: %s port, %s', async ([port, path, method]) => {
  const own = { ...agents[0]?.ports, ...more }[port];
  // The other agent has only the main port.
  const ports = port === 'main' ? agents.map(({ ports: { main } }) => main) : [own];
  for (const number of ports) {
    const url = `http://127.0.0.1:${number}${path}`;
    const named = await preflight(url, NAMED, method);
    expect(named.status).toBe(204);
    expect(named.headers.get('access-control-allow-origin')).toBe(NAMED);
    expect(named.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
    expect(named.headers.get('access-control-allow-methods')).toContain(method);
    expect(named.headers.get('access-control-allow-credentials')).toBeNull();
    const stranger = await preflight(url, STRANGER, method);
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
  }
});
