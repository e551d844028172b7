import { expect, test } from 'vitest';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { forwardingTo, forwardWhen, serverCertificate, serverFingerprint } from '../../peers/agent/forwarding.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { startNginxRtmp } from '../../peers/programs/nginx-rtmp.ts';
import { describeWith } from '../../peers/programs/peers.ts';

describeWith(['ffmpeg'], 'a path that is forwarded by RTMP', () => {
  test('to another Perch with a login, and by RTMPS, is read there; its stream key is not shown', async () => {
    const config = `
rtmp: yes
${serverCertificate('rtmp')}authInternalUsers:
  - { user: pia, pass: s3cret, permissions: [{ action: publish }] }
  - { user: any, permissions: [{ action: read }, { action: api }] }
paths:
  all_others:
`;
    await using server = await startAgent({ config });
    const { rtmp, rtmps } = server.ports;
    await using agent = await forwardingTo(
      `dest: 'rtmp://127.0.0.1:${rtmp}/live/k3y?user=pia&pass=s3cret'`,
      `dest: 'rtmps://pia:s3cret@127.0.0.1:${rtmps}/secure/in', destFingerprint: '${serverFingerprint}'`,
      `dest: 'rtmp://127.0.0.1:${rtmp}/refused/in'`,
    );
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    const items = await Promise.all([forwardWhen(agent, 0, 'forwarding'), forwardWhen(agent, 1, 'forwarding')]);
    expect(items.map(({ protocol }) => protocol)).toEqual(['rtmp', 'rtmps']);
    for (const name of ['live/k3y', 'secure/in']) {
      await until(async () => (await server.json<{ ready: boolean }>(`/v3/paths/get/${name}`)).ready || undefined);
      const { streams } = await ffprobe(server.rtspUrl(name), ['-rtsp_transport', 'tcp']);
      expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
    }
    const refused = await forwardWhen(agent, 2, 'error');
    expect(refused.lastError).toContain('destination of path');
    const all = JSON.stringify([items, refused]);
    expect(all).toContain(`rtmp://127.0.0.1:${rtmp}/live/***`);
    expect(all + agent.process.output()).not.toMatch(/k3y|s3cret/);
  });
});

describeWith(['ffmpeg', 'nginxRtmp'], 'a path that is forwarded by RTMP', () => {
  test('to nginx-rtmp is read there by ffmpeg; after a restart of nginx it is sent again', async () => {
    await using nginx = await startNginxRtmp();
    const url = `${nginx.url}/door`;
    await using agent = await forwardingTo(`dest: '${url}'`);
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    await forwardWhen(agent, 0, 'forwarding');
    const { streams } = await ffprobe(url);
    expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
    await nginx.kill();
    await forwardWhen(agent, 0, 'error');
    nginx.start();
    expect((await forwardWhen(agent, 0, 'forwarding')).reconnects).toBeGreaterThan(0);
  });
});
