import { afterAll, beforeAll, expect, test } from 'vitest';
import { RTCPeerConnection, useH264 } from 'werift';
import { type Agent, PATIENT, startAgent, until } from '../peers/agent/agent.ts';
import { barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { ffmpegWarnings } from '../peers/programs/ffmpeg.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { startProcess } from '../peers/programs/process.ts';
import { freePorts } from '../support/base/free-port.ts';
import { readExposition, type Series } from '../support/media/prometheus.ts';

describeWith(['ffmpeg'], 'metrics of a box at work', () => {
  let agent: Agent;
  let publisher: AsyncDisposable;
  let [metricsPort, pprofPort] = [0, 0];
  beforeAll(async () => {
    [metricsPort = 0, pprofPort = 0] = await freePorts(2);
    const listen = () => ({ metricsAddress: `127.0.0.1:${metricsPort}`, pprofAddress: `127.0.0.1:${pprofPort}` });
    const switches = 'api: yes\nmetrics: yes\npprof: yes\nrecordSyncInterval: 1s\n';
    const config = `${PATIENT}${switches}pathDefaults:\n  record: yes\npaths:\n  all_others:\n`;
    agent = await startAgent({ listen, config });
    publisher = await publishClip(agent, 'cam', await barClip({ ...SMALL, audio: 'opus' }), { isEndless: true });
  });
  afterAll(async () => {
    await publisher?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  async function metrics(query = '', accept = '*/*', port = metricsPort): Promise<readonly Series[]> {
    const response = await fetch(`http://127.0.0.1:${port}/metrics${query}`, { headers: { accept } });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/plain'),
    ]);
    return readExposition(await response.text(), accept !== '*/*' || query.includes('help')).series;
  }
  const has = (all: readonly Series[], name: string, labels: object, least: number) =>
    all.some(
      (one) =>
        one.name === name &&
        one.value >= least &&
        Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    );
  const waitFor = (name: string, labels: object, least: number) =>
    until(async () => {
      const all = await metrics();
      return has(all, name, labels, least) ? all : undefined;
    });

  async function watch(): Promise<RTCPeerConnection> {
    const peer = new RTCPeerConnection({
      codecs: {
        video: [useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' })],
      },
      iceServers: [],
      iceUseIpv6: false,
    });
    peer.addTransceiver('video', { direction: 'recvonly' });
    await peer.setLocalDescription(await peer.createOffer());
    const response = await fetch(`http://127.0.0.1:${agent.ports.webrtc}/cam/whep`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    });
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    return peer;
  }

  test('readers over RTSP, WebRTC and HLS, the publisher and the recording are listed with their traffic', async () => {
    const path = { name: 'cam', state: 'ready' };
    await waitFor('paths_inbound_bytes', path, 10_000);
    const reading = ['-rtsp_transport', 'tcp', '-i', agent.rtspUrl('cam'), '-c', 'copy', '-f', 'null', '-'];
    const reader = startProcess('ffmpeg', ['-nostdin', '-loglevel', 'error', ...reading]);
    const viewer = await watch();
    try {
      await ffmpegWarnings(['-t', '0.5', '-i', `http://127.0.0.1:${agent.ports.hls}/cam/index.m3u8`]);
      const read = { path: 'cam', state: 'read' };
      await waitFor('rtsp_sessions_outbound_rtp_packets', read, 5);
      await waitFor('webrtc_sessions_outbound_rtp_packets', read, 5);
      await waitFor('hls_sessions_outbound_bytes', { path: 'cam' }, 1_000);
      await waitFor('perch_disk_flushes_total', {}, 1);
      const all = await metrics();
      expect(has(all, 'rtsp_sessions_inbound_rtp_packets', { path: 'cam', state: 'publish' }, 5)).toBe(true);
      expect(has(all, 'paths_readers', { ...path, readerType: 'rtspSession' }, 1)).toBe(true);
      expect(has(all, 'paths_readers', { ...path, readerType: 'webRTCSession' }, 1)).toBe(true);
      expect(has(all, 'hls_muxers_outbound_bytes', { name: 'cam' }, 1_000)).toBe(true);
      expect(all.filter(({ name }) => name === 'rtsp_conns')).toHaveLength(2);
      expect(has(all, 'perch_recording_active', { path: 'cam' }, 1)).toBe(true);
      expect(has(all, 'perch_disk_free_bytes', {}, 1)).toBe(true);
      expect(has(all, 'perch_event_loop_busy_seconds_total', {}, 0.01)).toBe(true);
      const id = all.find(({ name }) => name === 'webrtc_sessions')?.labels['id'] ?? '';
      const one = await metrics(`?webrtc_session=${id}`);
      expect(new Set(one.map(({ labels }) => labels['id']))).toEqual(new Set([id]));
      const described = await metrics('', 'text/plain;version=0.0.4', agent.ports.main);
      expect(new Set(described.map(({ name }) => name))).toEqual(new Set((await metrics()).map(({ name }) => name)));
    } finally {
      await viewer.close();
      await reader.stop('SIGINT');
    }
    await until(async () => (has(await metrics(), 'rtsp_sessions', { state: 'read' }, 1) ? undefined : true));
  });

  test('the profiling port returns a CPU profile while everything continues', async () => {
    const response = await fetch(`http://127.0.0.1:${pprofPort}/debug/pprof/profile?seconds=1`);
    const profile = (await response.json()) as { readonly samples: readonly number[] };
    expect([response.status, profile.samples.length > 100]).toEqual([200, true]);
    expect(has(await metrics(), 'paths', { name: 'cam', state: 'ready' }, 1)).toBe(true);
  });
});
