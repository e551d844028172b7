import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { forwardingTo, forwardWhen, serverCertificate, serverFingerprint } from '../../peers/agent/forwarding.ts';
import { smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';

function scratchFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-forward-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

describeWith(['ffmpeg'], 'a path that is forwarded', () => {
  test('to another Perch over RTSP with a login, and over RTSPS, is read there; a restart of it is survived', async () => {
    const config = `
api: yes
${serverCertificate('rtsp')}rtspAuthMethods: [digest]
authInternalUsers:
  - { user: pia, pass: s3cret, permissions: [{ action: publish }] }
  - { user: any, permissions: [{ action: read }, { action: api }] }
paths:
  all_others:
`;
    const file = await smallClip(120);
    const server = await startAgent({ config });
    const { rtsp, rtsps } = server.ports;
    await using agent = await forwardingTo(
      `dest: 'rtsp://pia:s3cret@127.0.0.1:${rtsp}/plain/$MTX_PATH'`,
      `dest: 'rtsps://pia:s3cret@127.0.0.1:${rtsps}/secure', destFingerprint: '${serverFingerprint}'`,
      `dest: 'rtsp://pia:wrong@127.0.0.1:${rtsp}/wrong'`,
    );
    await using _publisher = await publishClip(agent, 'door', file);
    await Promise.all([forwardWhen(agent, 0, 'forwarding'), forwardWhen(agent, 1, 'forwarding')]);
    for (const name of ['plain/door', 'secure']) {
      const { streams } = await ffprobe(server.rtspUrl(name), ['-rtsp_transport', 'tcp']);
      expect(streams.map(({ codec_name: codec }) => codec)).toEqual(['h264', 'aac']);
    }
    const refused = await forwardWhen(agent, 2, 'error');
    expect(refused.lastError).toContain('destination rejected the password (401)');
    expect(JSON.stringify(refused)).not.toMatch(/pia|wrong@/);
    expect((await agent.json<{ readers: unknown[] }>('/v3/paths/get/door')).readers).toEqual([]);
    expect(agent.process.output()).not.toContain('s3cret');

    await server[Symbol.asyncDispose]();
    const lost = await forwardWhen(agent, 0, 'error');
    expect(lost.outboundBytes).toBeGreaterThan(10_000);
    await using _again = await startAgent({ config, ports: server.ports });
    const found = await forwardWhen(agent, 0, 'forwarding');
    expect(found.reconnects).toBeGreaterThan(0);
  });

  test('to another Perch by WHIP with a login is read there, its audio as Opus', async () => {
    const users = `authInternalUsers: [{ user: pia, pass: s3cret, permissions: [{ action: publish }] }, { user: any, permissions: [{ action: read }, { action: api }] }]\n`;
    await using server = await startAgent({ config: `${users}${PATIENT}api: yes\npaths:\n  all_others:\n` });
    const whip = (login: string, name: string) =>
      `dest: 'whip://${login}127.0.0.1:${server.ports.webrtc}/${name}/whip'`;
    await using agent = await forwardingTo(whip('pia:s3cret@', 'in'), whip('', 'refused'));
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    const { outboundBytes } = await forwardWhen(agent, 0, 'forwarding');
    const tracks = await until(async () => {
      const path = await server.json<{ tracks: string[] }>('/v3/paths/get/in').catch(() => ({ tracks: [] }));
      return path.tracks.length === 2 ? path.tracks : undefined;
    });
    expect(tracks).toEqual(['H264', 'Opus']);
    const sent = await until(async () => {
      const item = await forwardWhen(agent, 0, 'forwarding');
      return item.outboundBytes > outboundBytes + 50_000 ? item : undefined;
    });
    expect(sent.reconnects).toBe(0);
    expect((await forwardWhen(agent, 1, 'error')).lastError).toContain('401');
    expect((await agent.json<{ readers: unknown[] }>('/v3/paths/get/door')).readers).toEqual([]);
  });

  test('to ffmpeg as a server is written there', async () => {
    const out = scratchFile('out.mkv');
    const port = await freePort();
    await using agent = await forwardingTo(`dest: 'rtsp://127.0.0.1:${port}/in'`);
    const input = ['-nostdin', '-v', 'error', '-rtsp_flags', 'listen', '-i', `rtsp://127.0.0.1:${port}/in`];
    const ffmpeg = startProcess('ffmpeg', [...input, '-c', 'copy', '-t', '3', '-y', out]);
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    expect([await ffmpeg.exited, ffmpeg.output()]).toEqual([0, '']);
    const { streams } = await ffprobe(out);
    expect(streams.map(({ codec_name: codec }) => codec)).toEqual(['h264', 'aac']);
  });
});

describeWith(['ffmpeg', 'gstreamer'], 'a path that is forwarded', () => {
  test("to GStreamer's RTSP server is decoded there", async () => {
    const launch = '( rtph264depay name=depay0 ! avdec_h264 ! fakesink silent=false )';
    const withSound = launch.replace(' )', ' rtpmp4gdepay name=depay1 ! avdec_aac ! fakesink )');
    await using server = await startGstCamera({ '/in': withSound }, { takesRecord: true, protocols: ['tcp'] });
    await using agent = await forwardingTo(`dest: '${server.url('/in')}'`);
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    const { outboundBytes } = await forwardWhen(agent, 0, 'forwarding');
    const later = await until(async () => {
      const item = await forwardWhen(agent, 0, 'forwarding');
      return item.outboundBytes > outboundBytes + 100_000 ? item : undefined;
    });
    expect(later).toMatchObject({ reconnects: 0, lastError: null });
  });
});
