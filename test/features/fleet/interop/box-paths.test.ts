import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { startPostgresql } from '../../../peers/programs/postgresql.ts';

const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )';

interface Paths {
  readonly items: readonly { readonly name: string }[];
}

describeWith(['postgresql', 'gstreamer'], 'several servers with one database and a configuration each', () => {
  test('a box that is paired at one shows its camera at all, also at one that starts later, until it is removed', {
    timeout: 180_000,
  }, async () => {
    await using postgresql = await startPostgresql();
    const { url } = await postgresql.database();
    const server = { env: { PERCH_DATABASEURL: url }, config: 'perch: own\npaths: {}\n' };
    await using one = await startAgent({ ...server, isOwned: true });
    await using second = await startAgent(server);
    const other = { ...second, headers: one.headers };
    await using camera = await startGstCamera({ '/gate': VIDEO });
    await using box = await startBox(['gate'], [], camera.url('/gate'));
    const pathsOf = async (agent: Pick<Agent, 'url' | 'headers'>) =>
      (await asOwner<Paths>(agent, 'GET', '/v3/paths/list')).items.map(({ name }) => name);
    const shows = (agent: Pick<Agent, 'url' | 'headers'>, isShown = true) =>
      until(async () => ((await pathsOf(agent)).includes('gate') === isShown ? true : undefined));
    const plays = async (agent: Pick<Agent, 'url' | 'headers'>) => {
      const live = await fetch(`${agent.url}/hls/gate/live.mp4`, { headers: agent.headers });
      const first = await live.body?.getReader().read();
      expect([live.status, (first?.value?.byteLength ?? 0) > 100]).toEqual([200, true]);
      await live.body?.cancel().catch(() => {});
    };

    const { id } = await pairBox(one, box);
    await shows(one);
    await shows(other);
    await plays(other);
    expect(await asOwner(other, 'GET', '/v3/config/paths/get/gate')).toMatchObject({
      source: `perch://${id}/gate`,
      sourceOnDemand: true,
    });
    await using third = await startAgent(server);
    const late = { ...third, headers: one.headers };
    await shows(late);
    await plays(late);

    await asOwner(other, 'DELETE', `/v3/boxes/${id}`);
    for (const agent of [one, other, late]) {
      await shows(agent, false);
    }
  });
});
