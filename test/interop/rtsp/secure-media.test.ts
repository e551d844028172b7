import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RtspSessionItem } from '../../../agent/servers/rtsp/session/session-kinds.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { OWN_END } from '../../peers/programs/gstreamer.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const FINGERPRINT = new X509Certificate(readFileSync(`${TLS}/camera.crt`)).fingerprint256.replaceAll(':', '');
const SECONDS = byLength(2, 30);
const TCP = ['-rtsp_transport', 'tcp'];

const openAgent = (paths = 'paths:\n  all_others:\n'): Promise<Agent> =>
  startAgent({
    config: `
rtspEncryption: optional
rtspServerKey: ${TLS}/camera.key
rtspServerCert: ${TLS}/camera.crt
${paths}`,
  });

const secureUrl = ({ ports }: Agent, path: string): string => `rtsps://127.0.0.1:${ports.rtsps}/${path}`;

const sessionsOf = async (agent: Agent, state: string): Promise<readonly RtspSessionItem[]> => {
  const { items } = await agent.json<{ items: RtspSessionItem[] }>('/v3/rtspssessions/list');
  return items.filter((session) => session.state === state);
};

/** GStreamer decodes the pictures for a while. @returns transport and profile of its session, and its warnings */
async function gstreamer(agent: Agent, path: string, protocol: string) {
  const source = ['-q', 'rtspsrc', `location=${secureUrl(agent, path)}`, 'latency=200', 'tls-validation-flags=0'];
  const decoder = ['!', 'application/x-rtp,media=video', '!', 'rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!'];
  const sink = ['identity', `eos-after=${25 * SECONDS}`, '!', 'fakesink', 'sync=false'];
  for (let run = 1; ; run += 1) {
    const player = startProcess('gst-launch-1.0', [...source, `protocols=${protocol}`, ...decoder, ...sink]);
    const [session] = await until(async () => {
      const found = await sessionsOf(agent, 'read');
      return found.some(({ outboundRTPPackets }) => outboundRTPPackets > 0) ? found : undefined;
    });
    const code = await player.exited;
    await until(async () => ((await sessionsOf(agent, 'read')).length === 0 ? true : undefined));
    if (run === 3 || !OWN_END.test(player.output())) {
      const said = code === 0 ? player.output().trim() : player.output();
      return { transport: session?.transport, profile: session?.profile, said };
    }
  }
}

const isReady = (agent: Agent, path: string): Promise<true> =>
  until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${path}`).catch(() => ({ ready: false }));
    return ready ? true : undefined;
  });

describeWith(['ffmpeg', 'gstreamer'], 'SRTP over RTSPS', () => {
  test.concurrent.for([
    ['tcp', 'TCP'],
    ['udp', 'UDP'],
    ['udp-mcast', 'UDP-multicast'],
  ] as const)('GStreamer reads it by %s', async ([protocol, transport]) => {
    await using agent = await openAgent();
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
    expect(await gstreamer(agent, 'cam', protocol)).toEqual({ transport, profile: 'SAVP', said: '' });
  });

  test.concurrent('ffmpeg, which has no MIKEY, reads plain RTP within TLS', async () => {
    await using agent = await openAgent();
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
    expect(await ffmpegWarnings([...TCP, '-i', secureUrl(agent, 'cam'), '-t', `${SECONDS}`])).toBe('');
  });

  test.concurrent.for([
    ['tcp', 'TCP'],
    ['udp', 'UDP'],
  ] as const)('GStreamer publishes it by %s', async ([protocol, transport]) => {
    await using agent = await openAgent();
    const encoder = ['videotestsrc', 'is-live=true', '!', 'x264enc', 'tune=zerolatency', 'key-int-max=25', '!'];
    const sink = ['rtspclientsink', `location=${secureUrl(agent, 'cam')}`, `protocols=${protocol}`, 'profiles=savp'];
    const publisher = startProcess('gst-launch-1.0', ['-q', ...encoder, ...sink, 'tls-validation-flags=0']);
    try {
      await isReady(agent, 'cam');
      expect(await sessionsOf(agent, 'publish')).toMatchObject([{ transport, profile: 'SAVP' }]);
      expect((await ffprobe(agent.rtspUrl('cam'), TCP)).streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
      expect(await sessionsOf(agent, 'publish')).toMatchObject([{ inboundRTPPacketsInError: 0 }]);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });

  test.concurrent.for([
    ['automatic', 'TCP'],
    ['udp', 'UDP'],
    ['multicast', 'UDP-multicast'],
  ] as const)('a second Perch pulls it with rtspTransport: %s', async ([wanted, transport]) => {
    await using origin = await openAgent();
    await using _publisher = await publishClip(origin, 'cam', await smallClip(120));
    const source = `    source: ${secureUrl(origin, 'cam')}\n    sourceFingerprint: ${FINGERPRINT}\n    rtspTransport: ${wanted}\n`;
    await using edge = await openAgent(`paths:\n  pulled:\n${source}`);
    await isReady(edge, 'pulled');
    expect(await sessionsOf(origin, 'read')).toMatchObject([{ transport, profile: 'SAVP' }]);
    expect(await ffmpegWarnings([...TCP, '-i', edge.rtspUrl('pulled'), '-t', `${SECONDS}`])).toBe('');
  });

  test.concurrent.for([
    ['tcp', 'TCP'],
    ['udp', 'UDP'],
  ] as const)('a GStreamer camera sends it by %s', async ([wanted, transport]) => {
    using folder = temporaryFolder();
    const pem = join(folder.path, 'camera.pem');
    writeFileSync(pem, Buffer.concat(['crt', 'key'].map((part) => readFileSync(`${TLS}/camera.${part}`))));
    const pictures = 'videotestsrc is-live=true ! x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96';
    await using camera = await startGstCamera({ '/cam': `( ${pictures} )` }, { tls: pem, isSavp: true });
    const source = `{source: '${camera.url('/cam')}', sourceFingerprint: ${FINGERPRINT}, rtspTransport: ${wanted}}`;
    await using agent = await openAgent(`paths:\n  cam: ${source}\n`);
    await isReady(agent, 'cam');
    expect(await agent.json('/v3/paths/get/cam')).toMatchObject({
      sourceStatistics: { transport },
      inboundFramesInError: 0,
    });
    expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('cam'), '-t', `${SECONDS}`])).toBe('');
  });
});
