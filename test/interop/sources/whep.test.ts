// @also without-ffi in long

import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip, smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith, PYTHON } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { certificate } from '../../support/cameras/channel-front.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const fingerprint = new X509Certificate(certificate('camera').cert).fingerprint256.replaceAll(':', '');
const SERVER = join(import.meta.dirname, '../../peers/clients/aiortc-whep-server.py');
const SECONDS = 3;
/** Of a busy machine's first pictures ffmpeg guesses a frame rate that rounds several to one time, of which it writes one. */
const OWN_TIMES = ['-fps_mode', 'passthrough', '-enc_time_base:v', '1:90000'];

/** Checksums of a stream's samples, by ffmpeg. */
async function sums(input: readonly string[], output: readonly string[]): Promise<string[]> {
  const said = await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output, '-f', 'framemd5', '-']);
  return said.output
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => /[\da-f]{32}/.exec(line)?.[0] ?? '');
}

/** Whether `part` is a piece of `whole`, which ffmpeg repeats: only the end may be followed by something else than the next sample. */
function isPieceOf(part: readonly string[], whole: readonly string[]): boolean {
  const breaks = part.filter((sum, i) => i > 0 && whole.indexOf(sum) !== whole.indexOf(part[i - 1] ?? '') + 1);
  return part.every((sum) => whole.includes(sum)) && breaks.length <= 1;
}

describeWith(['ffmpeg'], 'a WHEP source', () => {
  let origin: Agent;
  let agent: Agent;
  let publisher: AsyncDisposable;
  let file: string;

  beforeAll(async () => {
    const input = await smallClip(4);
    file = await clip('whep-opus.mkv', ['-i', input, '-c:v', 'copy', '-c:a', 'libopus', '-b:a', '32k']);
    origin = await startAgent({
      config: `
api: yes
webrtcEncryption: yes
webrtcServerKey: ${TLS}/camera.key
webrtcServerCert: ${TLS}/camera.crt
authInternalUsers:
- { user: any, permissions: [{ action: publish }, { action: api }] }
- { user: far, pass: secret-token, permissions: [{ action: read }] }
paths:
  stage:
`,
    });
    publisher = await publishClip(origin, 'stage', file, { isEndless: true });
    const source = `source: 'wheps://127.0.0.1:${origin.ports.webrtc}/stage/whep'`;
    agent = await startAgent({
      config: `
api: yes
paths:
  far: { ${source}, sourceFingerprint: '${fingerprint}', whepBearerToken: 'far:secret-token' }
  mute: { ${source}, sourceFingerprint: '${fingerprint}', whepBearerToken: 'far:secret-token', audio: no }
  unpinned: { ${source}, whepBearerToken: 'far:secret-token' }
  refused: { ${source}, sourceFingerprint: '${fingerprint}', whepBearerToken: 'far:wrong-token' }
`,
    });
  });

  afterAll(async () => {
    for (const one of [agent, publisher, origin]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  const statusOf = (path: string) =>
    until(async () => {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${path}`).catch(() => undefined);
      return status?.ready ? status : undefined;
    });

  test('has the pictures and the audio of the server, unchanged', async () => {
    expect(await statusOf('far')).toMatchObject({ tracks: ['H264', 'Opus'], source: { type: 'webRTCSource', id: '' } });
    const input = ['-rtsp_transport', 'tcp', '-i', agent.rtspUrl('far'), '-t', String(SECONDS)];
    const pictures = ['-map', '0:v', ...OWN_TIMES];
    const seen = await sums(input, pictures);
    expect(seen.length).toBeGreaterThan(20 * SECONDS);
    expect(isPieceOf(seen, await sums(['-i', file], pictures))).toBe(true);
    const sound = ['-map', '0:a', '-c', 'copy'];
    const there = origin.rtspUrl('stage').replace('rtsp://', 'rtsp://far:secret-token@');
    const longer = ['-rtsp_transport', 'tcp', '-i', there, '-t', String(SECONDS + 4)];
    const [sent, heard] = await Promise.all([sums(longer, sound), sums(input, sound)]);
    expect(heard.length).toBeGreaterThan(40 * SECONDS);
    expect(isPieceOf(heard, sent)).toBe(true);
    expect(await agent.json<PathStatus>('/v3/paths/get/far')).toMatchObject({ inboundFramesInError: 0 });
  });

  test('asks for no audio with audio: no', async () => {
    expect(await statusOf('mute')).toMatchObject({ tracks: ['H264'] });
  });

  test('is rejected with a wrong certificate, and with a wrong token, which no log has', async () => {
    const log = () => agent.process.output();
    await agent.process.waitFor(/unpinned.*(self-signed|certificate)/s);
    await agent.process.waitFor(/refused.*the server answers 401/s);
    expect(log()).not.toContain('wrong-token');
    expect(log()).not.toContain('secret-token');
  });

  test('ends its session at the server', async () => {
    const sessions = () => origin.json<{ itemCount: number }>('/v3/webrtcsessions/list');
    expect((await sessions()).itemCount).toBe(2);
    await agent[Symbol.asyncDispose]();
    await until(async () => ((await sessions()).itemCount === 0 ? true : undefined));
  });
});

/** Full ICE, and the DTLS client: Perch's own server is neither. */
describeWith(['aiortc', 'ffmpeg'], 'a WHEP source of aiortc', () => {
  test('has decodable pictures and audio, and ends its session', async () => {
    const server = startProcess(PYTHON, [SERVER, await smallClip(4)]);
    try {
      const [, port] = await server.waitFor(/port (\d+)/);
      const source = `source: 'whep://127.0.0.1:${port}/whep'`;
      const config = `api: yes\npaths:\n  far: { ${source}, whepTrackGatherTimeout: 20s }\n`;
      const agent = await startAgent({ config });
      try {
        const status = await until(async () => {
          const path = await agent.json<PathStatus>('/v3/paths/get/far').catch(() => undefined);
          return path?.ready ? path : undefined;
        });
        expect(status).toMatchObject({ tracks: ['H264', 'Opus'], source: { type: 'webRTCSource' } });
        // aiortc encodes as many pictures per second as the machine is able to.
        const pictures = 30;
        const input = ['-rtsp_transport', 'tcp', '-i', agent.rtspUrl('far')];
        const seen = await sums(input, ['-map', '0:v', ...OWN_TIMES, '-frames:v', String(pictures)]);
        expect(seen).toHaveLength(pictures);
      } finally {
        await agent[Symbol.asyncDispose]();
      }
      await server.waitFor(/ended/);
    } finally {
      await server.stop();
    }
  });
});
