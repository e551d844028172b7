import { expect, test } from 'vitest';
import type { RtspSessionItem } from '../../agent/servers/rtsp/session/session-kinds.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { clip, smallClip } from '../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { isOwnFault } from '../peers/programs/gstreamer.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../peers/programs/process.ts';

const TCP = ['-rtsp_transport', 'tcp'];
const PATHS = 'paths:\n  all_others:\n';
const READER = `
authInternalUsers:
  - user: any
    permissions: [{ action: publish }, { action: api }]
  - user: tom
    pass: blue:heron 7
    permissions: [{ action: read }]
`;

const ENDINGS = [
  ['?token=a/b&x=1', 'a query with a slash'],
  ['/', 'a closing slash'],
] as const;

/** A key frame every ten seconds only. */
const rareKeys = (): Promise<string> =>
  clip('rare-keys-60.mp4', [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25', '-t', '60'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '250', '-bf', '0', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
  ]);

interface Publishing extends AsyncDisposable {
  readonly process: RunningProcess;
}

async function publish(agent: Agent, name: string, file: string): Promise<Publishing> {
  const input = ['-nostdin', '-v', 'error', '-re', '-i', file, '-c', 'copy', '-f', 'rtsp', ...TCP];
  const running = startProcess('ffmpeg', [...input, agent.rtspUrl(name)]);
  await until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${name}`).catch(() => ({ ready: false }));
    return ready ? true : undefined;
  });
  return {
    process: running,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

const sessions = async (agent: Agent, state: string): Promise<readonly RtspSessionItem[]> => {
  const { items } = await agent.json<{ items: RtspSessionItem[] }>('/v3/rtspsessions/list');
  return items.filter((session) => session.state === state);
};

/** Decodes this many pictures, then ends. @returns what GStreamer had to say: nothing, when all is well */
async function gstreamerReads(url: string, pictures: number, properties: readonly string[] = []): Promise<string> {
  const source = ['rtspsrc', `location=${url}`, 'protocols=tcp', 'latency=200', ...properties];
  const decoder = ['rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!', 'identity', `eos-after=${pictures}`];
  const args = ['-q', ...source, '!', 'application/x-rtp,media=video', '!', ...decoder, '!', 'fakesink', 'sync=false'];
  let said = '';
  for (let run = 0; run < 3; run += 1) {
    const { code, output } = await runProcess('gst-launch-1.0', args);
    said = code === 0 ? output.trim() : `ended with ${code}: ${output.trim()}`;
    if (!isOwnFault(said)) {
      break;
    }
  }
  return said;
}

describeWith(['ffmpeg', 'gstreamer'], 'the RTSP server', () => {
  test.concurrent('ffprobe, ffmpeg and GStreamer read over TCP what ffmpeg publishes, and the API lists them', async () => {
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'cam', await smallClip(120));
    const url = agent.rtspUrl('cam');
    const { streams, warnings } = await ffprobe(url, TCP);
    expect(streams.map(({ codec_name, width }) => `${codec_name} ${width ?? ''}`.trim())).toEqual(['h264 640', 'aac']);
    expect(warnings).toBe('');
    expect(await ffmpegWarnings([...TCP, '-i', url, '-t', byLength('1', '3')])).toBe('');
    expect(await gstreamerReads(url, byLength(25, 60))).toBe('');

    const reader = startProcess('ffmpeg', ['-nostdin', '-v', 'error', ...TCP, '-i', url, '-f', 'null', '-']);
    const [session] = await until(async () => {
      const reading = await sessions(agent, 'read');
      return reading[0] && reading[0].outboundRTPPackets > 50 ? reading : undefined;
    });
    expect(session).toMatchObject({ path: 'cam', transport: 'TCP', profile: 'AVP', outboundRTPPacketsDiscarded: 0 });
    expect(session?.userAgent).toMatch(/^Lavf/);
    expect(await sessions(agent, 'publish')).toMatchObject([{ path: 'cam', inboundRTPPacketsLost: 0 }]);
    await fetch(`${agent.url}/v3/rtspsessions/kick/${session?.id}`, { method: 'POST' });
    await reader.exited;
    await until(async () => ((await sessions(agent, 'read')).length === 0 ? true : undefined));
  });

  test.concurrent('a reader begins with a key frame of the past, not with the next', async () => {
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'rare', await rareKeys());
    // Past the first key frame, long before the second.
    await until(async () => {
      const [session] = await sessions(agent, 'publish');
      return (session?.inboundRTPPackets ?? 0) > 50 ? true : undefined;
    });
    const url = agent.rtspUrl('rare');
    const { code, output } = await runProcess('ffprobe', [
      ...['-v', 'error', ...TCP, '-read_intervals', '%+#60', '-show_entries', 'packet=flags', '-of', 'csv=p=0', url],
    ]);
    expect(code).toBe(0);
    const flags = output.trim().split('\n');
    // Readers with FFmpeg's library get one placeholder ahead of it.
    expect(flags.slice(0, 5).join(' ')).toMatch(/^_[^K]*K/);
    expect(flags.filter((flag) => flag.startsWith('K'))).toHaveLength(1);
    expect(flags.length).toBeGreaterThanOrEqual(60);
  });

  test.concurrent('audio and video keep their offset for a late reader', async () => {
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'cam', await smallClip(120));
    const url = agent.rtspUrl('cam');
    const { code, output } = await runProcess('ffprobe', [
      ...['-v', 'error', ...TCP, '-read_intervals', '%+#100', '-show_entries', 'packet=codec_type,pts_time'],
      ...['-of', 'csv=p=0', url],
    ]);
    expect(code).toBe(0);
    const rows = output
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    const last = (kind: string) => Number(rows.filter(([type]) => type === kind).at(-1)?.[1]);
    // They are sent as they were made, so that the newest of both are of about the same moment.
    expect(Math.abs(last('video') - last('audio'))).toBeLessThan(0.2);
  });

  test.concurrent.for(inShort(ENDINGS, '?token=a/b&x=1'))('URLs with %s', async ([suffix]) => {
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'house/door', await smallClip(120));
    const url = `${agent.rtspUrl('house/door')}${suffix}`;
    expect(await ffmpegWarnings([...TCP, '-i', url, '-t', '1'])).toBe('');
    expect(await gstreamerReads(url, 20)).toBe('');
  });

  test.concurrent.for(inShort([['basic'], ['digest'], ['basic, digest']], 'basic, digest'))(
    'names and passwords are requested with %s',
    async ([methods]) => {
      await using agent = await startAgent({ config: `rtspAuthMethods: [${methods}]\n${READER}${PATHS}` });
      await using _publisher = await publish(agent, 'cam', await smallClip(120));
      const url = agent.rtspUrl('cam');
      const known = url.replace('//', '//tom:blue%3Aheron%207@');
      expect(await ffmpegWarnings([...TCP, '-i', known, '-t', '1'])).toBe('');
      const said = await gstreamerReads(url, 20, ['user-id=tom', 'user-pw=blue:heron 7']);
      expect(said, agent.process.output()).toBe('');
      expect(await ffmpegWarnings([...TCP, '-i', url, '-t', '1'])).toContain('401 Unauthorized');
      expect(await ffmpegWarnings([...TCP, '-i', url.replace('//', '//tom:x@'), '-t', '1'])).toContain('401');
      expect(agent.process.output()).toContain('failed to authenticate');
      expect(agent.process.output()).not.toContain('heron');
    },
  );

  test.concurrent('GStreamer publishes over TCP, and ffmpeg reads it', async () => {
    await using agent = await startAgent({ config: PATHS });
    const camera = ['videotestsrc', 'is-live=true', '!', 'video/x-raw,width=320,height=240,framerate=25/1', '!'];
    const coder = ['x264enc', 'tune=zerolatency', 'key-int-max=25', '!', 'rtspclientsink', 'protocols=tcp'];
    const publisher = startProcess('gst-launch-1.0', ['-q', ...camera, ...coder, `location=${agent.rtspUrl('gst')}`]);
    await until(async () => ((await sessions(agent, 'publish'))[0]?.inboundRTPPackets ? true : undefined));
    const warnings = await until(async () => {
      const said = await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('gst'), '-t', '1']);
      return said.includes('404') ? undefined : said;
    });
    expect(warnings).toBe('');
    await publisher.stop('SIGINT');
    await until(async () => ((await sessions(agent, 'publish')).length === 0 ? true : undefined));
  });

  test.concurrent('an idle path and an unknown path have different errors', async () => {
    await using agent = await startAgent({ config: 'paths:\n  empty:\n' });
    expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('empty')])).toContain('404 Not Found');
    expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('unknown')])).toContain('400 Bad Request');
  });
});
