import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ForwardItem } from '../../../agent/http/api/streams/forwards.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';
import { certificate } from '../../support/cameras/channel-front.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const fingerprint = new X509Certificate(certificate('camera').cert).fingerprint256;

/** The destination is listed with this state. */
const forwardWhen = (agent: Agent, pos: number, state: ForwardItem['state']): Promise<ForwardItem> =>
  until(async () => {
    const { items } = await agent.json<{ items: ForwardItem[] }>('/v3/paths/forward/list?path=door');
    return items[pos]?.state === state ? items[pos] : undefined;
  });

const forwardingTo = (...destinations: readonly string[]): Promise<Agent> => {
  const list = destinations.map((destination) => `      - { ${destination} }\n`).join('');
  return startAgent({ config: `api: yes\npaths:\n  door:\n    forward:\n${list}` });
};

describeWith(['ffmpeg'], 'a path that is forwarded by RTMP', () => {
  test('to another Perch with a login, and by RTMPS, is read there; its stream key is not shown', async () => {
    const config = `
rtmp: yes
rtmpEncryption: optional
rtmpServerKey: ${TLS}/camera.key
rtmpServerCert: ${TLS}/camera.crt
authInternalUsers:
  - { user: pia, pass: s3cret, permissions: [{ action: publish }] }
  - { user: any, permissions: [{ action: read }, { action: api }] }
paths:
  all_others:
`;
    await using server = await startAgent({ config });
    const { rtmp, rtmps } = server.ports;
    await using agent = await forwardingTo(
      `dest: 'rtmp://127.0.0.1:${rtmp}/live/k3y?user=pia&pass=s3cret'`,
      `dest: 'rtmps://pia:s3cret@127.0.0.1:${rtmps}/secure/in', destFingerprint: '${fingerprint}'`,
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
    const folder = mkdtempSync(join(tmpdir(), 'perch-nginx-rtmp-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const port = await freePort();
    const server = `rtmp { server { listen 127.0.0.1:${port}; application live { live on; } } }`;
    const head = `load_module modules/ngx_rtmp_module.so;\ndaemon off;\nmaster_process off;\npid ${folder}/nginx.pid;\n`;
    writeFileSync(join(folder, 'nginx.conf'), `${head}error_log stderr;\nevents {}\n${server}\n`);
    const start = () => startProcess('/usr/sbin/nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
    let nginx = start();
    onTestFinished(async () => void (await nginx.stop('SIGKILL')));
    const url = `rtmp://127.0.0.1:${port}/live/door`;
    await using agent = await forwardingTo(`dest: '${url}'`);
    await using _publisher = await publishClip(agent, 'door', await smallClip(120));
    await forwardWhen(agent, 0, 'forwarding');
    const { streams } = await ffprobe(url);
    expect(streams.map(({ codec_name: codec }) => codec).sort()).toEqual(['aac', 'h264']);
    await nginx.stop('SIGKILL');
    await forwardWhen(agent, 0, 'error');
    nginx = start();
    expect((await forwardWhen(agent, 0, 'forwarding')).reconnects).toBeGreaterThan(0);
  });
});
