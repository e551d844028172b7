import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { serverCertificate, serverFingerprint } from '../../peers/agent/forwarding.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { startNginxRtmp } from '../../peers/programs/nginx-rtmp.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';

const CERTIFICATE = join(import.meta.dirname, '../../fixtures/tls/camera.crt');
const VERIFIED = ['-tls_verify', '1', '-ca_file', CERTIFICATE];
const UNKNOWN = ['-tls_verify', '1'];

const isReady = (agent: Agent, name: string): Promise<true> =>
  until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${name}`).catch(() => ({ ready: false }));
    return ready ? true : undefined;
  });

describeWith(['ffmpeg', 'gstreamer'], 'RTMP over TLS', () => {
  const running: RunningProcess[] = [];
  let agent: Agent;

  beforeAll(async () => {
    agent = await startAgent({ config: `api: yes\n${serverCertificate('rtmp')}paths:\n  all_others:\n` });
  });

  afterAll(async () => {
    for (const program of running) {
      await program.stop('SIGKILL');
    }
    await agent?.[Symbol.asyncDispose]();
  });

  const urlOf = (path: string): string => `rtmps://127.0.0.1:${agent.ports.rtmps}/${path}`;
  const publish = (path: string, clip: string, tls: readonly string[]): RunningProcess => {
    const input = ['-nostdin', '-v', 'error', '-re', '-i', clip, '-c', 'copy'];
    const program = startProcess('ffmpeg', [...input, '-f', 'flv', ...tls, urlOf(path)]);
    running.push(program);
    return program;
  };

  test.for([
    ['without verification', 'live/any', []],
    ['with the certificate as authority', 'live/verified', VERIFIED],
  ] as const)('ffmpeg publishes and reads %s', async ([, path, tls]) => {
    publish(path, await smallClip(120), tls);
    await isReady(agent, path);
    const { streams, warnings } = await ffprobe(urlOf(path), tls);
    expect(streams.map(({ codec_name: codec }) => codec)).toEqual(['h264', 'aac']);
    expect(warnings).toBe('');
    expect(await ffmpegWarnings([...tls, '-i', urlOf(path), '-t', '2'])).toBe('');
    const { items } = await agent.json<{ items: { state: string; path: string }[] }>('/v3/rtmpsconns/list');
    expect(items).toContainEqual(expect.objectContaining({ state: 'publish', path }));
    expect((await agent.json<{ itemCount: number }>('/v3/rtmpconns/list')).itemCount).toBe(0);
  });

  test('ffmpeg that does not know the certificate does not publish', async () => {
    const program = publish('live/unknown', await smallClip(120), UNKNOWN);
    expect(await program.exited).not.toBe(0);
    expect(program.output()).toMatch(/certificate/i);
  });

  test('GStreamer publishes and reads', async () => {
    const trusting = [`location=${urlOf('live/gst')}`, 'tls-validation-flags=0'];
    const coded = 'videotestsrc is-live=true ! x264enc tune=zerolatency key-int-max=25 ! flvmux streamable=true !';
    running.push(startProcess('gst-launch-1.0', [...coded.split(' '), 'rtmp2sink', ...trusting]));
    await isReady(agent, 'live/gst');
    const decode = '! flvdemux ! h264parse ! avdec_h264 ! identity eos-after=25 ! fakesink'.split(' ');
    const { code, output } = await runProcess('gst-launch-1.0', ['-q', 'rtmp2src', ...trusting, ...decode]);
    expect(`${code} ${output.trim()}`).toBe('0 ');
  });
});

describeWith(['ffmpeg', 'nginxRtmp', 'nginxStream'], "nginx-rtmp behind nginx's TLS", () => {
  test('is pulled and is a destination, by its fingerprint', async () => {
    await using nginx = await startNginxRtmp();
    const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy', '-f', 'flv'];
    const publisher = startProcess('ffmpeg', [...input, `${nginx.url}/cam`]);
    try {
      const pin = (key: string) => `${key}: '${serverFingerprint}'`;
      const pulled = `{ source: '${nginx.secureUrl}/cam', ${pin('sourceFingerprint')}, forward: [{ dest: '${nginx.secureUrl}/back', ${pin('destFingerprint')} }] }`;
      await using agent = await startAgent({ config: `api: yes\npaths:\n  pulled: ${pulled}\n` });
      await isReady(agent, 'pulled');
      expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', agent.rtspUrl('pulled'), '-t', '2'])).toBe('');
      const { streams } = await ffprobe(`${nginx.url}/back`);
      expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});
