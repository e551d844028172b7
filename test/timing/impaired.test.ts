import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import type { RtspSessionItem } from '../../agent/servers/rtsp/session/session-kinds.ts';
import type { PacketImpairment } from '../impair/packet-link.ts';
import { Packets, Pictures } from '../impair/playable.ts';
import { Relay } from '../impair/relay.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../peers/programs/process.ts';

/** 25 a second. */
const PICTURES = byLength(50, 1_500);

const sparedPackets = 20;
const IMPAIRMENTS = {
  losses: { seed: 11, loss: 0.02 },
  bursts: { seed: 12, bursts: { share: 0.005, packets: 8 } },
  reordering: { seed: 13, sparedPackets, reorder: { share: 0.2, heldMs: 30 } },
  duplicates: { seed: 14, duplicates: 0.2 },
  jitter: { seed: 15, sparedPackets, jitterMs: 40 },
  'everything at once': {
    seed: 16,
    sparedPackets,
    loss: 0.01,
    bursts: { share: 0.001, packets: 4 },
    duplicates: 0.05,
    reorder: { share: 0.05, heldMs: 30 },
    jitterMs: 40,
  },
} satisfies Record<string, PacketImpairment>;
type Kind = keyof typeof IMPAIRMENTS;
const ALL_KINDS = Object.keys(IMPAIRMENTS) as Kind[];
/** A link that loses pictures and other packets, and one that must lose none. */
const KINDS = inShort(ALL_KINDS, 'reordering', 'everything at once');
const HARMLESS: readonly Kind[] = ['reordering', 'duplicates', 'jitter'];
const pathOf = (kind: Kind): string => kind.replaceAll(' ', '-');

/** A bad link to one camera or from one publisher, and the arrived packets. */
interface ImpairedLink {
  readonly relay: Relay;
  readonly pictures: Pictures;
  readonly sound: Packets;
  /** Pictures that were sent before it went dark. */
  sentPictures: number;
}

async function startLink(to: number, kind: Kind, direction: 'toClient' | 'toServer'): Promise<ImpairedLink> {
  const pictures = new Pictures();
  const sound = new Packets();
  const watch = (track: number) => ({ [direction]: (track === 0 ? pictures : sound).watch });
  return { relay: await Relay.start({ to, datagrams: IMPAIRMENTS[kind], watch }), pictures, sound, sentPictures: 0 };
}

/** Passes this many pictures, then nothing more. @returns packets that arrived, of both tracks */
async function endAfter(link: ImpairedLink, count: number): Promise<number> {
  const { relay, pictures, sound } = link;
  await until(() => (pictures.sent >= count ? true : undefined));
  relay.state = 'blackHole';
  link.sentPictures = pictures.sent;
  return pictures.arrived + sound.arrived;
}

/** The recording of a path: decoded pictures, and ffmpeg's messages about them. */
async function recorded(agent: Agent, path: string): Promise<{ pictures: number; complaints: string }> {
  let pictures = 0;
  let complaints = '';
  for (const file of globSync(join(agent.dataDir, `recordings/${path}/*.mp4`))) {
    const { streams } = await ffprobe(file, ['-count_frames']);
    pictures += Number(streams.find(({ codec_type }) => codec_type === 'video')?.nb_read_frames ?? 0);
    complaints += await ffmpegWarnings(['-i', file]);
  }
  return { pictures, complaints };
}

/** Every picture that can be played is recorded, no other, and the recording has no flaw. */
async function expectPlayable(agent: Agent, links: ReadonlyMap<Kind, ImpairedLink>): Promise<void> {
  for (const [kind, { pictures, sentPictures }] of links) {
    expect
      .soft({ kind, ...(await recorded(agent, pathOf(kind))) })
      .toEqual({ kind, pictures: pictures.playable, complaints: '' });
    if (HARMLESS.includes(kind)) {
      expect.soft({ kind, playable: pictures.playable }).toEqual({ kind, playable: sentPictures });
    }
  }
}

async function close(...all: readonly (AsyncDisposable | undefined)[]): Promise<void> {
  for (const one of all) {
    await one?.[Symbol.asyncDispose]();
  }
}

describeWith(['ffmpeg', 'gstreamer'], 'a camera of GStreamer over UDP through a network with', () => {
  let camera: GstCamera;
  let agent: Agent;
  const links = new Map<Kind, ImpairedLink>();
  beforeAll(async () => {
    const clip = playClip(await smallClip(120), true);
    camera = await startGstCamera(Object.fromEntries(KINDS.map((kind) => [`/${pathOf(kind)}`, clip])));
    for (const kind of KINDS) {
      links.set(kind, await startLink(camera.port, kind, 'toClient'));
    }
    const path = ([kind, { relay }]: [Kind, ImpairedLink]) =>
      `  ${pathOf(kind)}: { source: 'rtsp://127.0.0.1:${relay.port}/${pathOf(kind)}', rtspTransport: udp, record: yes }\n`;
    agent = await startAgent({ config: `api: yes\npaths:\n${[...links].map(path).join('')}` });
  });
  afterAll(() => close(...[...links.values()].map(({ relay }) => relay), agent, camera));

  test.for(KINDS)('%s: lost, duplicate and reordered packets are counted', async (kind) => {
    const link = links.get(kind) as ImpairedLink;
    const arrived = await endAfter(link, PICTURES);
    const { sourceStatistics } = await until(async () => {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${pathOf(kind)}`);
      return status.sourceStatistics?.packets === arrived ? status : undefined;
    });
    const { pictures, sound } = link;
    expect(sourceStatistics).toMatchObject({
      transport: 'UDP',
      lost: pictures.lost + sound.lost,
      late: pictures.extra + sound.extra,
      badPackets: 0,
      jumps: 0,
    });
    const isInOrder = !('reorder' in IMPAIRMENTS[kind] || 'jitterMs' in IMPAIRMENTS[kind]);
    expect(isInOrder || (sourceStatistics?.reordered ?? 0) > PICTURES / 10).toBe(true);
  });

  test('every picture that can be played is recorded and no other, without a flaw', async () => {
    await agent.process.stop('SIGINT');
    await expectPlayable(agent, links);
  });
});

describeWith(['ffmpeg'], 'ffmpeg as a publisher over UDP through a network with', () => {
  let agent: Agent;
  const links = new Map<Kind, ImpairedLink>();
  const publishers: RunningProcess[] = [];
  beforeAll(async () => {
    agent = await startAgent({ config: 'api: yes\npathDefaults:\n  record: yes\npaths:\n  all_others:\n' });
    const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy', '-f', 'rtsp'];
    for (const kind of KINDS) {
      const link = await startLink(agent.ports.rtsp, kind, 'toServer');
      links.set(kind, link);
      const url = `rtsp://127.0.0.1:${link.relay.port}/${pathOf(kind)}`;
      publishers.push(startProcess('ffmpeg', [...input, '-rtsp_transport', 'udp', url]));
    }
  });
  afterAll(async () => {
    await Promise.all(publishers.map((publisher) => publisher.stop('SIGKILL')));
    await close(...[...links.values()].map(({ relay }) => relay), agent);
  });

  test.for(KINDS)('%s: lost packets are counted', async (kind) => {
    const link = links.get(kind) as ImpairedLink;
    const arrived = await endAfter(link, PICTURES);
    const session = await until(async () => {
      const { items } = await agent.json<{ items: RtspSessionItem[] }>('/v3/rtspsessions/list');
      return items.find(({ path, inboundRTPPackets }) => path === pathOf(kind) && inboundRTPPackets === arrived);
    });
    const inboundRTPPacketsLost = link.pictures.lost + link.sound.lost;
    expect(session).toMatchObject({ transport: 'UDP', inboundRTPPacketsLost, inboundRTPPacketsInError: 0 });
  });

  test('every picture that can be played is recorded and no other, without a flaw', async () => {
    await agent.process.stop('SIGINT');
    await expectPlayable(agent, links);
  });
});
