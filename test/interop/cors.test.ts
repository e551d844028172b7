import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent.ts';

const NAMED = 'https://nas.example';
const STRANGER = 'https://evil.example';
const lists = ['api', 'playback', 'hls', 'webrtc'].map((name) => `${name}AllowOrigins: ['${NAMED}']`);
const CONFIG = ['api: yes', 'playback: yes', ...lists, 'paths: { demo: {} }', ''].join('\n');

let agent: Agent;
beforeAll(async () => {
  agent = await startAgent({ config: CONFIG });
});
afterAll(() => agent[Symbol.asyncDispose]());

const preflight = (url: string, origin: string, method: string): Promise<Response> =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'authorization',
    },
  });

test.for<[keyof Agent['ports'], string, string]>([
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
])('a page of a named origin may ask with a password, and no other: %s port, %s', async ([port, path, method]) => {
  const url = `http://127.0.0.1:${agent.ports[port]}${path}`;
  const named = await preflight(url, NAMED, method);
  expect(named.status).toBe(204);
  expect(named.headers.get('access-control-allow-origin')).toBe(NAMED);
  expect(named.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
  expect(named.headers.get('access-control-allow-methods')).toContain(method);
  expect(named.headers.get('access-control-allow-credentials')).toBeNull();
  const stranger = await preflight(url, STRANGER, method);
  expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
});
