import { expect, onTestFinished, test } from 'vitest';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { forwardingTo, forwardWhen } from '../../peers/agent/forwarding.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';

describeWith(['ffmpeg'], 'a path that is forwarded by SRT', () => {
  test('to another Perch with a login and encrypted is read there; secrets are not shown', async () => {
    const port = await freeUdpPort();
    const config = `
srt: yes
authInternalUsers:
  - { user: pia, pass: s3cret, permissions: [{ action: publish }] }
  - { user: any, permissions: [{ action: read }, { action: api }] }
paths:
  all_others:
    srtPublishPassphrase: a l0ng passphrase
`;
    await using server = await startAgent({ config, listen: () => ({ srtAddress: `127.0.0.1:${port}` }) });
    const url = (login: string) =>
      `srt://127.0.0.1:${port}?streamid=publish:in${login}&passphrase=a%20l0ng%20passphrase`;
    await using agent = await forwardingTo(`dest: '${url(':pia:s3cret')}'`, `dest: '${url('')}'`);
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    const item = await forwardWhen(agent, 0, 'forwarding');
    await until(async () => {
      const path = await server.json<{ ready: boolean }>('/v3/paths/get/in').catch(() => ({ ready: false }));
      return path.ready || undefined;
    });
    const { streams } = await ffprobe(server.rtspUrl('in'), ['-rtsp_transport', 'tcp']);
    expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
    const refused = await forwardWhen(agent, 1, 'error');
    expect(refused.lastError).toContain('the SRT listener rejects');
    expect(JSON.stringify([item, refused]) + agent.process.output()).not.toMatch(/s3cret|l0ng/);
  });
});

describeWith(['ffmpeg', 'srt-tools'], 'a path that is forwarded by SRT', () => {
  test('to srt-live-transmit is decoded behind it', async () => {
    const [port, out] = [await freeUdpPort(), await freeUdpPort()];
    const relay = startProcess('srt-live-transmit', [
      `srt://127.0.0.1:${port}?mode=listener`,
      `udp://127.0.0.1:${out}`,
    ]);
    onTestFinished(async () => void (await relay.stop('SIGKILL')));
    await using agent = await forwardingTo(`dest: 'srt://127.0.0.1:${port}'`);
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    await forwardWhen(agent, 0, 'forwarding');
    const { streams } = await ffprobe(`udp://127.0.0.1:${out}`);
    expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
  });
});
