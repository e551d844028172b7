import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { readPlaylist } from '../../support/disks/vod.ts';

const CONFIG = `api: yes
hls: yes
playback: yes
authInternalUsers:
- user: any
  permissions: [{ action: read }]
- user: viewer
  pass: secret
  permissions: [{ action: read }, { action: playback, path: house/door }]
`;
const VIEWER = { authorization: `Basic ${Buffer.from('viewer:secret').toString('base64')}` };

describeWith(['ffmpeg'], 'the recording of a moment ago next to the live picture', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-rewind-'));
  let agent: Agent;
  let start = '';

  beforeAll(async () => {
    start = new Date(Date.now() - 300_000).toISOString();
    const name = `${start.slice(0, 10)}_${start.slice(11, 19).replaceAll(':', '-')}-000000.mp4`;
    const input = ['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=25', '-f', 'lavfi', '-i', 'sine=r=48000', '-t', '60'];
    const codecs = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '50', '-c:a', 'aac'];
    const shape = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'];
    for (const path of ['house/door', 'cellar']) {
      mkdirSync(join(dataDir, path), { recursive: true });
      const made = await runProcess('ffmpeg', [
        '-v',
        'error',
        ...input,
        ...codecs,
        ...shape,
        join(dataDir, path, name),
      ]);
      expect(made).toEqual({ code: 0, output: '' });
    }
    const paths = `paths:\n  all_others: { recordPath: '${dataDir}/%path/%Y-%m-%d_%H-%M-%S-%f' }\n`;
    agent = await startAgent({ dataDir, config: CONFIG + paths, env: { TZ: 'UTC' } });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** URLs on the main port, and on HLS's own port. */
  const places = (): string[] => [`${agent.url}/hls`, `http://127.0.0.1:${agent.ports.hls}`];

  test('rewind plays on both ports with the playback permission', async () => {
    for (const place of places()) {
      const url = `${place}/house/door/rewind.m3u8?back=600`;
      expect(
        await ffmpegWarnings([
          '-headers',
          `Authorization: ${VIEWER.authorization}\r\n`,
          '-live_start_index',
          '0',
          '-t',
          '40',
          '-i',
          url,
        ]),
      ).toBe('');
      const multivariant = await (await fetch(url, { headers: VIEWER })).text();
      const media = multivariant.trim().split('\n').at(-1) ?? '';
      const { tags, segments } = readPlaylist(
        await (await fetch(`${place}/house/door/${media}`, { headers: VIEWER })).text(),
      );
      expect(segments).toHaveLength(10);
      expect([tags.get('EXT-X-PLAYLIST-TYPE'), tags.has('EXT-X-ENDLIST')]).toEqual(['EVENT', false]);
      const resource = `${place}/house/door/${segments[0]?.uri}`;
      const range = { range: `bytes=${segments[0]?.start}-${(segments[0]?.end ?? 0) - 1}` };
      expect((await fetch(resource, { headers: { ...VIEWER, ...range } })).status).toBe(206);
      expect((await fetch(resource, { headers: range })).status).toBe(401);
    }
  });

  test.for([
    ['house/door/rewind.m3u8', false, 401],
    ['house/door/rewind_stream.m3u8?start=2026-07-01T12:00:00Z&target=6', false, 401],
    ['cellar/rewind.m3u8', true, 401],
    ['house/door/rewind.m3u8?back=10', true, 404],
    ['house/door/rewind.m3u8?back=0', true, 400],
    ['house/door/rewind.m3u8?back=86401', true, 400],
    ['house/door/rewind.m3u8?back=soon', true, 400],
    ['house/door/rewind_stream.m3u8', true, 400],
  ] as const)('%s (with a password: %s) is answered with %s', async ([address, isViewer, status]) => {
    for (const place of places()) {
      const headers = isViewer ? VIEWER : {};
      const answer = await fetch(`${place}/${address}`, { headers, redirect: 'manual' });
      expect(answer.status).toBe(status);
    }
  });

  test("periods and frames need the same permission, on the main port and on playback's own port", async () => {
    for (const place of [`${agent.url}/playback`, `http://127.0.0.1:${agent.ports.playback}`]) {
      for (const address of [`index.m3u8?start=${start}&duration=60`, `frame.mp4?time=${start}`]) {
        expect((await fetch(`${place}/house/door/${address}`)).status).toBe(401);
        expect((await fetch(`${place}/house/door/${address}`, { headers: VIEWER })).status).toBe(200);
        expect((await fetch(`${place}/cellar/${address}`, { headers: VIEWER })).status).toBe(401);
      }
    }
  });
});
