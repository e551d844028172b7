import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { serverCertificate, serverFingerprint } from '../../peers/agent/forwarding.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const SERVERS = ['rtsp', 'rtmp', 'hls', 'webrtc'] as const;
const SEEN = serverFingerprint.replaceAll(':', '').toLowerCase();
const WRONG = '0'.repeat(64);

describeWith(['ffmpeg'], 'the certificate of a server with a key of its own', () => {
  let origin: Agent;
  let agent: Agent;
  let publisher: AsyncDisposable;

  beforeAll(async () => {
    origin = await startAgent({ config: `api: yes\n${SERVERS.map(serverCertificate).join('')}paths:\n  stage:\n` });
    publisher = await publishClip(origin, 'stage', await smallClip(120), { isEndless: true });
    const { rtsps, rtmps, hls, webrtc } = origin.ports;
    const sources = {
      rtsps: `rtsps://127.0.0.1:${rtsps}/stage`,
      rtmps: `rtmps://127.0.0.1:${rtmps}/stage`,
      hls: `https://127.0.0.1:${hls}/stage/index.m3u8`,
      wheps: `wheps://127.0.0.1:${webrtc}/stage/whep`,
    };
    const paths = Object.entries(sources).flatMap(([name, source]) => [
      `  ${name}-right: { source: '${source}', sourceFingerprint: '${serverFingerprint}' }\n`,
      `  ${name}-wrong: { source: '${source}', sourceFingerprint: '${WRONG}' }\n`,
      `  ${name}-none: { source: '${source}' }\n`,
    ]);
    agent = await startAgent({ config: `api: yes\npaths:\n${paths.join('')}` });
  });

  afterAll(async () => {
    for (const one of [agent, publisher, origin]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  test.for([
    ['rtsps', 'camera'],
    ['rtmps', 'camera'],
    ['hls', 'server'],
    ['wheps', 'server'],
  ] as const)('of %s is accepted with its fingerprint only, and the error names it', async ([name, noun]) => {
    const remedy = (path: string) => `if it is your ${noun}, set sourceFingerprint of path '${path}' to ${SEEN}`;
    await until(async () => {
      const path = await agent.json<PathStatus>(`/v3/paths/get/${name}-right`).catch(() => undefined);
      return path?.ready || undefined;
    });
    for (const [kind, fault] of [
      ['wrong', `is not the one that sourceFingerprint of path '${name}-wrong' names`],
      ['none', 'has no trusted issuer (DEPTH_ZERO_SELF_SIGNED_CERT)'],
    ] as const) {
      const message = `the ${noun}'s certificate ${fault}; ${remedy(`${name}-${kind}`)}`;
      expect(await until(() => agent.process.output().includes(message) || undefined)).toBe(true);
      expect((await agent.json<PathStatus>(`/v3/paths/get/${name}-${kind}`)).ready).toBe(false);
    }
  });
});
