import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { flvHeader } from '../../../agent/servers/rtmp/flv-server.ts';
import { parseRtmpUrl } from '../../../agent/transports/rtmp/address.ts';
import { RtmpClient } from '../../../agent/transports/rtmp/client.ts';
import { cameraOf } from '../../../agent/transports/tls/peer.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { AV_PYTHON, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const SCRIPT = `${import.meta.dirname}/../../peers/clients/av-rtmp.py`;
const FOURCCS = 'hvc1,av01,vp09,Opus,fLaC,ac-3,ec-3';

const CASES = [
  ['libx264', 'aac', ['H264', 'MPEG-4 Audio']],
  ['libx265', 'libopus', ['H265', 'Opus']],
  ['libsvtav1', 'ac3', ['AV1', 'AC3']],
  ['libvpx-vp9', 'flac', ['VP9', 'FLAC']],
  ['libx264', 'eac3', ['H264', 'EAC3']],
  ['-', 'libmp3lame', ['MPEG-1/2 Audio']],
] as const;

const tracksOf = (agent: Agent): Promise<readonly string[]> =>
  until(async () => {
    const { tracks } = await agent.json<{ tracks: string[] }>('/v3/paths/get/cam').catch(() => ({ tracks: [] }));
    return tracks.length > 0 ? tracks : undefined;
  });

/** Name and decoded frames of each track. @param input a URL or a file */
async function decoded(input: string, fourCcs: string): Promise<readonly (readonly [codec: string, frames: number])[]> {
  const { code, output } = await runProcess(AV_PYTHON, [SCRIPT, 'read', input, fourCcs]);
  expect(`${code} ${output}`).toMatch(/^0 (?:.*\n)*\[\[/);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '[]');
}

/** Plays a stream as a client that takes several tracks of a kind. @returns as many messages as a file of FLV */
async function readAll(url: string, messages: number): Promise<Buffer> {
  const address = parseRtmpUrl(url, 'test');
  const client = new RtmpClient({ address, peer: cameraOf('cam'), fingerprint: '', timeoutMs: 5_000 }, systemClock);
  const parts = [flvHeader(true, true)];
  await client.play((type, timestamp, data, start, end) => {
    const head = Buffer.alloc(11);
    head.writeUInt8(type);
    head.writeUIntBE(end - start, 1, 3);
    head.writeUIntBE(timestamp & 0xff_ffff, 4, 3);
    head.writeUInt8(timestamp >>> 24, 7);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(head.length + end - start);
    parts.push(head, Buffer.from(data.subarray(start, end)), size);
  });
  // Header, body and size of each.
  await until(() => parts.length > 3 * messages || undefined);
  client.close();
  return Buffer.concat(parts);
}

describeWith(['av'], 'Enhanced RTMP with a current FFmpeg', () => {
  test.for(inShort(CASES, 'libx265', 'libvpx-vp9'))('%s and %s', async ([video, audio, tracks]) => {
    await using agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/cam`;
    const publisher = startProcess(AV_PYTHON, [SCRIPT, 'publish', url, video, audio, '30']);
    try {
      expect(await tracksOf(agent)).toEqual(tracks);
      const read = await decoded(url, FOURCCS);
      expect(read.length).toBe(tracks.length);
      expect(Math.min(...read.map(([, frames]) => frames))).toBeGreaterThanOrEqual(20);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });

  test('several tracks of a kind', async () => {
    await using agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    using folder = temporaryFolder();
    const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/cam`;
    const encoders = ['libx264,libx265', 'aac,libopus,aac'];
    const publisher = startProcess(AV_PYTHON, [SCRIPT, 'publish', url, ...encoders, '60']);
    try {
      expect(await tracksOf(agent)).toEqual(['H264', 'MPEG-4 Audio', 'H265', 'Opus', 'MPEG-4 Audio']);
      const { streams } = await ffprobe(agent.rtspUrl('cam'), ['-rtsp_transport', 'tcp']);
      expect(streams.map(({ codec_name: codec }) => codec)).toEqual(['h264', 'aac', 'hevc', 'opus', 'aac']);
      const file = join(folder.path, 'all.flv');
      writeFileSync(file, await readAll(url, 800));
      const read = await decoded(file, '');
      expect(read.map(([codec]) => codec).sort()).toEqual(['aac', 'aac', 'h264', 'hevc', 'opus']);
      expect(Math.min(...read.map(([, frames]) => frames))).toBeGreaterThanOrEqual(20);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});
