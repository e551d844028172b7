import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RTCPeerConnection, RTCRtpCodecParameters, useH264, useOPUS } from 'werift';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { barClip, TINY } from '../peers/cameras/bar-clip.ts';
import { AV_PYTHON, byLength, describeWith, inLong, inShort, PYTHON } from '../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../peers/programs/process.ts';
import { freeUdpPort } from '../support/base/free-udp-port.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/compatibility.md');
const [START, END] = ['<!-- matrix -->', '<!-- end of the matrix -->'];
const READERS = ['RTSP', 'RTMP', 'SRT', 'WHEP', 'HLS', 'FLV', 'live fMP4', 'recording'] as const;
type Reader = (typeof READERS)[number];
/** Codecs, audio last; a dash: none. */
type Cells = Partial<Readonly<Record<Reader, string>>>;
type Protocol = 'RTSP' | 'RTMP' | 'SRT' | 'TS over UDP' | 'WHIP';

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=15'];
const AUDIO = (rateHz: number) => ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${rateHz}`];
/** ffmpeg's encoders by codec. A key frame each second. */
const ENCODERS: Readonly<Record<string, readonly string[]>> = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '15'],
  h265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=0', '-g', '15'],
  vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '15'],
  // RTP of VP9 is experimental in ffmpeg 5.1.
  vp9: ['-strict', 'experimental', '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '15'],
  mpeg2: ['-c:v', 'mpeg2video', '-g', '15', '-bf', '0'],
  mpeg4: ['-c:v', 'mpeg4', '-g', '15'],
  mjpeg: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-huffman', 'default'],
  aac: ['-c:a', 'aac'],
  opus: ['-c:a', 'libopus'],
  mp3: ['-c:a', 'libmp3lame'],
  ac3: ['-c:a', 'ac3'],
  g711: ['-c:a', 'pcm_alaw'],
  g722: ['-c:a', 'g722', '-ac', '1'],
  lpcm: ['-c:a', 'pcm_s16be'],
};
type Publication = readonly [Protocol, video: string, audio: string];
/** Codecs that ffmpeg 5.1, aiortc and, over Enhanced RTMP and for AV1, a current FFmpeg can send. */
const PUBLICATIONS: readonly Publication[] = [
  ['RTSP', 'h264', 'aac'],
  ['RTSP', 'h265', 'opus'],
  ['RTSP', 'vp8', 'opus'],
  ['RTSP', 'vp9', 'opus'],
  ['RTSP', 'mpeg4', 'mp3'],
  ['RTSP', 'mjpeg', 'g711'],
  ['RTSP', 'h264', 'mp3'],
  ['RTSP', 'av1', 'opus'],
  ['RTSP', 'h264', 'g722'],
  ['RTSP', 'h264', 'lpcm'],
  ['RTMP', 'h264', 'aac'],
  ['RTMP', 'h264', 'mp3'],
  ['RTMP', 'h264', 'g711'],
  ['RTMP', 'h265', 'opus'],
  ['RTMP', 'vp9', 'flac'],
  ['RTMP', 'av1', 'ac3'],
  ['SRT', 'h264', 'aac'],
  ['SRT', 'h265', 'opus'],
  ['SRT', 'mpeg4', 'mp3'],
  ['SRT', 'h264', 'ac3'],
  ['SRT', 'mpeg2', 'aac'],
  ['TS over UDP', 'h264', 'aac'],
  ['TS over UDP', 'h265', 'opus'],
  ['TS over UDP', 'mpeg4', 'mp3'],
  ['TS over UDP', 'h264', 'ac3'],
  ['TS over UDP', 'mpeg2', 'aac'],
  ['WHIP', 'h264', 'opus'],
  ['WHIP', 'vp8', 'opus'],
  ['WHIP', 'h264', 'g711'],
];
/**
 * In the short length, with their readers: each codec from each protocol that carries it here, each codec and each protocol to each reader.
 * Where another publication has the same codecs for the other readers, one reader shows that the publisher's arrive.
 */
const SHORT: Readonly<Record<string, readonly Reader[]>> = {
  // SRT has AAC with MPEG-2 video here, which WHEP does not carry. Most players read H.264 with AAC over HLS.
  'RTSP h264 aac': ['RTSP', 'WHEP', 'HLS'],
  'RTSP h265 opus': READERS,
  'RTSP mpeg4 mp3': READERS,
  'RTSP mjpeg g711': READERS,
  'RTSP h264 g722': READERS,
  'RTMP h264 aac': ['RTMP'],
  'RTMP vp9 flac': READERS,
  'RTMP av1 ac3': READERS,
  'SRT h265 opus': ['RTSP'],
  'SRT mpeg2 aac': READERS,
  'TS over UDP h264 ac3': READERS,
  'WHIP vp8 opus': READERS,
  'WHIP h264 g711': ['RTSP', 'WHEP'],
};
/** Encoders of the current FFmpeg. */
const ENHANCED: Readonly<Record<string, string>> = {
  ...{ h265: 'libx265-plain', vp9: 'libvpx-vp9', av1: 'libsvtav1', opus: 'libopus', flac: 'flac', ac3: 'ac3' },
};
const AV_SCRIPT = join(import.meta.dirname, '../peers/clients/av-rtmp.py');
const FOURCCS = 'hvc1,av01,vp09,Opus,fLaC,ac-3';
/** ffprobe's names that differ. */
const NAMES: Readonly<Record<string, string>> = {
  hevc: 'h265',
  mpeg2video: 'mpeg2',
  pcm_alaw: 'g711',
  pcm_mulaw: 'g711',
  adpcm_g722: 'g722',
  pcm_s16be: 'lpcm',
  mp2: 'mp3',
};
/** Other rates than 48 kHz. */
const RATES_HZ: Readonly<Record<string, number>> = { g711: 8_000, g722: 16_000 };
const AUDIO_CODECS = new Set(['aac', 'opus', 'mp3', 'ac3', 'g711', 'g722', 'lpcm', 'flac', 'pcma', 'pcmu']);
/** A busy machine needs most of it; what is not carried is refused at once. */
const PROBE_SECONDS = 40;
const TRACK_MS = 8_000;

const nameOf = (protocol: Protocol, video: string, audio: string) =>
  `${protocol.toLowerCase().replaceAll(' ', '-')}-${video}-${audio}`;

describeWith(['ffmpeg', 'aiortc', 'av'], 'publishers of each protocol and readers of each other', () => {
  let agent: Agent;
  let srtPort = 0;
  let clip = '';
  const tsPorts = new Map<string, number>();
  /** Codecs that readers receive, by publication. */
  const cells = new Map<string, Cells>();
  beforeAll(async () => {
    srtPort = await freeUdpPort();
    clip = await barClip({ ...TINY, audio: 'opus' });
    const paths: string[] = [];
    for (const [protocol, video, audio] of PUBLICATIONS) {
      if (protocol === 'TS over UDP') {
        const port = await freeUdpPort();
        tsPorts.set(nameOf(protocol, video, audio), port);
        paths.push(`  ${nameOf(protocol, video, audio)}:\n    source: udp+mpegts://127.0.0.1:${port}\n`);
      }
    }
    agent = await startAgent({
      config: `api: yes\npathDefaults:\n  record: yes\npaths:\n  all_others:\n${paths.join('')}`,
      listen: () => ({ srtAddress: `127.0.0.1:${srtPort}` }),
    });
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());

  function publish(protocol: Protocol, video: string, audio: string): RunningProcess {
    const name = nameOf(protocol, video, audio);
    if (protocol === 'WHIP') {
      const url = `http://127.0.0.1:${agent.ports.webrtc}/${name}/whip`;
      const script = join(import.meta.dirname, '../peers/clients/aiortc-publisher.py');
      const codecs = audio === 'g711' ? `${video},PCMA` : video;
      return startProcess(PYTHON, [script, url, clip, codecs.toUpperCase()]);
    }
    const [enhancedVideo, enhancedAudio] = [ENHANCED[video], ENHANCED[audio]];
    const isNew = protocol === 'RTMP' || video === 'av1';
    if (isNew && enhancedVideo !== undefined && enhancedAudio !== undefined) {
      const url = protocol === 'RTMP' ? `rtmp://127.0.0.1:${agent.ports.rtmp}/${name}` : agent.rtspUrl(name);
      return startProcess(AV_PYTHON, [AV_SCRIPT, 'publish', url, enhancedVideo, enhancedAudio, '120']);
    }
    const outputs: Readonly<Record<Exclude<Protocol, 'WHIP'>, readonly string[]>> = {
      RTSP: ['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(name)],
      RTMP: ['-f', 'flv', `rtmp://127.0.0.1:${agent.ports.rtmp}/${name}`],
      SRT: ['-f', 'mpegts', `srt://127.0.0.1:${srtPort}?streamid=publish:${name}&pkt_size=1316`],
      'TS over UDP': ['-f', 'mpegts', `udp://127.0.0.1:${tsPorts.get(name)}?pkt_size=1316`],
    };
    const rateHz = audio === 'mp3' && protocol === 'RTMP' ? 44_100 : (RATES_HZ[audio] ?? 48_000);
    const encoders = [...(ENCODERS[video] ?? []), ...(ENCODERS[audio] ?? [])];
    const input = ['-nostdin', '-v', 'error', '-re', ...VIDEO, '-re', ...AUDIO(rateHz)];
    return startProcess('ffmpeg', [...input, ...encoders, ...outputs[protocol]]);
  }

  async function probe(input: string, options: readonly string[] = []): Promise<string> {
    const fields = ['-show_entries', 'stream=codec_name', '-of', 'csv=p=0'];
    const command = [`${PROBE_SECONDS}`, 'ffprobe', '-v', 'quiet', ...options, ...fields, input];
    const { output } = await runProcess('timeout', command);
    const codecs = new Set(output.match(/^[a-z\d_]+(?=,*$)/gm));
    return listOf([...codecs].map((codec) => NAMES[codec] ?? codec));
  }

  /** Probes with the current FFmpeg: Debian's knows neither Enhanced RTMP nor RTP of AV1. */
  async function probeNew(url: string, fourCcs = ''): Promise<string> {
    const { output } = await runProcess('timeout', [`${PROBE_SECONDS}`, AV_PYTHON, AV_SCRIPT, 'probe', url, fourCcs]);
    const codecs = JSON.parse(/^\[.*\]$/m.exec(output)?.[0] ?? '[]') as string[];
    return listOf(codecs.map((codec) => NAMES[codec] ?? codec));
  }

  /** Names of the codecs whose packets arrive. */
  async function watch(name: string): Promise<string> {
    const video = (codec: string) => new RTCRtpCodecParameters({ mimeType: `video/${codec}`, clockRate: 90_000 });
    const peer = new RTCPeerConnection({
      codecs: { video: [useH264(), ...['VP8', 'VP9', 'AV1', 'H265'].map(video)], audio: [useOPUS()] },
      iceServers: [],
      iceUseIpv6: false,
    });
    const received = new Set<string>();
    peer.onTrack.subscribe((track) => {
      track.onReceiveRtp.once(() => received.add(track.codec?.name.toLowerCase() ?? track.kind));
    });
    peer.addTransceiver('video', { direction: 'recvonly' });
    peer.addTransceiver('audio', { direction: 'recvonly' });
    await peer.setLocalDescription(await peer.createOffer());
    const response = await fetch(`http://127.0.0.1:${agent.ports.webrtc}/${name}/whep`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    });
    const sdp = await response.text();
    if (response.status === 201) {
      const wanted = sdp.split('m=').filter((section) => /^(?:audio|video) [1-9].*a=sendonly/s.test(section)).length;
      await peer.setRemoteDescription({ type: 'answer', sdp });
      await until(() => received.size > 0 || undefined);
      // A track that cannot be carried is in the answer, too.
      const deadlineMs = performance.now() + TRACK_MS;
      await until(() => received.size >= wanted || performance.now() > deadlineMs || undefined);
    }
    await peer.close();
    return listOf([...received]);
  }

  const READ: Readonly<Record<Reader, (name: string) => Promise<string>>> = {
    RTSP: (name) => probeNew(agent.rtspUrl(name)),
    RTMP: (name) => probeNew(`rtmp://127.0.0.1:${agent.ports.rtmp}/${name}`, FOURCCS),
    FLV: (name) => probeNew(`${agent.url}/live/${name}.live.flv`),
    SRT: (name) => probe(`srt://127.0.0.1:${srtPort}?streamid=read:${name}`),
    WHEP: watch,
    HLS: (name) => probe(`http://127.0.0.1:${agent.ports.hls}/${name}/index.m3u8`),
    'live fMP4': (name) => probe(`http://127.0.0.1:${agent.ports.hls}/${name}/live.mp4`),
    recording: async (name) => {
      const found = () => globSync(join(agent.dataDir, `recordings/${name}/*.mp4`))[0];
      const file = await until(async () => {
        const { recording } = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
        return recording?.active ? found() : undefined;
      });
      return until(async () => (await probe(file)) || undefined);
    },
  };

  test.for(inShort(PUBLICATIONS, ...Object.keys(SHORT)))('%s with %s and %s', async ([protocol, video, audio]) => {
    const name = nameOf(protocol, video, audio);
    const publisher = publish(protocol, video, audio);
    let status: PathStatus | undefined;
    try {
      await until(async () => {
        status = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
        return status?.ready && status.tracks.length === 2 ? true : undefined;
      }).catch((error: unknown) => {
        throw new Error(`${name} is not ready: ${JSON.stringify(status)} ${publisher.output()}`, { cause: error });
      });
      const readers = byLength(SHORT[`${protocol} ${video} ${audio}`] ?? READERS, READERS);
      const results = await Promise.all(
        readers.map(async (reader) => [reader, (await READ[reader](name)) || '–'] as const),
      );
      cells.set(name, Object.fromEntries(results));
      // RTP has no FLAC.
      const reader = protocol === 'RTMP' ? 'RTMP' : 'RTSP';
      expect(cells.get(name)?.[reader]).toBe(listOf([video, audio]));
    } finally {
      await publisher.stop('SIGKILL');
    }
  });

  const cellsOf = ([protocol, video, audio]: Publication) => cells.get(nameOf(protocol, video, audio)) ?? {};
  const received = (sent: string, row: Cells): string =>
    READERS.map((reader) => (row[reader] === sent ? 'all' : (row[reader] ?? '–'))).join(' | ');

  test('docs/compatibility.md has the rows of this run', () => {
    const table = readFileSync(DOCUMENT, 'utf8')
      .split('\n')
      .map((line) => line.slice(2, -2).split(' | '));
    for (const publication of inShort(PUBLICATIONS, ...Object.keys(SHORT))) {
      const [protocol, video, audio] = publication;
      const sent = listOf([video, audio]);
      const row = table.find(([from = '', codecs]) => codecs === sent && from.split(', ').includes(protocol)) ?? [];
      const shown = row.slice(2);
      // The cells of readers that this run leaves out.
      const documented = Object.fromEntries(READERS.map((reader, i) => [reader, shown[i]]));
      expect(received(sent, { ...documented, ...cellsOf(publication) })).toBe(shown.join(' | '));
    }
  });

  inLong(() =>
    test('docs/compatibility.md has the table of this run (vitest run -u writes it)', async () => {
      const head = `| From | Sent | ${READERS.join(' | ')} |\n|---|---|${READERS.map(() => '---|').join('')}`;
      const from = new Map<string, string[]>();
      for (const publication of PUBLICATIONS) {
        const [protocol, video, audio] = publication;
        const sent = listOf([video, audio]);
        const row = `${sent} | ${received(sent, cellsOf(publication))}`;
        from.set(row, [...(from.get(row) ?? []), protocol]);
      }
      const rows = [...from].map(([row, protocols]) => `| ${protocols.join(', ')} | ${row} |`);
      const text = readFileSync(DOCUMENT, 'utf8');
      const [before = '', rest = ''] = text.split(START);
      const [, after = ''] = rest.split(END);
      const table = `${before}${START}\n\n${head}\n${rows.join('\n')}\n\n${END}${after}`;
      await expect(table).toMatchFileSnapshot(DOCUMENT);
    }),
  );
});

/** Audio last. */
function listOf(codecs: readonly string[]): string {
  const isAudio = (codec: string) => AUDIO_CODECS.has(codec);
  return [...codecs].sort((a, b) => Number(isAudio(a)) - Number(isAudio(b))).join(', ');
}
