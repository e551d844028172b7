import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { openAskedServer } from '../../support/servers/asked-server.ts';

interface Asked {
  readonly protocol: string;
  readonly action: string;
  readonly id: string;
}

const CONFIG = [
  'api: yes\nauthMethod: http\nauthHTTPExclude: [{action: api}]\n',
  `runOnConnect: sh -c 'echo "connected $MTX_CONN_TYPE $MTX_CONN_ID"'\n`,
  `runOnDisconnect: sh -c 'echo "gone $MTX_CONN_TYPE $MTX_CONN_ID"'\n`,
  'logLevel: debug\npaths:\n  cam:\n',
].join('');

const idsOf = async (agent: Agent, list: string): Promise<string[]> =>
  (await agent.json<{ items: { id: string }[] }>(`/v3/${list}/list`)).items.map(({ id }) => id);

describeWith(['ffmpeg'], 'the id of a login', () => {
  test.for([
    ['rtsp', 'rtspsessions', 'rtspconns', 'rtspConn'],
    ['rtmp', 'rtmpconns', 'rtmpconns', 'rtmpConn'],
    ['srt', 'srtconns', 'srtconns', 'srtConn'],
  ] as const)('over %s is that in /v3/%s/list, and runOnConnect has that of /v3/%s/list as %s', async (protocols) => {
    const [protocol, list, connections, type] = protocols;
    await using server = await openAskedServer({ status: 200 });
    await using agent = await startAgent({
      listen: ({ rtsp }) => ({ srtAddress: `127.0.0.1:${rtsp}` }),
      config: `authHTTPAddress: ${server.url}\n${CONFIG}`,
    });
    const urls = {
      rtsp: ['rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl('cam')],
      rtmp: ['flv', `rtmp://127.0.0.1:${agent.ports.rtmp}/cam`],
      srt: ['mpegts', `srt://127.0.0.1:${agent.ports.rtsp}?streamid=publish:cam&pkt_size=1316`],
    };
    const publisher = startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', await smallClip(120), '-c:v', 'copy'],
      ...['-an', '-f', ...urls[protocol]],
    ]);
    try {
      await until(async () => {
        const { items } = await agent.json<{ items: { ready: boolean }[] }>('/v3/paths/list');
        return items.some(({ ready }) => ready) || undefined;
      });
      const asked = server.asked as Asked[];
      const ids = asked.filter((one) => one.protocol === protocol && one.action === 'publish').map(({ id }) => id);
      expect([...new Set(ids)]).toEqual(await idsOf(agent, list));
      const [id] = await idsOf(agent, connections);
      await expect.poll(() => agent.process.output()).toContain(`connected ${type} ${id}`);
      await publisher.stop('SIGINT');
      await expect.poll(() => agent.process.output(), { timeout: 15_000 }).toContain(`gone ${type} ${id}`);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});
