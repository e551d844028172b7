import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';
import { freeUdpPair } from '../../support/base/free-port.ts';

const PASSPHRASE = 'long enough';
const OTHER = 'something else';
const USERS =
  'authInternalUsers:\n- user: any\n  permissions: [{action: read}, {action: publish, path: "~^[^s]"}, {action: api}]\n- user: tom\n  pass: secret\n  permissions: [{action: publish, path: studio}]\n';

interface SrtItem {
  readonly id: string;
  readonly path: string;
  readonly state: string;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly packetsReceivedUndecrypt: number;
}

describeWith(['ffmpeg', 'gstreamer', 'srt-tools'], 'SRT with libsrt', () => {
  const running: RunningProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'perch-srt-'));
  let agent: Agent;
  let listenerPort = 0;
  let clipFile = '';

  const start = (command: string, args: readonly string[]): RunningProcess => {
    const program = startProcess(command, args);
    running.push(program);
    return program;
  };
  const urlOf = (streamId: string, query = '') =>
    `srt://127.0.0.1:${agent.ports.rtsp}?streamid=${streamId}&latency=120${query}`;
  const feed = (url: string) =>
    start('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', clipFile, '-c', 'copy', '-f', 'mpegts', url],
    ]);
  const isReady = (path: string) =>
    until(async () => {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${path}`).catch(() => undefined);
      return status?.ready ? status : undefined;
    });
  const items = async () => (await agent.json<{ items: SrtItem[] }>('/v3/srtconns/list')).items;

  beforeAll(async () => {
    // Where ffmpeg begins a clip again, two pictures are closer than a frame.
    clipFile = await smallClip(120);
    [listenerPort] = await freeUdpPair();
    const secret = `{srtPublishPassphrase: ${PASSPHRASE}, srtReadPassphrase: ${PASSPHRASE}}`;
    const paths = [
      ...[
        `  aes128: ${secret}`,
        `  aes192: ${secret}`,
        `  aes256: ${secret}`,
        '  plain:',
        '  gst:',
        '  tool:',
        '  studio:',
      ],
      `  pulled: {source: 'srt://127.0.0.1:${listenerPort}?passphrase=${PASSPHRASE.replace(' ', '%20')}&latency=200&mode=listener'}`,
    ];
    agent = await startAgent({
      listen: ({ rtsp }) => ({ srtAddress: `127.0.0.1:${rtsp}` }),
      config: `api: yes\n${USERS}paths:\n${paths.join('\n')}\n`,
    });
    feed(`${urlOf('publish:plain')}&pkt_size=1316`);
    feed(`${urlOf('publish:studio:tom:secret#feedbackplay')}&pkt_size=1316`);
    for (const [path, bytes] of [
      ['aes128', 16],
      ['aes192', 24],
      ['aes256', 32],
    ] as const) {
      feed(`${urlOf(`publish:${path}`, `&passphrase=${PASSPHRASE}&pbkeylen=${bytes}`)}&pkt_size=1316`);
    }
    const picture = 'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1';
    const coded = `${picture} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! h264parse ! mpegtsmux alignment=7`;
    start('gst-launch-1.0', ['-q', ...coded.split(' '), '!', 'srtsink', `uri=${urlOf('publish:gst', '&mode=caller')}`]);
    // The standard form of stream IDs, through a program that only passes packets on.
    const [udpPort] = await freeUdpPair();
    start('srt-live-transmit', ['-q', `udp://127.0.0.1:${udpPort}`, urlOf('#!::m=publish,r=tool')]);
    feed(`udp://127.0.0.1:${udpPort}?pkt_size=1316`);
    feed(`srt://127.0.0.1:${listenerPort}?mode=listener&passphrase=${PASSPHRASE}&pbkeylen=24&pkt_size=1316`);
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    for (const program of running) {
      await program.stop('SIGKILL');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test.for(['plain', 'studio', 'aes128', 'aes192', 'aes256', 'gst', 'tool'])(
    '%s is published, and RTSP readers get it',
    async (path) => {
      const status = await isReady(path);
      expect(status.source?.type).toBe('srtConn');
      expect(
        await ffmpegWarnings([
          '-rtsp_transport',
          'tcp',
          '-i',
          agent.rtspUrl(path),
          '-t',
          '2',
          '-fps_mode',
          'passthrough',
        ]),
      ).toBe('');
      expect(await agent.json<PathStatus>(`/v3/paths/get/${path}`)).toMatchObject({ inboundFramesInError: 0 });
      const item = (await items()).find((one) => one.path === path && one.state === 'publish');
      expect(item).toMatchObject({ packetsReceivedUndecrypt: 0, packetsReceivedDrop: 0 });
      expect(item?.packetsReceived).toBeGreaterThan(20);
    },
  );

  test('a listener is pulled as a source', async () => {
    const status = await isReady('pulled');
    expect(status).toMatchObject({ source: { type: 'srtSource', id: '' } });
    expect([...status.tracks].sort()).toEqual(['H264', 'MPEG-4 Audio']);
  });

  test.for([
    ['plain', ''],
    ['aes128', `&passphrase=${PASSPHRASE}`],
    ['aes256', `&passphrase=${PASSPHRASE}&pbkeylen=32`],
  ] as const)('ffmpeg reads %s without a warning', async ([path, query]) => {
    await isReady(path);
    expect(await ffmpegWarnings(['-i', urlOf(`read:${path}`, query), '-t', '3', '-fps_mode', 'passthrough'])).toBe('');
  });

  test('srt-live-transmit and GStreamer read whole transport packets', async () => {
    await isReady('plain');
    const [byTool, byGst] = [join(folder, 'tool.ts'), join(folder, 'gst.ts')];
    const tool = start('sh', ['-c', 'exec srt-live-transmit -q "$0" file://con > "$1"', urlOf('read:plain'), byTool]);
    const gst = start('gst-launch-1.0', [
      '-q',
      'srtsrc',
      `uri=${urlOf('read:plain')}`,
      '!',
      'filesink',
      `location=${byGst}`,
    ]);
    for (const [program, file] of [
      [tool, byTool],
      [gst, byGst],
    ] as const) {
      await until(async () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 60_000 || undefined);
      await program.stop('SIGINT');
      const { streams } = await ffprobe(file);
      expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
    }
  });

  test.for([
    ['another passphrase', 'publish:aes128', `&passphrase=${OTHER}`],
    ['no passphrase', 'read:aes128', ''],
    ['a passphrase that is not expected', 'read:plain', `&passphrase=${PASSPHRASE}`],
    ['a path without a stream', 'read:nothing', ''],
    ['a stream ID of another form', 'nothing', ''],
  ] as const)('%s is rejected', async ([, streamId, query]) => {
    const before = (await items()).length;
    const { code } = await runProcess('ffprobe', ['-v', 'error', urlOf(streamId, query)]);
    expect(code).not.toBe(0);
    // libsrt gives up after 3 s, on a busy machine before the answer to a wrong passphrase, which waits up to 2.5 s.
    await until(async () => (await items()).length <= before || undefined);
  });

  test('a kicked publisher comes back when its program connects again', async () => {
    await isReady('tool');
    const item = (await items()).find((one) => one.path === 'tool');
    const { status } = await fetch(`http://127.0.0.1:${agent.ports.api}/v3/srtconns/kick/${item?.id}`, {
      method: 'POST',
    });
    expect(status).toBe(200);
    await until(async () => (await items()).every(({ id }) => id !== item?.id) || undefined);
  });
});
