import { X509Certificate } from 'node:crypto';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { openNamespace } from '../../peers/host/namespace.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { certificate } from '../../support/cameras/channel-front.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const sourceFingerprint = new X509Certificate(certificate('camera').cert).fingerprint256.replaceAll(':', '');
/** 25 a second. */
const PICTURES = byLength(75, 1_000);

/** A checksum of each picture that ffmpeg decodes, and its warnings. */
async function decode(input: readonly string[]): Promise<{ pictures: string[]; complaints: string[] }> {
  const output = ['-an', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const said = await runProcess('ffmpeg', ['-nostdin', '-hide_banner', '-v', 'warning', ...input, ...output]);
  const lines = said.output.trim().split('\n');
  const pictures = lines.filter((line) => /^\d/.test(line)).map((line) => line.slice(-32));
  return { pictures, complaints: lines.filter((line) => !/^[\d#]/.test(line)) };
}

const pathWhen = (agent: Agent, name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
    return path && is(path) ? path : undefined;
  });

/** TLS next to plain RTSP, and `origin` for publishers. */
const startOrigin = (): Promise<Agent> =>
  startAgent({
    host: '0.0.0.0',
    config: `
api: yes
rtspEncryption: optional
rtspServerKey: ${TLS}/camera.key
rtspServerCert: ${TLS}/camera.crt
paths:
  origin:
`,
  });

/** Name of the path, scheme, rtspTransport, and the API's name of the transport. */
type SourceTransport = readonly [name: string, scheme: string, rtspTransport: string, transport: string];
const ALL_TRANSPORTS: readonly SourceTransport[] = [
  ['automatic', 'rtsp', 'automatic', 'TCP'],
  ['tcp', 'rtsp', 'tcp', 'TCP'],
  ['udp', 'rtsp', 'udp', 'UDP'],
  ['http', 'rtsp+http', 'automatic', 'TCP'],
  ['ws', 'rtsp+ws', 'automatic', 'TCP'],
  ['tls', 'rtsps', 'automatic', 'TCP'],
  ['tls-http', 'rtsps+http', 'automatic', 'TCP'],
  ['tls-ws', 'rtsps+ws', 'automatic', 'TCP'],
];
/** The transport that loses packets, and the one with all layers. */
const TRANSPORTS = inShort(ALL_TRANSPORTS, 'udp', 'tls-ws');

/** An agent that pulls `origin` over each transport, and records it. */
const pulling = (from: Agent, ip: string, transports: readonly SourceTransport[]): Promise<Agent> => {
  const path = ([name, scheme, rtspTransport]: SourceTransport) => {
    const isSecure = scheme.startsWith('rtsps');
    const source = `${scheme}://${ip}:${isSecure ? from.ports.rtsps : from.ports.rtsp}/origin`;
    const fingerprint = isSecure ? sourceFingerprint : '';
    return `  ${name}: { source: '${source}', sourceFingerprint: '${fingerprint}', rtspTransport: ${rtspTransport}, record: yes }\n`;
  };
  return startAgent({ config: `api: yes\npaths:\n${transports.map(path).join('')}` });
};

/** The published clip, and its start time. */
interface Published {
  readonly file: string;
  readonly sinceMs: number;
}

/** The clip's pictures that can have been published up to now. */
async function originals({ file, sinceMs }: Published): Promise<readonly string[]> {
  const seconds = Math.ceil((Date.now() - sinceMs) / 1000) + 1;
  return (await decode(['-t', `${seconds}`, '-i', file])).pictures;
}

/** Pulls and records for a while: the recording must be a piece of the clip, picture by picture. */
async function expectSamePictures(
  agent: Agent,
  transports: readonly SourceTransport[],
  published: Published,
): Promise<void> {
  for (const [name, , , transport] of transports) {
    const { tracks, sourceStatistics } = await pathWhen(agent, name, (path) => path.bytesReceived > PICTURES * 4_500);
    expect.soft({ name, tracks }).toEqual({ name, tracks: ['H264', 'MPEG-4 Audio'] });
    expect
      .soft({ name, ...sourceStatistics })
      .toMatchObject({ name, transport, lost: 0, late: 0, badPackets: 0, jumps: 0 });
  }
  await agent.process.stop('SIGINT');
  const original = await originals(published);
  for (const [name] of transports) {
    const [file = '', ...others] = globSync(join(agent.dataDir, `recordings/${name}/*.mp4`));
    expect.soft(others).toEqual([]);
    const { pictures, complaints } = await decode(['-i', file]);
    expect.soft({ name, complaints }).toEqual({ name, complaints: [] });
    expect.soft(pictures.length).toBeGreaterThanOrEqual(PICTURES);
    const first = original.indexOf(pictures[0] ?? '');
    expect.soft({ name, pictures }).toEqual({ name, pictures: original.slice(first, first + pictures.length) });
  }
}

describeWith(['ffmpeg'], 'an agent that pulls from another', () => {
  test('records the published pictures over every transport', async () => {
    const file = await smallClip(120);
    await using origin = await startOrigin();
    const sinceMs = Date.now();
    await using _publisher = await publishClip(origin, 'origin', file);
    await using agent = await pulling(origin, '127.0.0.1', TRANSPORTS);
    await expectSamePictures(agent, TRANSPORTS, { file, sinceMs });
  });
});

describeWith(['ffmpeg', 'namespaces'], 'an agent that pulls from another', () => {
  test('records the published pictures over multicast', async () => {
    const transports: readonly SourceTransport[] = [['multicast', 'rtsp', 'multicast', 'UDP-multicast']];
    const file = await smallClip(120);
    await using network = await openNamespace();
    await using origin = await startOrigin();
    const sinceMs = Date.now();
    await using _publisher = await publishClip(origin, 'origin', file);
    // Both are on this machine: the group leaves for that network and returns.
    await using agent = await pulling(origin, network.hostIp, transports);
    await expectSamePictures(agent, transports, { file, sinceMs });
  });
});
