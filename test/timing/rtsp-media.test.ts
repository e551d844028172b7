import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RtspSessionItem } from '../../agent/servers/rtsp/session/session-kinds.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { clip, smallClip } from '../peers/cameras/camera.ts';
import { openNamespace } from '../peers/host/namespace.ts';
import { ffmpegWarnings, packetTimes } from '../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../peers/programs/gstreamer.ts';
import { byLength, describeWith, inLong } from '../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../peers/programs/process.ts';
import { temporaryFolder } from '../support/disks/recordings.ts';

const PATHS = 'paths:\n  all_others:\n';
const SECONDS = byLength(3, 30);
const PICTURES = 25 * SECONDS;

/** Key frames of some megabytes, each followed by pictures of next to nothing: far more than a socket holds. */
const largeKeys = (): Promise<string> =>
  clip('noisy-keys-20.mp4', [
    ...['-f', 'lavfi', '-i', 'color=gray:s=1920x1080:r=25,noise=alls=50'],
    ...['-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25', '-filter_complex', '[0][1]overlay', '-t', '20'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '100', '-bf', '0', '-sc_threshold', '0', '-qp', '12'],
    ...['-pix_fmt', 'yuv420p'],
  ]);

/** Key frames of some hundred kilobytes, and more in the group after each. */
const largeGroups = (): Promise<string> =>
  clip('large-keys-60.mp4', [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=1920x1080:r=25,noise=alls=20:allf=t', '-t', '60'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '100', '-bf', '0', '-sc_threshold', '0', '-b:v', '6M'],
    ...['-pix_fmt', 'yuv420p'],
  ]);

interface Publishing extends AsyncDisposable {
  readonly process: RunningProcess;
}

const sessions = async (agent: Agent, state: string): Promise<readonly RtspSessionItem[]> => {
  const { items } = await agent.json<{ items: RtspSessionItem[] }>('/v3/rtspsessions/list');
  return items.filter((session) => session.state === state);
};

const isReady = (agent: Agent, name: string): Promise<true> =>
  until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${name}`).catch(() => ({ ready: false }));
    return ready ? true : undefined;
  });

function publishing(process: RunningProcess): Publishing {
  return {
    process,
    async [Symbol.asyncDispose]() {
      await process.stop('SIGKILL');
    },
  };
}

async function publish(agent: Agent, name: string, file: string, transport: 'tcp' | 'udp'): Promise<Publishing> {
  const output = ['-f', 'rtsp', '-rtsp_transport', transport, agent.rtspUrl(name)];
  const running = startProcess('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-i', file, '-c', 'copy', ...output]);
  await isReady(agent, name);
  return publishing(running);
}

/** A group of large pictures has begun: a reader gets all of it. */
const underWay = (agent: Agent, packets: number): Promise<true> =>
  until(async () => {
    const [session] = await sessions(agent, 'publish');
    return (session?.inboundRTPPackets ?? 0) > packets ? true : undefined;
  });

const VIDEO = ['!', 'application/x-rtp,media=video', '!', 'rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!'];

/** Arguments of GStreamer to decode this many pictures, then end. */
const gstreamerReads = (url: string, protocols: string, pictures: number): string[] => [
  ...['-q', 'rtspsrc', `location=${url}`, `protocols=${protocols}`, 'latency=200', ...VIDEO],
  ...['identity', `eos-after=${pictures}`, '!', 'fakesink', 'sync=false'],
];

/** @returns what a program had to say: nothing, when all is well */
async function complaints(command: string, args: readonly string[]): Promise<string> {
  const { code, output } = await runProcess(command, args);
  return gstreamerSaid(code, output);
}

const udp = (url: string, seconds: number) => ['-rtsp_transport', 'udp', '-i', url, '-t', `${seconds}`];

describeWith(['ffmpeg', 'gstreamer'], 'RTSP over UDP', () => {
  test('a stream published by ffmpeg over UDP is read by ffmpeg and GStreamer over UDP without loss', async () => {
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'cam', await smallClip(120), 'udp');
    const url = agent.rtspUrl('cam');
    const reading = ffmpegWarnings(udp(url, SECONDS));
    const [session] = await until(async () => {
      const found = await sessions(agent, 'read');
      return found[0]?.outboundRTPPackets ? found : undefined;
    });
    expect(session).toMatchObject({ path: 'cam', transport: 'UDP', profile: 'AVP' });
    expect(await reading).toBe('');
    expect(await complaints('gst-launch-1.0', gstreamerReads(url, 'udp', PICTURES))).toBe('');
    expect(await sessions(agent, 'publish')).toMatchObject([
      { path: 'cam', transport: 'UDP', inboundRTPPacketsLost: 0, inboundRTPPacketsInError: 0 },
    ]);
    await until(async () => ((await sessions(agent, 'read')).length === 0 ? true : undefined));
  });

  test('key frames that are larger than sockets come whole over UDP, from the first on', async () => {
    using folder = temporaryFolder();
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'large', await largeKeys(), 'tcp');
    await underWay(agent, 2_500);
    // Written as it arrives, into a socket of a busy machine, which takes longer next to other suites.
    const file = join(folder.path, 'read.h264');
    const socket = `udp-buffer-size=${byLength(1 << 21, 1 << 19)}`;
    const read = ['rtspsrc', `location=${agent.rtspUrl('large')}`, 'protocols=udp', socket];
    const bytes = ['rtph264depay', '!', 'h264parse', '!', 'video/x-h264,stream-format=byte-stream,alignment=au', '!'];
    const sink = ['identity', 'eos-after=125', '!', 'filesink', `location=${file}`];
    expect(await complaints('gst-launch-1.0', ['-q', ...read, '!', ...bytes, ...sink])).toBe('');
    expect(await ffmpegWarnings(['-probesize', '64M', '-f', 'h264', '-i', file])).toBe('');
    const keys = (await packetTimes(file, 'v:0')).filter(({ isKey }) => isKey);
    expect(keys.length).toBeGreaterThanOrEqual(2);
  });

  inLong(() =>
    test('ffmpeg with its default socket buffer reads a GOP of large pictures completely over UDP', async () => {
      await using agent = await startAgent({ config: PATHS });
      await using _publisher = await publish(agent, 'large', await largeGroups(), 'tcp');
      await underWay(agent, 700);
      expect(await ffmpegWarnings(udp(agent.rtspUrl('large'), SECONDS + 3))).toBe('');
    }),
  );

  test('GStreamer publishes over UDP, and ffmpeg reads it', async () => {
    await using agent = await startAgent({ config: PATHS });
    const camera = ['videotestsrc', 'is-live=true', '!', 'video/x-raw,width=320,height=240,framerate=25/1', '!'];
    const coder = ['x264enc', 'tune=zerolatency', 'key-int-max=25', '!', 'rtspclientsink', 'protocols=udp'];
    const sender = startProcess('gst-launch-1.0', ['-q', ...camera, ...coder, `location=${agent.rtspUrl('gst')}`]);
    await using publisher = publishing(sender);
    await isReady(agent, 'gst');
    expect(await ffmpegWarnings(udp(agent.rtspUrl('gst'), SECONDS))).toBe('');
    await publisher.process.stop('SIGINT');
    await until(async () => ((await sessions(agent, 'publish')).length === 0 ? true : undefined));
  });
});

describeWith(['ffmpeg', 'gstreamer', 'namespaces'], 'RTSP by multicast', () => {
  test('two players in another network read the same packets, and the sender leaves with the last', async () => {
    await using network = await openNamespace();
    // Players join groups in the network that the route leads to.
    await runProcess('ip', ['-n', network.name, 'route', 'replace', 'default', 'via', network.hostIp]);
    await using agent = await startAgent({ config: PATHS, host: '0.0.0.0' });
    await using _publisher = await publish(agent, 'cam', await smallClip(120), 'tcp');
    const url = agent.rtspUrl('cam').replace('127.0.0.1', network.hostIp);
    const there = (command: string, args: readonly string[]) =>
      complaints('ip', ['netns', 'exec', network.name, command, ...args]);
    const first = there('gst-launch-1.0', gstreamerReads(url, 'udp-mcast', PICTURES * 2));
    await until(async () => ((await sessions(agent, 'read'))[0]?.outboundRTPPackets ? true : undefined));
    const input = ['-nostdin', '-hide_banner', '-v', 'error', '-rtsp_transport', 'udp_multicast', '-i', url];
    const second = there('ffmpeg', [...input, '-t', `${SECONDS}`, '-f', 'null', '-']);
    const both = await until(async () => {
      const found = await sessions(agent, 'read');
      return found.length === 2 && found.every(({ outboundRTPPackets }) => outboundRTPPackets > 0) ? found : undefined;
    });
    expect(both.map(({ transport }) => transport)).toEqual(['UDP-multicast', 'UDP-multicast']);
    expect(await first).toBe('');
    // It joins in the middle of a group, and reports it until the next key frame.
    expect(await second).not.toContain('ended with');
    await until(async () => ((await sessions(agent, 'read')).length === 0 ? true : undefined));
  });
});
